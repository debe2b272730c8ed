// SPDX-License-Identifier: Apache-2.0
/** Sums over samples in which NaN means "no sample". */
import type { Series } from './detector.ts';

export const isSample = (value: number): boolean => Number.isFinite(value);

export const samplesOf = (values: ArrayLike<number>): Float64Array =>
  Float64Array.from(values).filter(isSample);

export function mean(values: ArrayLike<number>): number {
  let sum = 0;
  for (let i = 0; i < values.length; i++) sum += values[i] ?? 0;
  return sum / values.length;
}

/** The standard deviation of the samples themselves (divisor n). */
export function deviation(values: ArrayLike<number>, center = mean(values)): number {
  let sum = 0;
  for (let i = 0; i < values.length; i++) sum += ((values[i] ?? 0) - center) ** 2;
  return Math.sqrt(sum / values.length);
}

/** Linear interpolation between order statistics, as numpy and R (type 7) do. */
export function quantileOfSorted(sorted: ArrayLike<number>, q: number): number {
  const position = (sorted.length - 1) * q;
  const low = Math.floor(position);
  const [a = NaN, b = a] = [sorted[low], sorted[Math.min(low + 1, sorted.length - 1)]];
  return a + (b - a) * (position - low);
}

export const quantile = (values: ArrayLike<number>, q: number): number =>
  quantileOfSorted(Float64Array.from(values).sort(), q);

export const median = (values: ArrayLike<number>): number => quantile(values, 0.5);

/** One series of the means over those that have a sample. */
export function meanAcross(series: readonly Series[]): Float64Array {
  return across(series, (column) => mean(column));
}

export function medianAcross(series: readonly Series[]): Float64Array {
  return across(series, (column) => median(column));
}

function across(
  series: readonly Series[],
  combine: (column: Float64Array) => number,
): Float64Array {
  const [first, ...others] = series;
  if (first !== undefined && others.length === 0) return Float64Array.from(first.values);
  const combined = new Float64Array(Math.max(0, ...series.map((s) => s.values.length)));
  const column = new Float64Array(series.length);
  for (let t = 0; t < combined.length; t++) {
    let count = 0;
    for (const { values } of series) {
      const value = values[t] ?? NaN;
      if (isSample(value)) column[count++] = value;
    }
    combined[t] = count === 0 ? NaN : combine(column.subarray(0, count));
  }
  return combined;
}

/** The median of the first `count` values, which it sorts in place: for short hot loops. */
export function medianOfFew(values: Float64Array, count: number): number {
  for (let i = 1; i < count; i++) insert(values, i);
  return count === 0 ? NaN : midpoint(values, count);
}

/** Moves the value at `at` to its place among the sorted ones before it. */
function insert(values: Float64Array, at: number): void {
  const value = values[at] ?? NaN;
  let i = at;
  for (let before = values[i - 1]; i > 0 && before !== undefined && before > value;) {
    values[i--] = before;
    before = values[i - 1];
  }
  values[i] = value;
}

function midpoint(sorted: Float64Array, count: number): number {
  const [low = NaN, high = NaN] = [sorted[(count - 1) >> 1], sorted[count >> 1]];
  return (low + high) / 2;
}

/** Means and standard deviations of any window, in constant time each. */
export class WindowSums {
  readonly #count: Int32Array;
  readonly #sum: Float64Array;
  readonly #squares: Float64Array;
  readonly #offset: number;

  constructor(values: ArrayLike<number>) {
    const n = values.length;
    // Sums around a typical value lose no digits when the level is far from zero.
    this.#offset = firstSample(values);
    this.#count = new Int32Array(n + 1);
    this.#sum = new Float64Array(n + 1);
    this.#squares = new Float64Array(n + 1);
    for (let i = 0; i < n; i++) {
      const value = values[i] ?? NaN;
      const used = isSample(value);
      const centered = used ? value - this.#offset : 0;
      this.#count[i + 1] = (this.#count[i] ?? 0) + (used ? 1 : 0);
      this.#sum[i + 1] = (this.#sum[i] ?? 0) + centered;
      this.#squares[i + 1] = (this.#squares[i] ?? 0) + centered ** 2;
    }
  }

  /** Of the samples from `start` up to and without `end`. */
  window(start: number, end: number): { count: number; mean: number; deviation: number } {
    const count = between(this.#count, start, end);
    const center = between(this.#sum, start, end) / count;
    const variance = between(this.#squares, start, end) / count - center ** 2;
    return { count, mean: center + this.#offset, deviation: Math.sqrt(Math.max(0, variance)) };
  }
}

const between = (sums: ArrayLike<number>, start: number, end: number): number =>
  (sums[end] ?? 0) - (sums[start] ?? 0);

function firstSample(values: ArrayLike<number>): number {
  for (let i = 0; i < values.length; i++) {
    const value = values[i] ?? NaN;
    if (isSample(value)) return value;
  }
  return 0;
}
