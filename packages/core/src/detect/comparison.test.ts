// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { autoregressive, seeded } from '@altershield/testing/noise';
import { comparison } from './comparison.ts';
import type { DetectorInput, Series } from './detector.ts';

const random = seeded(7);

/** Noise around a level. */
const samples = (level: number, length: number, spread = level / 20): Float64Array =>
  autoregressive(length, 0.5, random).map((x) => level + spread * x);

const around = (level: number, length: number, spread?: number): Series => ({
  name: 'pod',
  values: samples(level, length, spread),
});

const pods = (count: number, level: number, length = 10): Series[] =>
  Array.from({ length: count }, () => around(level, length));

const aSignal = (parts: Partial<DetectorInput> = {}): DetectorInput => ({
  ...{ kind: 'Service', worse: 'Higher', stepSeconds: 60, plannedSamples: 15 },
  ...{ updated: pods(2, 100), stable: pods(8, 100), before: [around(100, 1500)] },
  ...parts,
});

const verdictOf = (parts: Partial<DetectorInput>): string => {
  const { verdict, reason } = comparison.judge(aSignal(parts));
  return `${verdict} ${reason}`;
};

test('a signal that stays as it was passes', () => {
  assert.equal(verdictOf({}), 'Pass NoShift');
});

test('a signal that doubles in the updated pods fails, and the message has the numbers', () => {
  const { verdict, message, effect, threshold } = comparison.judge(
    aSignal({ updated: pods(2, 200) }),
  );
  assert.equal(verdict, 'Fail');
  assert.match(
    message,
    /^the signal worsened after the change: before 9\d\.?\d?|1\d\d, stable pods \d+\.?\d*, updated pods \d+/,
  );
  assert.match(message, /larger than 100 % of \d+ shifts at times without a change\)$/);
  assert.equal(threshold.source, 'Placebo');
  assert.ok(threshold.placebos >= 20);
  assert.ok((effect.relative ?? 0) > 0.8 && (effect.relative ?? 0) < 1.2);
});

test('the other direction is no harm unless both directions are', () => {
  const updated = pods(2, 50);
  assert.equal(verdictOf({ updated }), 'Pass NoShift');
  assert.equal(verdictOf({ updated, worse: 'Lower' }), 'Fail Worsened');
  assert.equal(verdictOf({ updated, worse: 'Both' }), 'Fail Worsened');
});

test('a signal that worsens in updated and stable pods alike is inconclusive', () => {
  assert.equal(
    verdictOf({ updated: pods(2, 200), stable: pods(8, 200) }),
    'Inconclusive AlsoInStable',
  );
});

test('updated pods far above stable pods that worsened as well fail', () => {
  assert.equal(verdictOf({ updated: pods(2, 400), stable: pods(8, 150) }), 'Fail Worsened');
});

test('without history the stable pods are the reference', () => {
  const before: Series[] = [];
  assert.equal(verdictOf({ before }), 'Pass NoShift');
  assert.equal(verdictOf({ before, updated: pods(2, 200) }), 'Fail Worsened');
});

test('without stable pods the time before is the reference', () => {
  const stable: Series[] = [];
  assert.equal(verdictOf({ stable }), 'Pass NoShift');
  assert.equal(verdictOf({ stable, updated: pods(2, 200) }), 'Fail Worsened');
});

test('with neither there is no verdict', () => {
  assert.equal(verdictOf({ before: [], stable: [] }), 'Inconclusive NoReference');
});

test('a few samples are enough to fail and not enough to pass', () => {
  assert.equal(verdictOf({ updated: pods(2, 100, 4) }), 'Inconclusive TooFewSamples');
  assert.equal(verdictOf({ updated: pods(2, 200, 4) }), 'Fail Worsened');
});

test('a significant shift below the smallest effect passes', () => {
  const minEffect = { absolute: 500, relative: 0 };
  assert.equal(verdictOf({ updated: pods(2, 200), minEffect }), 'Pass SmallEffect');
});

test('missing traffic fails only when the source is known to have scraped the pods', () => {
  const silent = { updated: [{ name: 'pod', values: [NaN, NaN, NaN] }], kind: 'Traffic' } as const;
  assert.equal(verdictOf(silent), 'Inconclusive NoData');
  assert.equal(verdictOf({ ...silent, isScraped: true }), 'Fail NoData');
  assert.equal(verdictOf({ ...silent, isScraped: true, stable: [] }), 'Inconclusive TooFewSamples');
});

test('missing samples of any other signal are a gap in the sensor', () => {
  const updated = [{ name: 'pod', values: [NaN, NaN, NaN] }];
  assert.equal(verdictOf({ updated, isScraped: true }), 'Inconclusive NoData');
  assert.equal(verdictOf({ updated, isScraped: true, kind: 'Resource' }), 'Inconclusive NoData');
});

test('samples of too little traffic are neither a pass nor a failure', () => {
  const requests = Array.from({ length: 10 }, () => 3);
  assert.equal(
    verdictOf({ updated: pods(1, 900), traffic: { requests, min: 20 } }),
    'Inconclusive TooLittleTraffic',
  );
});

test('the usual rise of the morning is no failure', () => {
  const day = (i: number): number => 100 + 80 * Math.max(0, Math.sin((2 * Math.PI * i) / 1440));
  const noise = around(0, 4400, 2).values;
  const all = Float64Array.from(noise, (x, i) => day(i) + x);
  const at = 3 * 1440 + 40;
  const series = (start: number, end: number): Series[] => [
    { name: 'all', values: all.subarray(start, end) },
  ];
  const parts = { stable: [], updated: series(at, at + 15) };
  assert.equal(verdictOf({ ...parts, before: series(0, at) }), 'Pass NoShift');
});

test('a constant signal that moves at all is judged by its effect', () => {
  const flat = (level: number, length: number): Series[] => [
    { name: 'pod', values: new Float64Array(length).fill(level) },
  ];
  const parts = { before: flat(0, 100), stable: flat(0, 10) };
  assert.equal(verdictOf({ ...parts, updated: flat(0, 10) }), 'Pass NoShift');
  assert.equal(verdictOf({ ...parts, updated: flat(0.5, 10) }), 'Fail Worsened');
});

test('the evidence is bounded', () => {
  const { evidence } = comparison.judge(aSignal());
  assert.equal(evidence.before.length, 60);
  assert.equal(evidence.updated.length, 10);
});

test('it says at which sample the signal began to worsen', () => {
  const updated = [{ name: 'pod', values: [...samples(100, 6), ...samples(200, 6)] }];
  const { verdict, worsenedAt } = comparison.judge(aSignal({ updated }));
  assert.deepEqual([verdict, worsenedAt], ['Fail', 6]);
  assert.equal('worsenedAt' in comparison.judge(aSignal()), false);
});

test('the more signals are judged together, the clearer each must be', () => {
  const threshold = (signals: number) => comparison.judge(aSignal({ signals })).threshold.value;
  assert.deepEqual([threshold(1), threshold(2), threshold(8)], [1, 1.25, 1.75]);
});
