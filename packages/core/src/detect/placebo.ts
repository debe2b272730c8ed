// SPDX-License-Identifier: Apache-2.0
/**
 * Before and after, with placebo tests: a shift after the change counts only if it is large against
 * the noise, unusual for the time of day, and larger than the shifts of the same series at times
 * when nothing was changed. The last part makes one threshold fit all signals: it needs no
 * assumption about their distribution or autocorrelation. (Placebo tests "in time" are standard in
 * the evaluation of policies: Abadie, Diamond, Hainmueller 2010.)
 */
import type { Threshold, Worse } from './detector.ts';
import { withoutSeason } from './season.ts';
import { shiftOf, type Shift } from './shift.ts';
import { isSample, quantile, WindowSums } from './statistics.ts';

/** Samples that make up the level and the noise before a change. */
export const BASELINE = 60;
export const MIN_BASELINE = 20;
/** Fewer placebos say too little about the tail. */
const MIN_PLACEBOS = 20;
const PLACEBO_QUANTILE = 0.9;
/** Even on a series that never moves, noise alone reaches this many standard deviations. */
const LEAST_PLACEBO: number = 2.5;
/** Without placebos, the score as if every series' placebos reached this. */
const ASSUMED_PLACEBO: Shift = { sustained: 4, repeated: 4 };
/** The smallest standard deviation that is believed, as a share of the level. */
const NOISE_FLOOR = 0.001;

/** The statistic is 1 where each of the three conditions is just met. */
const SUSTAINED_SIGMAS = 4;
const REPEATED_SIGMAS = 2.5;
const PLACEBO_RATIO = 1.5;

export interface PlaceboScore {
  readonly statistic: number;
  /** The shift in standard deviations. */
  readonly sigmas: number;
  readonly source: Threshold['source'];
  readonly placebos: number;
  /** The share of placebos that were smaller; NaN without placebos. */
  readonly largerThan: number;
}

export interface PlaceboInput {
  readonly before: Float64Array;
  readonly updated: Float64Array;
  readonly worse: Worse;
  readonly stepSeconds: number;
  readonly plannedSamples: number;
}

/** Undefined with fewer than `MIN_BASELINE` samples before the change. */
export function placeboScore(input: PlaceboInput): PlaceboScore | undefined {
  const { before, updated, worse, stepSeconds } = input;
  const all = joined(before, updated);
  const z = standardize(all, before.length);
  if (z === undefined) return undefined;
  const plain = shiftOf(z, worse);
  const agreed = shiftOf(agreeing(z, seasonal(all, before.length, stepSeconds)), worse);
  const placebos = placeboShifts(input);
  const ratio = ratioTo(plain, placebos);
  return {
    statistic: Math.min(
      agreed.sustained / SUSTAINED_SIGMAS,
      agreed.repeated / REPEATED_SIGMAS,
      ratio / PLACEBO_RATIO,
    ),
    sigmas: plain.sustained,
    source: placebos === undefined ? 'Simulated' : 'Placebo',
    placebos: placebos?.length ?? 0,
    largerThan: shareBelow(placebos, plain.sustained),
  };
}

function joined(before: Float64Array, updated: Float64Array): Float64Array {
  const all = new Float64Array(before.length + updated.length);
  all.set(before);
  all.set(updated, before.length);
  return all;
}

/** Deviations from the samples before `start`, in their standard deviation. */
function standardize(all: Float64Array, start: number): Float64Array | undefined {
  const first = Math.max(0, start - BASELINE);
  const baseline = new WindowSums(all.subarray(first, start)).window(0, start - first);
  if (baseline.count < MIN_BASELINE) return undefined;
  return all.subarray(start).map((value) => deviationFrom(value, baseline));
}

const deviationFrom = (value: number, baseline: { mean: number; deviation: number }): number =>
  (value - baseline.mean) / noiseOf(baseline);

/** A constant zero has no noise: any other value is then far away, and finite. */
const noiseOf = ({ mean, deviation }: { mean: number; deviation: number }): number =>
  Math.max(deviation, NOISE_FLOOR * Math.abs(mean), Number.EPSILON);

/** Deviations after the usual course of the day is subtracted; undefined without a day of history. */
function seasonal(all: Float64Array, start: number, stepSeconds: number): Float64Array | undefined {
  const first = Math.max(0, start - BASELINE);
  const residuals = withoutSeason(all, stepSeconds, first);
  return residuals === undefined ? undefined : standardizeResiduals(residuals, all, start - first);
}

/** The floor of the noise is relative to the level of the signal, which the residuals lack. */
function standardizeResiduals(
  residuals: Float64Array,
  all: Float64Array,
  start: number,
): Float64Array | undefined {
  const baseline = new WindowSums(residuals).window(0, start);
  if (baseline.count < MIN_BASELINE) return undefined;
  const end = all.length - (residuals.length - start);
  const level = new WindowSums(all.subarray(end - start, end)).window(0, start).mean;
  const noise = noiseOf({ mean: level, deviation: baseline.deviation });
  return residuals.subarray(start).map((value) => (value - baseline.mean) / noise);
}

/** The geometric mean where both point the same way, else zero: the day explains the shift. */
function agreeing(z: Float64Array, other: Float64Array | undefined): Float64Array {
  if (other === undefined) return z;
  return z.map((value, i) => {
    const second = other[i] ?? NaN;
    if (!isSample(second)) return value;
    if (value * second <= 0) return 0;
    return Math.sign(value) * Math.sqrt(value * second);
  });
}

/**
 * The shifts after pseudo-changes through the history, each over as many samples as the last planned
 * look will have. Undefined if there are too few.
 */
function placeboShifts(input: PlaceboInput): readonly Shift[] | undefined {
  const { before, updated, worse } = input;
  const length = Math.max(input.plannedSamples, updated.length);
  const sums = new WindowSums(before);
  const scores = new Float64Array(length);
  const shifts: Shift[] = [];
  const stride = Math.max(5, length >> 1);
  for (let start = before.length - length; start >= BASELINE; start -= stride) {
    const baseline = sums.window(start - BASELINE, start);
    if (baseline.count < MIN_BASELINE) continue;
    for (let i = 0; i < length; i++) {
      scores[i] = deviationFrom(before[start + i] ?? NaN, baseline);
    }
    shifts.push(shiftOf(scores, worse));
  }
  return shifts.length < MIN_PLACEBOS ? undefined : shifts;
}

function ratioTo(shift: Shift, placebos: readonly Shift[] | undefined): number {
  const usual = placebos === undefined ? ASSUMED_PLACEBO : usualOf(placebos);
  return Math.max(shift.sustained / usual.sustained, shift.repeated / usual.repeated);
}

function usualOf(placebos: readonly Shift[]): Shift {
  const level = (of: (shift: Shift) => number): number =>
    Math.max(LEAST_PLACEBO, quantile(placebos.map(of), PLACEBO_QUANTILE));
  return { sustained: level((s) => s.sustained), repeated: level((s) => s.repeated) };
}

const shareBelow = (placebos: readonly Shift[] | undefined, sustained: number): number =>
  placebos === undefined
    ? NaN
    : placebos.filter((p) => p.sustained < sustained).length / placebos.length;
