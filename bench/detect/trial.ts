// SPDX-License-Identifier: Apache-2.0
/** One change on one recorded signal: good or bad, with what came before and after it. */
export interface Trial {
  /** Trials of one series are alike: confidence intervals resample series, not trials. */
  readonly series: string;
  readonly isBad: boolean;
  readonly stepSeconds: number;
  readonly before: Float64Array;
  readonly after: Float64Array;
}

export interface RecordedSeries {
  readonly name: string;
  readonly stepSeconds: number;
  readonly values: Float64Array;
  /** Where experts saw an anomaly. */
  readonly isAnomaly: Uint8Array;
}

const DAY_SECONDS = 86_400;

/** The history that a check asks for. */
export const historySamples = (stepSeconds: number): number =>
  Math.round((3 * DAY_SECONDS) / stepSeconds);
