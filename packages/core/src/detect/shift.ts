// SPDX-License-Identifier: Apache-2.0
/**
 * Running statistics of a shift: each grows with the samples and never falls, so that its value at
 * the last look is the largest of all looks.
 */
import { isSample } from './statistics.ts';
import type { Worse } from './detector.ts';

/** The three forms in which a signal may worsen, as the largest value so far. */
export interface Shift {
  /** The largest mean of three consecutive deviations, in standard deviations. */
  readonly sustained: number;
  /** The largest deviation that two consecutive samples both reach. */
  readonly repeated: number;
}

/** Deviations that harm count as positive. */
const SIGNS: Readonly<Record<Worse, readonly number[]>> = {
  Higher: [1],
  Lower: [-1],
  Both: [1, -1],
};

/** The shift within `scores` from `start` to `end`; a gap is skipped, not filled. */
export function shiftOf(
  scores: ArrayLike<number>,
  worse: Worse,
  start = 0,
  end = scores.length,
): Shift {
  let sustained = 0;
  let repeated = 0;
  for (const sign of SIGNS[worse]) {
    let a = NaN;
    let b = NaN;
    for (let i = start; i < end; i++) {
      const c = sign * (scores[i] ?? NaN);
      if (!isSample(c)) continue;
      repeated = larger(repeated, Math.min(b, c));
      sustained = larger(sustained, (a + b + c) / 3);
      a = b;
      b = c;
    }
  }
  return { sustained, repeated };
}

/** NaN, which stands for too few samples, is not larger. */
const larger = (a: number, b: number): number => (b > a ? b : a);
