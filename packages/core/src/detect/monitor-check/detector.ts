// SPDX-License-Identifier: Apache-2.0
/** AlterShield's monitorCheck behind the interface of the detectors, to be measured like the others. */
import type { Detection, Detector } from '../detector.ts';
import { evidenceOf } from '../explain.ts';
import { isSample, mean, meanAcross } from '../statistics.ts';
import { CORRECTED, monitorCheck } from './monitor-check.ts';

const MINUTE_MS = 60_000;
/** Its thresholds are in units of its own metrics: levels are scaled to this, as a `cost`. */
const LEVEL = 100;

export const monitorCheckDetector: Detector = {
  name: 'monitorCheck',
  judge: (input): Detection => {
    const updated = meanAcross(input.updated);
    const before = meanAcross(input.before).subarray(-60);
    const stable = meanAcross(input.stable);
    const { verdict, resultCode, algorithmMessage } = monitorCheck(requestOf(before, updated), {
      ...CORRECTED,
      failsOnOneCost: true,
    });
    const isJudged = resultCode === 0;
    return {
      verdict: isJudged ? (verdict === 'FAIL' ? 'Fail' : 'Pass') : 'Inconclusive',
      reason: isJudged ? (verdict === 'FAIL' ? 'Worsened' : 'NoShift') : 'TooFewSamples',
      message: algorithmMessage === '' ? 'monitorCheck reports nothing' : algorithmMessage,
      statistic: isJudged && verdict === 'FAIL' ? 1 : 0,
      threshold: { value: 0.5, source: 'Fixed', placebos: 0, falseAlarmRate: NaN },
      effect: {},
      samples: updated.filter(isSample).length,
      evidence: evidenceOf({ before, stable, updated }),
    };
  },
};

/** One sample a minute, whatever the step: monitorCheck knows no other. */
function requestOf(before: Float64Array, updated: Float64Array): unknown {
  const level = mean(before.filter(isSample));
  const scale = level === 0 ? 1 : LEVEL / Math.abs(level);
  const start = before.length * MINUTE_MS;
  const series = Object.fromEntries(
    [...before, ...updated].flatMap((value, i) =>
      isSample(value) ? [[String(i * MINUTE_MS), Math.abs(value * scale)]] : [],
    ),
  );
  return {
    ...{ changeStart: start, changeEnd: start, period: start + updated.length * MINUTE_MS },
    bizAlgKargs: { detectRouterType: 'statisticMultiByAtomic' },
    detectSeries: { keySeriesList: [{ dsId: 'metric', field: 'cost', tagStr: 'app$=$a', series }] },
  };
}
