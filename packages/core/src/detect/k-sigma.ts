// SPDX-License-Identifier: Apache-2.0
/**
 * The three-sigma rule: `inARow` consecutive samples beyond three standard deviations of the hour
 * before. Simple and quick, and, because noise is neither independent nor Gaussian, with many false
 * alarms; see docs/detectors.md.
 */
import type { Detection, Detector, DetectorInput, Worse } from './detector.ts';
import { evidenceOf } from './explain.ts';
import { deviation, isSample, mean, meanAcross } from './statistics.ts';

export interface KSigmaSettings {
  readonly sigmas: number;
  readonly inARow: number;
}

const BASELINE = 60;
const MIN_BASELINE = 20;

export const kSigma = (settings: KSigmaSettings = { sigmas: 3, inARow: 3 }): Detector => ({
  name: `${settings.sigmas}-sigma, ${settings.inARow} in a row`,
  judge: (input) => judge(input, settings),
});

function judge(input: DetectorInput, { sigmas, inARow }: KSigmaSettings): Detection {
  const updated = meanAcross(input.updated);
  const before = meanAcross(input.before);
  const baseline = before.subarray(-BASELINE).filter(isSample);
  const center = mean(baseline);
  const unit = Math.max(deviation(baseline), 0.001 * Math.abs(center), Number.EPSILON);
  const scores = updated.filter(isSample).map((value) => (value - center) / unit);
  const statistic = largestHeld(scores, inARow, input.worse);
  const verdict = verdictOf(baseline.length, scores.length, {
    isBeyond: statistic > sigmas,
    inARow,
  });
  return {
    verdict,
    reason: REASONS[verdict],
    message: `${inARow} samples in a row reach ${statistic.toFixed(1)} standard deviations of the time before; the limit is ${sigmas}`,
    statistic,
    threshold: { value: sigmas, source: 'Fixed', placebos: 0, falseAlarmRate: NaN },
    effect: {
      before: center,
      ...(scores.length === 0 ? {} : { updated: mean(updated.filter(isSample)) }),
    },
    samples: scores.length,
    evidence: evidenceOf({ before, updated, stable: meanAcross(input.stable) }),
  };
}

const REASONS = { Pass: 'NoShift', Fail: 'Worsened', Inconclusive: 'TooFewSamples' } as const;

function verdictOf(
  before: number,
  after: number,
  { isBeyond, inARow }: { isBeyond: boolean; inARow: number },
): Detection['verdict'] {
  if (before < MIN_BASELINE || after < inARow) return 'Inconclusive';
  return isBeyond ? 'Fail' : 'Pass';
}

/** The largest deviation that so many consecutive samples all reach, on the side that harms. */
function largestHeld(scores: Float64Array, inARow: number, worse: Worse): number {
  let largest = 0;
  for (let end = inARow; end <= scores.length; end++) {
    const run = scores.subarray(end - inARow, end);
    if (worse !== 'Lower') largest = Math.max(largest, Math.min(...run));
    if (worse !== 'Higher') largest = Math.max(largest, Math.min(...run.map((x) => -x)));
  }
  return largest;
}
