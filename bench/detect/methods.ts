// SPDX-License-Identifier: Apache-2.0
import {
  comparison,
  kayenta,
  kSigma,
  monitorCheckDetector,
  type Detection,
  type Detector,
} from '@altershield/core';
import type { Trial } from './trial.ts';

export interface Method {
  readonly name: string;
  readonly detector: Detector;
  /**
   * Its statistic only grows with the samples, so that one look at the end says what all looks would.
   * The others are asked after every third sample, and the first failure counts.
   */
  readonly isMonotone: boolean;
  /** Has a statistic, for which a threshold can be chosen. */
  readonly isTunable: boolean;
}

const tunable = (detector: Detector): Method => ({
  ...{ name: detector.name, detector, isMonotone: true, isTunable: true },
});
const fixed = (detector: Detector): Method => ({
  ...{ name: detector.name, detector, isMonotone: false, isTunable: false },
});

export const METHODS: readonly Method[] = [
  tunable(comparison),
  tunable(kSigma({ sigmas: 3, inARow: 1 })),
  tunable(kSigma({ sigmas: 3, inARow: 2 })),
  tunable(kSigma({ sigmas: 3, inARow: 3 })),
  fixed(kayenta),
  fixed(monitorCheckDetector),
];

/** What a method says about a change. */
export interface Judged {
  readonly trial: Trial;
  readonly statistic: number;
  readonly isStopped: boolean;
  /** Samples until the first failure; NaN without one. */
  readonly delay: number;
}

const MIN_LOOK = 3;

/** Asked as often as the samples allow; the first failure stops the change. */
export function judge(method: Method, trial: Trial, signals = 1): Judged {
  const planned = trial.after.length;
  const at = (looked: number) => look(method, trial, { looked, planned, signals });
  const last = at(planned);
  if (method.isMonotone) {
    const isStopped = last.verdict === 'Fail';
    const delay = isStopped ? firstFailure(planned, 1, at) : NaN;
    return { trial, statistic: last.statistic, isStopped, delay };
  }
  const delay = firstFailure(planned, 3, at);
  return { trial, statistic: last.statistic, isStopped: Number.isFinite(delay), delay };
}

function firstFailure(
  planned: number,
  every: number,
  at: (looked: number) => { readonly verdict: string },
): number {
  for (let looked = MIN_LOOK; looked <= planned; looked += every) {
    if (at(looked).verdict === 'Fail') return looked;
  }
  return NaN;
}

/** One look at the end. */
export const lookOnce = (method: Method, trial: Trial): Detection => {
  const planned = trial.after.length;
  return look(method, trial, { looked: planned, planned, signals: 1 });
};

const look = (
  { detector }: Method,
  trial: Trial,
  { looked, planned, signals }: { looked: number; planned: number; signals: number },
): Detection =>
  detector.judge({
    ...{ kind: 'Service', worse: 'Both', stepSeconds: trial.stepSeconds, signals },
    plannedSamples: planned,
    // The statistics are compared, so no effect is too small.
    minEffect: { absolute: 0, relative: 0 },
    before: [{ name: trial.series, values: trial.before }],
    updated: [{ name: trial.series, values: trial.after.subarray(0, looked) }],
    stable: [],
  });
