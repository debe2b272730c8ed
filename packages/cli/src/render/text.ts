// SPDX-License-Identifier: Apache-2.0

/** `1 pod`, `3 pods`. */
export const plural = (count: number, noun: string): string =>
  `${count} ${noun}${count === 1 ? '' : 's'}`;

/** A finding as `Reason: message`, unless the message names the reason itself. */
export const finding = ({ reason, message }: { reason: string; message: string }): string => {
  if (message === '') return reason;
  return message.includes(reason) ? message : `${reason}: ${message}`;
};
