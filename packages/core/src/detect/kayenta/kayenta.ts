// SPDX-License-Identifier: Apache-2.0
/**
 * The judge of Spinnaker's Kayenta (NetflixACAJudge, Apache-2.0): each metric of the canary is high,
 * low or a pass by a Mann-Whitney interval and an effect size; the score is the share that passes.
 * It asks once and knows no autocorrelation: docs/detectors.md has its measured false alarms.
 */
import { MAX_EVIDENCE_SAMPLES, type Detection, type Detector, type Worse } from '../detector.ts';
import { isSample, mean, meanAcross } from '../statistics.ts';
import { commonLanguageEffect, shiftInterval } from './mann-whitney.ts';

export type Classification = 'Pass' | 'High' | 'Low' | 'Nodata' | 'NodataFailMetric';

/** A metric is only high or low beyond these ratios of experiment to control. */
export interface EffectLimits {
  readonly low: number;
  readonly high: number;
}

export interface KayentaSettings {
  /** An interval counts only if it is farther from zero than this share of the estimate. */
  readonly tolerance: number;
  readonly confidence: 0.95 | 0.98;
  readonly direction: 'Increase' | 'Decrease' | 'Either';
  /** Samples that are missing are removed, or read as zero. */
  readonly missing: 'Remove' | 'Zero';
  readonly measure: 'MeanRatio' | 'CommonLanguage';
  /** Default: no limits (1, or 0.5 for the common language measure). */
  readonly effect?: EffectLimits;
  readonly critical?: EffectLimits;
  readonly isCritical: boolean;
  readonly mustHaveData: boolean;
}

/** What the judge uses unless its canary config says otherwise. */
export const KAYENTA_DEFAULTS: KayentaSettings = {
  ...{ tolerance: 0.25, confidence: 0.98, direction: 'Either', missing: 'Remove' },
  ...{ measure: 'MeanRatio', isCritical: false, mustHaveData: false },
};

export interface MetricResult {
  readonly classification: Classification;
  /** A critical failure fails the whole canary. */
  readonly isCritical: boolean;
}

/** Normal quantiles of both sides. */
const QUANTILES = { 0.95: 1.959963984540054, 0.98: 2.3263478740408408 } as const;

/** Compares a canary (`experiment`) with its baseline (`control`). */
export function classify(
  experiment: ArrayLike<number>,
  control: ArrayLike<number>,
  settings: KayentaSettings = KAYENTA_DEFAULTS,
): MetricResult {
  const [x, y] = [prepared(experiment, settings), prepared(control, settings)];
  if (x.length === 0 || y.length === 0) return withoutData(settings);
  if (isSamePopulation(x, y)) return PASS;
  const shift = shiftInterval(x, y, QUANTILES[settings.confidence]);
  if (shift === undefined) return PASS;
  const tolerated = settings.tolerance * Math.abs(shift.estimate);
  const size = effectSize(x, y, settings);
  if (settings.direction !== 'Decrease' && shift.low > tolerated) {
    return beyond('High', size, settings);
  }
  if (settings.direction !== 'Increase' && shift.high < -tolerated) {
    return beyond('Low', size, settings);
  }
  return PASS;
}

const PASS: MetricResult = { classification: 'Pass', isCritical: false };

const prepared = (values: ArrayLike<number>, { missing }: KayentaSettings): Float64Array => {
  const all = Float64Array.from(values);
  return missing === 'Remove' ? all.filter(isSample) : all.map((v) => (isSample(v) ? v : 0));
};

const isSamePopulation = (x: Float64Array, y: Float64Array): boolean =>
  x.length === y.length && x.toSorted().join() === y.toSorted().join();

function withoutData({ missing, isCritical, mustHaveData }: KayentaSettings): MetricResult {
  if (missing === 'Zero') return PASS;
  return mustHaveData && !isCritical
    ? { classification: 'NodataFailMetric', isCritical: false }
    : { classification: 'Nodata', isCritical };
}

