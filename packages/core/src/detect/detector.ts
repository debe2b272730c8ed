// SPDX-License-Identifier: Apache-2.0
/**
 * The one interface of the detectors. A detector compares one signal of the updated pods with the
 * time before the change and with the stable pods, and answers whether the signal worsened. It is a
 * pure function of its input: the caller gathers samples and plans the looks.
 */

/** Samples at equal steps, oldest first. NaN means that there is no sample. */
export interface Series {
  readonly name: string;
  readonly values: ArrayLike<number>;
}

/** Which direction harms: `Both` where any shift does. */
export const WORSE = ['Higher', 'Lower', 'Both'] as const;
export type Worse = (typeof WORSE)[number];

/**
 * What a signal says about: requests served (errors, latency), the number of requests, or a resource.
 * Traffic that stops is a failure; a resource metric that is missing is a gap in the sensor.
 */
export const SIGNAL_KINDS = ['Service', 'Traffic', 'Resource'] as const;
export type SignalKind = (typeof SIGNAL_KINDS)[number];

export interface DetectorInput {
  readonly kind: SignalKind;
  readonly worse: Worse;
  readonly stepSeconds: number;
  /** One series per updated pod, or one for all of them, from the first sample that counts. */
  readonly updated: readonly Series[];
  /** Stable pods at the same times as `updated`. Empty: none are left. */
  readonly stable: readonly Series[];
  /**
   * The workload before the change, up to the sample before the first of `updated`. Sixty samples are
   * enough; three days make the threshold this workload's own.
   */
  readonly before: readonly Series[];
  /**
   * The samples that the last planned look will have. The threshold is that of all looks up to there
   * together, so a look more costs no false alarm.
   */
  readonly plannedSamples: number;
  /**
   * The signals of the change that are judged together: each of them may raise an alarm, so all are
   * held to a higher limit. Default: one.
   */
  readonly signals?: number;
  /** Smaller shifts are no failure, however significant. Default: by the kind of the signal. */
  readonly minEffect?: MinEffect;
  /** Samples of `updated` that rest on fewer requests than `min` are not used. Default: all are. */
  readonly traffic?: { readonly requests: ArrayLike<number>; readonly min: number };
  /**
   * Whether the source is known to have scraped the updated pods. Only then does missing traffic say
   * something about the pods, and not about the sensor. Default: unknown.
   */
  readonly isScraped?: boolean;
}

export interface MinEffect {
  /** In the unit of the signal. */
  readonly absolute: number;
  /** As a share of the level before: 1 means doubled. */
  readonly relative: number;
}

export type Verdict = 'Pass' | 'Fail' | 'Inconclusive';

/** Why a detector came to its verdict. */
export const DETECTION_REASONS = [
  'NoShift',
  'Worsened',
  'NoData',
  'SmallEffect',
  'AlsoInStable',
  'TooFewSamples',
  'TooLittleTraffic',
  'NoReference',
] as const;
export type DetectionReason = (typeof DETECTION_REASONS)[number];

/** Where a threshold comes from, and how often it stops a good change. */
export interface Threshold {
  readonly value: number;
  /**
   * `Placebo`: shifts of the same series at times without a change. `Stable`: differences among the
   * stable pods. `Simulated`: fixed, from simulated noise. `Fixed`: as the method's authors set it.
   */
  readonly source: 'Placebo' | 'Stable' | 'Simulated' | 'Fixed';
  /** The placebos that the threshold rests on. */
  readonly placebos: number;
  /** Expected share of good changes that fail, over all planned looks; see docs/detectors.md. */
  readonly falseAlarmRate: number;
}

/** The mean levels, and how far the updated pods are from the reference. */
export interface Effect {
  readonly before?: number;
  readonly stable?: number;
  readonly updated?: number;
  /** Of the updated pods to the reference, in the unit of the signal. */
  readonly absolute?: number;
  /** The same as a share of the reference. */
  readonly relative?: number;
}

export interface Detection {
  readonly verdict: Verdict;
  readonly reason: DetectionReason;
  /** A sentence that stands alone, with the numbers. */
  readonly message: string;
  /** Compared with `threshold.value`: above it the signal worsened. */
  readonly statistic: number;
  readonly threshold: Threshold;
  readonly effect: Effect;
  /** If the signal worsened: the first updated sample that is at least half as bad as the worst. */
  readonly worsenedAt?: number;
  /** Updated samples that were used. */
  readonly samples: number;
  /** The newest samples that decided, at most `MAX_EVIDENCE_SAMPLES` each, as a chart needs them. */
  readonly evidence: {
    readonly before: readonly number[];
    readonly stable: readonly number[];
    readonly updated: readonly number[];
  };
}

export const MAX_EVIDENCE_SAMPLES = 60;

export interface Detector {
  readonly name: string;
  readonly judge: (input: DetectorInput) => Detection;
}
