// SPDX-License-Identifier: Apache-2.0
/** The sentence and the bounded samples that a user sees. */
import {
  MAX_EVIDENCE_SAMPLES,
  type Detection,
  type DetectionReason,
  type Effect,
} from './detector.ts';
import type { PlaceboScore } from './placebo.ts';
import type { StableScore } from './stable.ts';

interface Explained {
  readonly reason: DetectionReason;
  readonly effect: Effect;
  readonly placebo: PlaceboScore | undefined;
  readonly against: StableScore | undefined;
  readonly by: 'Before' | 'Stable';
  readonly samples: number;
}

const TEXT: Readonly<Record<DetectionReason, (facts: Explained) => string>> = {
  NoShift: (f) => `the signal did not worsen: ${levels(f.effect)}${placeboText(f)}`,
  Worsened: (f) =>
    f.by === 'Before'
      ? `the signal worsened after the change: ${levels(f.effect)}${placeboText(f)}`
      : `the updated pods are worse than the stable ones: ${levels(f.effect)}${stableText(f)}`,
  NoData: () => 'the updated pods have no samples, while the stable pods have',
  SmallEffect: (f) => `the shift is significant but too small to count: ${levels(f.effect)}`,
  AlsoInStable: (f) =>
    `the signal worsened in the stable pods as well, so the change is not shown to be the cause: ${levels(f.effect)}`,
  TooFewSamples: (f) => `only ${f.samples} samples of the updated pods can be used yet`,
  TooLittleTraffic: (f) =>
    `the updated pods serve too few requests: ${f.samples} samples can be used`,
  NoReference: () =>
    'there is nothing to compare with: too few samples before the change, and fewer than two stable pods with samples',
};

export const describe = (facts: Explained): string => TEXT[facts.reason](facts);

function levels({ before, stable, updated }: Effect): string {
  const parts = [
    ...(before === undefined ? [] : [`before ${number(before)}`]),
    ...(stable === undefined ? [] : [`stable pods ${number(stable)}`]),
    ...(updated === undefined ? [] : [`updated pods ${number(updated)}`]),
  ];
  return parts.join(', ');
}

function placeboText({ placebo }: Explained): string {
  if (placebo === undefined) return '';
  const sigmas = ` (${placebo.sigmas.toFixed(1)} standard deviations`;
  if (placebo.placebos === 0) return `${sigmas})`;
  const share = percent(placebo.largerThan);
  return `${sigmas}; larger than ${share} of ${placebo.placebos} shifts at times without a change)`;
}

const stableText = ({ against }: Explained): string =>
  against === undefined
    ? ''
    : ` (${against.statistic.toFixed(1)} times the spread of the stable pods; the limit is ${against.threshold})`;

const percent = (share: number): string => `${Math.floor(share * 100)} %`;

/** Three significant digits, without an exponent for usual sizes. */
const number = (value: number): string => String(Number(value.toPrecision(3)));

export const evidenceOf = (series: {
  readonly before: Float64Array;
  readonly stable: Float64Array;
  readonly updated: Float64Array;
}): Detection['evidence'] => ({
  before: newest(series.before),
  stable: newest(series.stable),
  updated: newest(series.updated),
});

const newest = (values: Float64Array): readonly number[] => [
  ...values.subarray(-MAX_EVIDENCE_SAMPLES),
];
