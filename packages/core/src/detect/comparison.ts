// SPDX-License-Identifier: Apache-2.0
/**
 * The default detector: updated pods against the time before (placebo.ts) and against stable pods
 * (stable.ts), with a smallest effect that counts and a rule for missing data.
 */
import type {
  Detection,
  DetectionReason,
  Detector,
  DetectorInput,
  Effect,
  MinEffect,
  SignalKind,
  Threshold,
  Verdict,
} from './detector.ts';
import { describe, evidenceOf } from './explain.ts';
import { BASELINE, placeboScore, type PlaceboScore } from './placebo.ts';
import { harm, stableScore, type StableScore } from './stable.ts';
import { mean, meanAcross, median, samplesOf } from './statistics.ts';

/** Enough samples for a shift to have shown itself. */
export const MIN_SAMPLES = 5;
/** A smaller share of usable samples says too little. */
const MIN_COVERAGE = 0.6;
/** So many samples in a row without data are no hiccup of the source. */
const MISSING_SAMPLES = 3;

/** A resource that is used more harms nobody by itself, so it must be clearer. */
const LIMITS: Readonly<Record<SignalKind, number>> = { Service: 1, Traffic: 1, Resource: 1.5 };
/** How much the limits grow each time that the number of signals doubles. */
const GROWTH_PER_DOUBLING = 0.25;

const limitFor = ({ kind, signals = 1 }: DetectorInput): number =>
  LIMITS[kind] * multiplicity(signals);

const multiplicity = (signals: number): number =>
  1 + GROWTH_PER_DOUBLING * Math.log2(Math.max(1, signals));

/** Stable pods that reach this share of the limit have worsened as well. */
const ALSO_WORSE = 0.7;
/** Measured: docs/detectors.md, and simulated: false-alarms.test.ts. */
const FALSE_ALARM_RATE = 0.01;

const DEFAULT_MIN_EFFECT: Readonly<Record<SignalKind, MinEffect>> = {
  Service: { absolute: 0, relative: 0.1 },
  Traffic: { absolute: 0, relative: 0.2 },
  Resource: { absolute: 0, relative: 0.3 },
};

export const comparison: Detector = { name: 'Comparison', judge };

/** The input with its pods taken together, and what was computed from it. */
interface Measured {
  readonly input: DetectorInput;
  readonly updated: Float64Array;
  readonly stable: Float64Array;
  readonly before: Float64Array;
  /** Samples of the updated pods that can be used. */
  readonly samples: number;
  readonly effect: Effect;
  readonly placebo: PlaceboScore | undefined;
  readonly against: StableScore | undefined;
}

function judge(input: DetectorInput): Detection {
  const measured = measure(input);
  return (
    missing(measured) ??
    unreferenced(measured) ??
    worsenedSinceBefore(measured) ??
    worsenedAgainstStable(measured) ??
    unchanged(measured)
  );
}

function measure(input: DetectorInput): Measured {
  const updated = withTraffic(meanAcross(input.updated), input.traffic);
  const stable = meanAcross(input.stable);
  const before = meanAcross(input.before);
  return {
    ...{ input, updated, stable, before },
    samples: samplesOf(updated).length,
    effect: effectOf({ updated, stable, before }),
    placebo: placeboScore({ ...input, before, updated }),
    against: againstStable(updated, input),
  };
}

function againstStable(updated: Float64Array, input: DetectorInput): StableScore | undefined {
  const score = stableScore({ updated, stable: input.stable, worse: input.worse });
  const factor = multiplicity(input.signals ?? 1);
  return score === undefined ? undefined : { ...score, threshold: score.threshold * factor };
}

function withTraffic(values: Float64Array, traffic: DetectorInput['traffic']): Float64Array {
  if (traffic === undefined) return values;
  return values.map((value, i) => ((traffic.requests[i] ?? 0) >= traffic.min ? value : NaN));
}

function effectOf(series: Pick<Measured, 'updated' | 'stable' | 'before'>): Effect {
  const updated = level(samplesOf(series.updated));
  const stable = level(samplesOf(series.stable));
  const before = level(samplesOf(series.before.subarray(-BASELINE)));
  return { ...before('before'), ...stable('stable'), ...updated('updated') };
}

/** A property with the mean, or none without samples. */
const level =
  (samples: Float64Array) =>
  (name: keyof Effect): Effect =>
    samples.length === 0 ? {} : { [name]: mean(samples) };

// --- The rules, in order ---------------------------------------------------------------------

/** Missing data of the updated pods, while most stable pods have data. */
function missing(measured: Measured): Detection | undefined {
  const { input, updated, samples } = measured;
  if (samples > 0 || updated.length < MISSING_SAMPLES) return undefined;
  if (input.traffic !== undefined) return inconclusive(measured, 'TooLittleTraffic');
  const counts = Float64Array.from(input.stable, ({ values }) => samplesOf(values).length);
  const isLost = median(counts) >= Math.max(2, updated.length / 2);
  if (!isLost) return inconclusive(measured, 'TooFewSamples');
  const isFailure = input.kind === 'Traffic' && input.isScraped === true;
  return answer(measured, isFailure ? 'Fail' : 'Inconclusive', 'NoData');
}