/** NaN where it has no meaning: the limits then do not apply. */
function effectSize(x: Float64Array, y: Float64Array, { measure }: KayentaSettings): number {
  if (measure === 'CommonLanguage') return commonLanguageEffect(x, y);
  const [experiment, control] = [mean(x), mean(y)];
  return experiment === 0 || control === 0 ? NaN : experiment / control;
}

function beyond(
  classification: 'High' | 'Low',
  size: number,
  settings: KayentaSettings,
): MetricResult {
  const none = settings.measure === 'CommonLanguage' ? 0.5 : 1;
  const exceeds = ({ low, high }: EffectLimits = { low: none, high: none }): boolean =>
    Number.isNaN(size) || (classification === 'High' ? size >= high : size <= low);
  if (!exceeds(settings.effect)) return PASS;
  return { classification, isCritical: settings.isCritical && exceeds(settings.critical) };
}

export interface GroupedResult extends MetricResult {
  readonly group: string;
}

/**
 * The score of a canary, 0 to 100: the weighted mean over groups of the share of metrics that pass.
 * A critical failure, or no data for half of the metrics, is 0. Weights are in percent; groups
 * without one share the rest.
 */
export function kayentaScore(
  results: readonly GroupedResult[],
  weights: Readonly<Record<string, number>> = {},
): number {
  const isFailed = results.some((r) => r.isCritical && r.classification !== 'Pass');
  const withoutAny = results.filter((r) => r.classification === 'Nodata').length;
  if (isFailed || withoutAny >= results.length / 2) return 0;
  const groups = [...new Set(results.map(({ group }) => group))];
  const unweighted = groups.filter((group) => weights[group] === undefined).length;
  const given = Object.values(weights).reduce((a, b) => a + b, 0);
  const weightOf = (group: string): number => weights[group] ?? (100 - given) / unweighted;
  const score = groups.reduce((sum, g) => sum + weightOf(g) * passShare(results, g), 0);
  return Math.round(score * 100) / 100;
}

/** A group without any data counts as passed. */
function passShare(results: readonly GroupedResult[], group: string): number {
  const counted = results.filter((r) => r.group === group && r.classification !== 'Nodata');
  if (counted.length === 0) return 1;
  return counted.filter((r) => r.classification === 'Pass').length / counted.length;
}

// --- As a detector ---------------------------------------------------------------------------

const DIRECTIONS = {
  Higher: 'Increase',
  Lower: 'Decrease',
  Both: 'Either',
} as const satisfies Record<Worse, KayentaSettings['direction']>;

/** The updated pods against the stable ones, or against the hour before if there are none. */
export const kayenta: Detector = {
  name: 'Kayenta',
  judge: (input): Detection => {
    const updated = meanAcross(input.updated);
    const stable = meanAcross(input.stable);
    const before = meanAcross(input.before).subarray(-60);
    const control = stable.some(isSample) ? stable : before;
    const settings = { ...KAYENTA_DEFAULTS, direction: DIRECTIONS[input.worse] };
    const { classification } = classify(updated, control, settings);
    const isMissing = classification === 'Nodata' || classification === 'NodataFailMetric';
    const isPass = classification === 'Pass';
    return {
      verdict: isMissing ? 'Inconclusive' : isPass ? 'Pass' : 'Fail',
      reason: isMissing ? 'TooFewSamples' : isPass ? 'NoShift' : 'Worsened',
      message: `Kayenta classifies the signal as ${classification}`,
      statistic: isPass || isMissing ? 0 : 1,
      threshold: { value: 0.5, source: 'Fixed', placebos: 0, falseAlarmRate: NaN },
      effect: { updated: mean(updated.filter(isSample)), stable: mean(control.filter(isSample)) },
      samples: updated.filter(isSample).length,
      evidence: {
        before: [...before],
        stable: [...stable.subarray(-MAX_EVIDENCE_SAMPLES)],
        updated: [...updated.subarray(-MAX_EVIDENCE_SAMPLES)],
      },
    };
  },
};
