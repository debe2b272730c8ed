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
import { isSample, quantileOfSorted, WindowSums } from './statistics.ts';

/** Samples that make up the level and the noise before a change. */
export const BASELINE = 60;
export const MIN_BASELINE = 20;
/** Fewer placebos say too little about the tail. */
const MIN_PLACEBOS = 20;
/** Even on a series that never moves, noise alone reaches this many standard deviations. */
const LEAST_PLACEBO = 2.5;
/** With fewer placebos than that, as if shifts of this many standard deviations were usual. */
const ENOUGH_PLACEBOS = 100;
const ASSUMED_PLACEBO = 4;
/** The smallest standard deviation that is believed, as a share of the level. */
const NOISE_FLOOR = 0.001;
/** And as a share of the movement from sample to sample in the whole history. */
const ROUGHNESS_SHARE = 0.7;

/** The statistic is 1 where each of the four conditions is just met. */
const SUSTAINED_SIGMAS = 3.6;
const REPEATED_SIGMAS = 2.25;
/** Times the shift that one placebo in ten exceeds. */
const PLACEBO_RATIO = 1.35;
const USUAL = 0.9;
/** Times the shift that one placebo in a hundred reaches; with fewer, the largest. */
const RARE_RATIO = 1.1;
const RARE = 0.99;

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
  const roughness = ROUGHNESS_SHARE * roughnessOf(before);
  const z = standardize(all, before.length, roughness);
  if (z === undefined) return undefined;
  const plain = shiftOf(z, worse);
  const residuals = seasonal(all, { start: before.length, stepSeconds, roughness });
  const agreed = shiftOf(agreeing(z, residuals), worse);
  const placebos = placeboShifts(input, roughness);
  const least = leastPlacebo(placebos?.length ?? 0, before.length);
  return {
    statistic: Math.min(
      agreed.sustained / SUSTAINED_SIGMAS,
      agreed.repeated / REPEATED_SIGMAS,
      rarity(plain, placebos, least),
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
function standardize(
  all: Float64Array,
  start: number,
  roughness: number,
): Float64Array | undefined {
  const first = Math.max(0, start - BASELINE);
  const baseline = new WindowSums(all.subarray(first, start)).window(0, start - first);
  if (baseline.count < MIN_BASELINE) return undefined;
  return all.subarray(start).map((value) => (value - baseline.mean) / noiseOf(baseline, roughness));
}

/** A constant zero has no noise: any other value is then far away, and finite. */
const noiseOf = (
  { mean, deviation }: { readonly mean: number; readonly deviation: number },
  roughness: number,
): number => Math.max(deviation, roughness, NOISE_FLOOR * Math.abs(mean), Number.EPSILON);

/**
 * The standard deviation that independent samples would have which move as much from one to the next.
 * An hour that happens to be quiet does not make the next one suspicious.
 */
function roughnessOf(values: Float64Array): number {
  let [squares, count] = [0, 0];
  for (let i = 1; i < values.length; i++) {
    const step = (values[i] ?? NaN) - (values[i - 1] ?? NaN);
    if (!isSample(step)) continue;
    squares += step * step;
    count++;
  }
  return count === 0 ? 0 : Math.sqrt(squares / count / 2);
}

interface SeasonInput {
  /** The first sample after the change. */
  readonly start: number;
  readonly stepSeconds: number;
  readonly roughness: number;
}

/** Deviations after the usual course of the day is subtracted; undefined without a day of history. */
function seasonal(all: Float64Array, input: SeasonInput): Float64Array | undefined {
  const first = Math.max(0, input.start - BASELINE);
  const residuals = withoutSeason(all, input.stepSeconds, first);
  if (residuals === undefined) return undefined;
  const length = input.start - first;
  const baseline = new WindowSums(residuals.subarray(0, length)).window(0, length);
  if (baseline.count < MIN_BASELINE) return undefined;
  // The floor of the noise is relative to the level of the signal, which the residuals lack.
  const level = new WindowSums(all.subarray(first, input.start)).window(0, length).mean;
  const noise = noiseOf({ mean: level, deviation: baseline.deviation }, input.roughness);
  return residuals.subarray(length).map((value) => (value - baseline.mean) / noise);
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
function placeboShifts(input: PlaceboInput, roughness: number): readonly Shift[] | undefined {
  const { before, updated, worse } = input;
  const length = Math.max(input.plannedSamples, updated.length);
  const sums = new WindowSums(before);
  const scores = new Float64Array(length);
  const shifts: Shift[] = [];
  const stride = Math.max(5, length >> 1);
  for (let start = before.length - length; start >= BASELINE; start -= stride) {
    const baseline = sums.window(start - BASELINE, start);
    if (baseline.count < MIN_BASELINE) continue;
    const noise = noiseOf(baseline, roughness);
    for (let i = 0; i < length; i++) {
      scores[i] = ((before[start + i] ?? NaN) - baseline.mean) / noise;
    }
    shifts.push(shiftOf(scores, worse));
  }
  return shifts.length < MIN_PLACEBOS ? undefined : shifts;
}

/** More than 1: larger than the usual placebo by far, and than all but the rarest. */
function rarity(shift: Shift, placebos: readonly Shift[] | undefined, least: number): number {
  const [sustained, repeated] = [sorted(placebos, 'sustained'), sorted(placebos, 'repeated')];
  const ratio = Math.max(
    shift.sustained / usualOf(sustained, least),
    shift.repeated / usualOf(repeated, least),
  );
  const rare = sustained[Math.ceil(RARE * sustained.length) - 1] ?? 0;
  const rareRatio = rare === 0 ? Infinity : shift.sustained / rare;
  return Math.min(ratio / PLACEBO_RATIO, rareRatio / RARE_RATIO);
}

const sorted = (placebos: readonly Shift[] | undefined, form: keyof Shift): Float64Array =>
  Float64Array.from(placebos ?? [], (shift) => shift[form]).sort();

const usualOf = (shifts: Float64Array, least: number): number =>
  shifts.length === 0 ? least : Math.max(least, quantileOfSorted(shifts, USUAL));

/** A short history knows its own mean and noise badly. */
function leastPlacebo(placebos: number, before: number): number {
  if (placebos >= ENOUGH_PLACEBOS) return LEAST_PLACEBO;
  return ASSUMED_PLACEBO * Math.sqrt(BASELINE / Math.min(BASELINE, before));
}

const shareBelow = (placebos: readonly Shift[] | undefined, sustained: number): number =>
  placebos === undefined
    ? NaN
    : placebos.filter((p) => p.sustained < sustained).length / placebos.length;
