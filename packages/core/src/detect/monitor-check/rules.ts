// SPDX-License-Identifier: Apache-2.0
/**
 * The rules of AlterShield's monitorCheck: a series is abnormal if none of them excuses it, so that
 * only a large, fresh and lasting shift is reported. Described from the behavior of
 * traas-stack/altershield-monitorCheck (Apache-2.0) and held to recorded answers of it.
 */
import { deviation, mean, median, quantile } from '../statistics.ts';
import { risesOnly, type FieldRule } from './fields.ts';

/** One series of a field, and the references of all series of that field. */
export interface Sample {
  readonly field: string;
  readonly rule: FieldRule;
  readonly before: Float64Array;
  readonly after: Float64Array;
  readonly background: Background;
  /** Samples at the end that are looked at, and how many of them must be abnormal. */
  readonly window: number;
  readonly needed: number;
}

/** What the series of one field have in common. */
export interface Background {
  /** Mean and deviation of the mean series without its tails; undefined if it is too short. */
  readonly level?: { readonly mean: number; readonly deviation: number };
  /** The times at which every series has a value other than zero, if most are all zero. */
  readonly nonZeroTimes?: readonly number[];
}

const RECENT = 5;
const ABNORMAL_DEVIATIONS = 2.5;
const MAX_NEEDED_DEVIATIONS = 4.5;
const MIN_RISE = 1.35;

export const isAbnormal = (sample: Sample): boolean => {
  const scores = scoresOf(sample);
  return !EXCUSES.some((excuse) => excuse(sample, scores));
};

interface Scores {
  /** Distances from the mean before, in deviations. */
  readonly deviations: Float64Array;
  readonly recent: number;
  readonly levelBefore: number;
  readonly levelAfter: number;
  /** The level before in deviations: a steady series has a large one. */
  readonly steadiness: number;
}

function scoresOf({ field, before, after }: Sample): Scores {
  const center = mean(before);
  const floor = center * 0.1 > 1 ? 1 : mean(after) * 0.05 + 0.01;
  const unit = deviation(before, center) + floor;
  const deviations = after.map((value) =>
    risesOnly(field) ? Math.max(0, (value - center) / unit) : Math.abs(value - center) / unit,
  );
  return {
    deviations,
    recent: mean(deviations.subarray(-RECENT)),
    levelBefore: center,
    levelAfter: mean(after.subarray(-RECENT)),
    steadiness: center / unit,
  };
}

type Excuse = (sample: Sample, scores: Scores) => boolean;

const isWithinNoise: Excuse = (sample, { recent, steadiness }) => {
  const needed = (steady: number): number => 2 + 2 * Math.log10(Math.max(steady, 1));
  const spread = spreadOf(sample);
  const limit = Math.min(MAX_NEEDED_DEVIATIONS, Math.max(needed(steadiness), needed(spread)));
  return Math.abs(recent) < limit;
};

/** How far the samples are from what all series of the field were before. */
function spreadOf({ after, background: { level } }: Sample): number {
  if (level === undefined) return 0;
  return mean(after.map((value) => Math.abs(value - level.mean) / (level.deviation + 1)));
}

const isClose: Excuse = (_sample, { recent }) => recent >= 0 && recent < 1;

const hasReturned: Excuse = ({ window, needed }, { deviations }) =>
  deviations.subarray(-3).every((score) => score <= ABNORMAL_DEVIATIONS) ||
  count(deviations.subarray(-window), (score) => score >= ABNORMAL_DEVIATIONS) < needed;

const isSmallShift: Excuse = (_sample, { levelBefore, levelAfter }) =>
  relativeShift(levelAfter, levelBefore) < Math.min(0.05, 7 / Math.max(levelAfter, 10));

const isInsideQuantiles: Excuse = (sample) => {
  const [low, high] = quantilesOf(sample);
  const isOutlier = (value: number): boolean =>
    !(value <= high && (risesOnly(sample.field) || value >= low));
  return count(sample.after.subarray(-sample.window), isOutlier) < sample.needed;
};

/** Quantiles of zeros are zero: if most are, the other values count, less their five largest. */
function quantilesOf({ before, background }: Sample): readonly [low: number, high: number] {
  const others = Float64Array.from(background.nonZeroTimes?.map((t) => before[t] ?? NaN) ?? before);
  const high = Math.max(0.5, 0.985 - 5 / others.length);
  return [
    Math.min(quantile(before, 0.05), quantile(others, 0.05)),
    Math.max(quantile(before, 0.985), quantile(others, high)),
  ];
}

const isSmallRise: Excuse = ({ field }, { levelBefore, levelAfter }) => {
  const allowed = levelBefore < 0.5 ? 5 : 5 / Math.sqrt(levelBefore) + 0.1;
  return !field.includes('Percent') && levelAfter / (levelBefore + 1e-3) < allowed;
};

/** The rule of the field: small shifts and values on the harmless side are noise. */
const isHarmless: Excuse = ({ rule, before, after }) => {
  const recent = after.subarray(-3);
  if (relativeShift(median(recent), median(before)) <= rule.minShift) return true;
  const lastTwo = after.subarray(-2);
  if (rule.harmless === 'Above') return lastTwo.every((value) => value > rule.threshold);
  const base = Math.max(median(before), median(after) * 0.1);
  return lastTwo.every((value) => value <= rule.threshold) || mean(recent) / base <= MIN_RISE;
};

const EXCUSES: readonly Excuse[] = [
  isWithinNoise,
  isClose,
  hasReturned,
  isSmallShift,
  isInsideQuantiles,
  isSmallRise,
  isHarmless,
];

const relativeShift = (a: number, b: number): number => Math.abs((2 * (a - b)) / (a + b + 1e-5));

const count = (values: Float64Array, matches: (value: number) => boolean): number =>
  values.filter(matches).length;

/** The common references of the series of one field. */
export function backgroundOf(field: string, before: readonly Float64Array[]): Background {
  const times = before[0]?.length ?? 0;
  const indices = Array.from({ length: times }, (_, t) => t);
  const at = (t: number): number[] => before.map((values) => values[t] ?? NaN);
  const zeros = indices.filter((t) => at(t).every((value) => value === 0)).length;
  const nonZero = indices.filter((t) => at(t).every((value) => value !== 0));
  const isSparse = field !== 'count' && zeros > 0.7 * times && nonZero.length > 0;
  const level = levelOf(Float64Array.from(indices, (t) => mean(at(t))));
  return {
    ...(level === undefined ? {} : { level }),
    ...(isSparse ? { nonZeroTimes: nonZero } : {}),
  };
}

function levelOf(means: Float64Array): Background['level'] {
  if (means.length <= 10) return undefined;
  const [low, high] = [quantile(means, 0.01), quantile(means, 0.995)];
  const usual = means.filter((value) => value >= low && value <= high);
  return usual.length > 5 ? { mean: mean(usual), deviation: deviation(usual) } : undefined;
}
