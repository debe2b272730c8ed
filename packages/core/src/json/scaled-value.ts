// SPDX-License-Identifier: Apache-2.0
import type { IntOrPercent } from './objects.ts';

const percentOf = (value: string): number => Number(value.slice(0, -1)) / 100;

/** A count or a percentage of `replicas`, rounded with `round`. Invalid text counts as 0. */
export function scaledValue(
  value: IntOrPercent | undefined,
  replicas: number,
  round: (n: number) => number,
): number {
  if (typeof value === 'number') return value;
  if (value === undefined || !/^\d+%$/.test(value)) return 0;
  // Multiply first, as Kubernetes does: 30% of 10 must be 3, not 3.0000000000000004 rounded up.
  return round((Math.round(percentOf(value) * 100) * replicas) / 100);
}
