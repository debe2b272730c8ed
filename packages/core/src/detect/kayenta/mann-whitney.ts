// SPDX-License-Identifier: Apache-2.0
/**
 * The Mann-Whitney (Wilcoxon rank-sum) test as an interval for the shift between two samples, by the
 * normal approximation with corrections for ties and continuity, as R's `wilcox.test` has it.
 */
import { findRoot } from './brent.ts';

export interface ShiftInterval {
  readonly low: number;
  readonly high: number;
  readonly estimate: number;
}

/**
 * The shift from `control` to `experiment`. `quantile` is the normal quantile of the confidence: 1.96
 * for 95 %. Undefined if all values are the same.
 */
export function shiftInterval(
  experiment: Float64Array,
  control: Float64Array,
  quantile: number,
): ShiftInterval | undefined {
  const [x, y] = [experiment.toSorted(), control.toSorted()];
  const min = (x[0] ?? NaN) - (y.at(-1) ?? NaN);
  const max = (x.at(-1) ?? NaN) - (y[0] ?? NaN);
  // Samples without any spread are apart by one shift, and no rank tells more.
  if (min === max) return min === 0 ? undefined : { low: min, high: min, estimate: min };
  const score = (shift: number): number => rankSumScore(x, y, shift);
  const rootOf = (z: number): number => {
    if (score(min) <= z) return min;
    if (score(max) >= z) return max;
    return findRoot((shift) => score(shift) - z, min, max);
  };
  return { low: rootOf(quantile), high: rootOf(-quantile), estimate: findRoot(score, min, max) };
}

/** The standardized rank sum of `x` less `shift` among `y`; both are sorted. */
function rankSumScore(x: Float64Array, y: Float64Array, shift: number): number {
  const [n, m] = [x.length, y.length];
  const { rankSum, tied } = rank(x, y, shift);
  const difference = rankSum - (n * (n + 1)) / 2 - (n * m) / 2;
  const corrected = difference - Math.sign(difference) / 2;
  const variance = ((n * m) / 12) * (n + m + 1 - tied / ((n + m) * (n + m - 1)));
  return variance === 0 ? 0 : corrected / Math.sqrt(variance);
}

/** The ranks of `x` in both, with the mean rank for ties, and the sum over ties of t³ − t. */
function rank(
  x: Float64Array,
  y: Float64Array,
  shift: number,
): { readonly rankSum: number; readonly tied: number } {
  let [i, j, rankSum, tied] = [0, 0, 0, 0];
  while (i < x.length || j < y.length) {
    const value = Math.min((x[i] ?? Infinity) - shift, y[j] ?? Infinity);
    const [firstX, firstY] = [i, j];
    while (i < x.length && (x[i] ?? NaN) - shift === value) i++;
    while (j < y.length && y[j] === value) j++;
    const count = i - firstX + (j - firstY);
    rankSum += (i - firstX) * (firstX + firstY + (count + 1) / 2);
    tied += count ** 3 - count;
  }
  return { rankSum, tied };
}

/** The share of pairs in which the experiment is higher; ties count half (Vargha, Delaney 2000). */
export function commonLanguageEffect(experiment: Float64Array, control: Float64Array): number {
  const [n, m] = [experiment.length, control.length];
  const { rankSum } = rank(experiment.toSorted(), control.toSorted(), 0);
  return (2 * rankSum - n * (n + 1)) / (2 * n * m);
}
