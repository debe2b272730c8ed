// SPDX-License-Identifier: Apache-2.0

/**
 * Whether `a` is a later state than `b`. Versions are decimal integers that may outgrow a double, so
 * the longer one is the greater one. '' is "none": everything is newer than none.
 */
export function isNewer(a: string, b: string): boolean {
  return a.length === b.length ? a > b : a.length > b.length;
}

export const newest = (a: string, b: string): string => (isNewer(a, b) ? a : b);
