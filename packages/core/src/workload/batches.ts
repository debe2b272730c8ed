// SPDX-License-Identifier: Apache-2.0
import type { IntOrPercent } from './types.ts';

/** `maxSurge` and `maxUnavailable`, resolved against the replicas. */
export interface Bounds {
  readonly surge: number;
  readonly unavailable: number;
}

const percentOf = (value: string): number => Number(value.slice(0, -1)) / 100;

/** A count or percentage of `replicas`, rounded as asked. Unreadable text counts as 0. */
export function resolve(
  value: IntOrPercent | undefined,
  replicas: number,
  round: (n: number) => number,
): number {
  if (typeof value === 'number') return value;
  if (value === undefined || !/^\d+%$/.test(value)) return 0;
  // As Kubernetes does: multiply first, so that 30% of 10 is 3 and not 3.0000000000000004 rounded up.
  return round((Math.round(percentOf(value) * 100) * replicas) / 100);
}

/** maxSurge and maxUnavailable as the Deployment controller reads them (never both 0). */
export function userBounds(
  rolling: { readonly maxSurge?: IntOrPercent; readonly maxUnavailable?: IntOrPercent } | undefined,
  replicas: number,
): Bounds {
  const surge = resolve(rolling?.maxSurge ?? '25%', replicas, Math.ceil);
  const unavailable = Math.min(
    replicas,
    resolve(rolling?.maxUnavailable ?? '25%', replicas, Math.floor),
  );
  return surge === 0 && unavailable === 0 ? { surge, unavailable: 1 } : { surge, unavailable };
}

/**
 * Pods of the new revision at the end of each batch. Percentages follow `replicas`; the last is
 * always everything, and no batch is smaller than the one before.
 */
export function batchTargets(steps: readonly IntOrPercent[], replicas: number): number[] {
  const targets: number[] = [];
  for (const step of steps) {
    const wanted = Math.min(replicas, Math.max(1, resolve(step, replicas, Math.ceil)));
    targets.push(Math.max(wanted, targets.at(-1) ?? 0));
  }
  if ((targets.at(-1) ?? 0) < replicas) targets.push(replicas);
  return targets;
}
