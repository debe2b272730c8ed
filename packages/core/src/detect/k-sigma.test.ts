// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Worse } from './detector.ts';
import { kSigma } from './k-sigma.ts';

/** A level of 10 with a standard deviation of 1, and then `after`. */
const judge = (inARow: number, worse: Worse, ...after: number[]): string => {
  const before = Array.from({ length: 60 }, (_, i) => (i % 2 === 0 ? 9 : 11));
  return kSigma({ sigmas: 3, inARow }).judge({
    ...{ kind: 'Service', worse, stepSeconds: 60, plannedSamples: after.length, stable: [] },
    before: [{ name: 'before', values: before }],
    updated: [{ name: 'pod', values: after }],
  }).verdict;
};

test('three-sigma fails on samples in a row beyond three deviations', () => {
  assert.equal(judge(1, 'Higher', 10, 13.5, 10), 'Fail');
  assert.equal(judge(2, 'Higher', 10, 13.5, 10), 'Pass');
  assert.equal(judge(2, 'Higher', 10, 13.5, 14), 'Fail');
  assert.equal(judge(3, 'Higher', 13.5, 14, 12.9), 'Pass');
});

test('three-sigma looks at the side that harms', () => {
  assert.equal(judge(2, 'Higher', 6, 6), 'Pass');
  assert.equal(judge(2, 'Lower', 6, 6), 'Fail');
  assert.equal(judge(2, 'Both', 6, 6), 'Fail');
  assert.equal(judge(2, 'Both', 6, 14), 'Pass');
});

test('three-sigma has no verdict before it has as many samples as it asks for', () => {
  assert.equal(judge(3, 'Higher', 99, NaN, 99), 'Inconclusive');
});
