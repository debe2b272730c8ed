// SPDX-License-Identifier: Apache-2.0
/**
 * Updated against stable pods at the same times. The measure is how far stable pods are from each
 * other: pods of one revision differ by their node and their share of the traffic, too, and a few of
 * them tell little about how much.
 */
import type { Series, Worse } from './detector.ts';
import { isSample, medianAcross } from './statistics.ts';

export interface StableScore {
  /** The largest mean difference of three consecutive samples, in `scale`. */
  readonly statistic: number;
  readonly threshold: number;
}

export interface StableInput {
  readonly updated: Float64Array;
  readonly stable: readonly Series[];
  readonly worse: Worse;
}

/** The smallest spread that is believed, as a share of the level. */
const SPREAD_FLOOR = 0.01;

/**
 * Thresholds by the number of stable pods, from simulated pods whose samples are independent, depend
 * on the ones before (AR(1) up to 0.99), or whose levels differ for good: 0.5 % of good changes exceed
 * them at any of 60 looks. Levels of two or three pods say little about the next one.
 */
const THRESHOLDS: readonly (readonly [pods: number, threshold: number])[] = [
  [2, 27],
  [3, 13],
  [4, 9],
  [5, 7],
  [6, 6],
  [8, 5],
  [10, 4.5],
];

export function thresholdFor(pods: number): number {
  return THRESHOLDS.findLast(([from]) => from <= pods)?.[1] ?? Infinity;
}

/** Undefined with fewer than two stable pods that have samples. */
export function stableScore({ updated, stable, worse }: StableInput): StableScore | undefined {
  const pods = stable.filter(({ values }) => Array.prototype.some.call(values, isSample));
  if (pods.length < 2) return undefined;
  return {
    statistic: largestDifference(updated, pods, worse),
    threshold: thresholdFor(pods.length),
  };
}

/** At each time with the spread known until then, so that a later look cannot undo an earlier one. */
function largestDifference(updated: Float64Array, pods: readonly Series[], worse: Worse): number {
  const center = medianAcross(pods);
  const spread = new Spread(pods);
  let largest = 0;
  let recent: readonly number[] = [];
  for (let t = 0; t < updated.length; t++) {
    const middle = center[t] ?? NaN;
    spread.add(t, middle);
    const difference = (updated[t] ?? NaN) - middle;
    if (!isSample(difference)) continue;
    recent = [...recent.slice(-2), difference];
    if (recent.length < 3) continue;
    const mean = recent.reduce((a, b) => a + b) / 3;
    largest = Math.max(largest, harm(mean, worse) / spread.scale(middle));
  }
  return largest;
}

export function harm(difference: number, worse: Worse): number {
  if (worse === 'Both') return Math.abs(difference);
  return worse === 'Higher' ? difference : -difference;
}

/** The standard deviation of the stable pods around their median. */
class Spread {
  readonly #pods: readonly Series[];
  #squares = 0;
  #degrees = 0;

  constructor(pods: readonly Series[]) {
    this.#pods = pods;
  }

  add(t: number, middle: number): void {
    let count = 0;
    for (const { values } of this.#pods) {
      const residual = (values[t] ?? NaN) - middle;
      if (!isSample(residual)) continue;
      this.#squares += residual ** 2;
      count++;
    }
    this.#degrees += Math.max(0, count - 1);
  }

  scale(level: number): number {
    const deviation = Math.sqrt(this.#squares / this.#degrees);
    return Math.max(deviation, SPREAD_FLOOR * Math.abs(level), Number.EPSILON);
  }
}
