// SPDX-License-Identifier: Apache-2.0

/** `1 pod`, `3 pods`. */
export const plural = (count: number, noun: string): string =>
  `${count} ${noun}${count === 1 ? '' : 's'}`;
