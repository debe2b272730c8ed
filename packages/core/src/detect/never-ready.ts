// SPDX-License-Identifier: Apache-2.0
/**
 * Tells early that a pod will not become ready: it is unready for many times longer than any pod of
 * its workload has needed. The user's deadline stays the limit; this is the first sign.
 */

export interface ReadyTimesInput {
  /**
   * How long each stable pod took to become ready, in milliseconds: from its creation, or from the
   * start of its containers. A new revision pulls a new image, which stable pods may not have done.
   */
  readonly knownMs: readonly number[];
  /** How long the updated pod has been unready, from the same point on. */
  readonly ageMs: number;
}

export interface NeverReady {
  readonly isSuspect: boolean;
  /** From this age on the pod is suspect; undefined where too few pods are known to tell. */
  readonly suspectAfterMs?: number;
  /** A sentence with the numbers, for a pod that is suspect. */
  readonly message?: string;
}

/** Fewer pods say nothing about the slowest. */
const MIN_KNOWN = 2;
/** Kubernetes rounds the times of a pod to seconds, and probes have a period. */
const GRACE_MS = 500;
/**
 * How many times longer than the slowest of so many known pods. Start times have a heavy tail: these
 * keep the share of good pods that are suspected at 1 % for log-normal times with a deviation of 0.5,
 * where the slowest of a hundred pods takes three times the median.
 */
const FACTORS: readonly (readonly [known: number, factor: number])[] = [
  [2, 4],
  [3, 3],
  [4, 2.5],
  [5, 2.2],
  [10, 1.7],
  [30, 1.4],
];

export function neverReady({ knownMs, ageMs }: ReadyTimesInput): NeverReady {
  const factor = FACTORS.findLast(([known]) => known <= knownMs.length)?.[1];
  if (factor === undefined || knownMs.length < MIN_KNOWN) return { isSuspect: false };
  const slowest = Math.max(...knownMs);
  const suspectAfterMs = Math.round(factor * slowest + GRACE_MS);
  if (ageMs < suspectAfterMs) return { isSuspect: false, suspectAfterMs };
  const seconds = (ms: number): string => `${(ms / 1000).toFixed(1)} s`;
  return {
    ...{ isSuspect: true, suspectAfterMs },
    message:
      `the pod is not ready after ${seconds(ageMs)}; ` +
      `the slowest of ${knownMs.length} stable pods needed ${seconds(slowest)}`,
  };
}