function unreferenced(measured: Measured): Detection | undefined {
  const { placebo, against } = measured;
  return placebo === undefined && against === undefined
    ? inconclusive(measured, 'NoReference')
    : undefined;
}

function worsenedSinceBefore(measured: Measured): Detection | undefined {
  const { placebo, input, effect } = measured;
  if (placebo === undefined || placebo.statistic <= limitFor(input)) return undefined;
  if (!isLarge(measured, effect.before)) return answer(measured, 'Pass', 'SmallEffect');
  return isAlsoInStable(measured)
    ? inconclusive(measured, 'AlsoInStable')
    : answer(measured, 'Fail', 'Worsened');
}

/** The stable pods moved as well since the change, and the updated ones are not apart from them. */
function isAlsoInStable({ input, stable, before, against }: Measured): boolean {
  if (against !== undefined && against.statistic > against.threshold) return false;
  const score = placeboScore({ ...input, before, updated: stable });
  return score !== undefined && score.statistic > ALSO_WORSE * limitFor(input);
}

/** For signals that have no history, or whose noise all pods share. */
function worsenedAgainstStable(measured: Measured): Detection | undefined {
  const { against, effect, input } = measured;
  if (against === undefined || against.statistic <= against.threshold) return undefined;
  if (!isLarge(measured, effect.stable)) return undefined;
  const sinceBefore = (effect.updated ?? 0) - (effect.before ?? -Infinity);
  const isBetterThanBefore = effect.before !== undefined && harm(sinceBefore, input.worse) <= 0;
  return isBetterThanBefore ? undefined : answer(measured, 'Fail', 'Worsened', 'Stable');
}

function unchanged(measured: Measured): Detection {
  const { samples, updated, input } = measured;
  if (samples < MIN_SAMPLES) return inconclusive(measured, 'TooFewSamples');
  if (samples >= MIN_COVERAGE * updated.length) return answer(measured, 'Pass', 'NoShift');
  return inconclusive(measured, input.traffic === undefined ? 'TooFewSamples' : 'TooLittleTraffic');
}

/** The worst three consecutive samples are as far from the reference as counts. */
function isLarge({ input, updated }: Measured, reference: number | undefined): boolean {
  if (reference === undefined) return false;
  const { absolute, relative } = input.minEffect ?? DEFAULT_MIN_EFFECT[input.kind];
  const needed = Math.max(absolute, relative * Math.abs(reference));
  return worstOf(updated, reference, input) >= needed;
}

/** Where the shift begins, as far as one series can tell. */
function beginOf(measured: Measured, by: 'Before' | 'Stable'): number {
  const { updated, effect, input } = measured;
  const reference = (by === 'Before' ? effect.before : effect.stable) ?? 0;
  const half = worstOf(updated, reference, input) / 2;
  return updated.findIndex((value) => harm(value - reference, input.worse) >= half);
}

function worstOf(updated: Float64Array, reference: number, { worse }: DetectorInput): number {
  const samples = samplesOf(updated);
  let worst = -Infinity;
  for (let i = 3; i <= samples.length; i++) {
    worst = Math.max(worst, harm(mean(samples.subarray(i - 3, i)) - reference, worse));
  }
  return worst;
}

// --- Answers ---------------------------------------------------------------------------------

const WORSENED: ReadonlySet<DetectionReason> = new Set(['Worsened', 'AlsoInStable']);

const inconclusive = (measured: Measured, reason: DetectionReason): Detection =>
  answer(measured, 'Inconclusive', reason);

function answer(
  measured: Measured,
  verdict: Verdict,
  reason: DetectionReason,
  by: 'Before' | 'Stable' = measured.placebo === undefined ? 'Stable' : 'Before',
): Detection {
  const { placebo, against, samples } = measured;
  const effect = relativeTo(measured.effect, by);
  return {
    ...{ verdict, reason, effect, samples },
    ...(WORSENED.has(reason) ? { worsenedAt: beginOf(measured, by) } : {}),
    message: describe({ reason, effect, placebo, against, by, samples }),
    statistic: (by === 'Before' ? placebo?.statistic : against?.statistic) ?? 0,
    threshold: thresholdOf(measured, by),
    evidence: evidenceOf(measured),
  };
}

function thresholdOf({ input, placebo, against }: Measured, by: 'Before' | 'Stable'): Threshold {
  const falseAlarmRate = FALSE_ALARM_RATE;
  if (by === 'Stable') {
    return { value: against?.threshold ?? Infinity, source: 'Stable', placebos: 0, falseAlarmRate };
  }
  const { source = 'Simulated', placebos = 0 } = placebo ?? {};
  return { value: limitFor(input), source, placebos, falseAlarmRate };
}

function relativeTo(effect: Effect, by: 'Before' | 'Stable'): Effect {
  const reference = by === 'Before' ? effect.before : effect.stable;
  if (reference === undefined || effect.updated === undefined) return effect;
  const absolute = effect.updated - reference;
  return {
    ...effect,
    absolute,
    ...(reference === 0 ? {} : { relative: absolute / Math.abs(reference) }),
  };
}
