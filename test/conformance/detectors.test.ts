// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { comparison } from '@altershield/core';
import { judge } from '../../bench/detect/methods.ts';
import { badChanges, goodChanges } from '../../bench/detect/sampling.ts';
import { readSamples } from '../../bench/detect/sets.ts';

const method = { name: 'Comparison', detector: comparison, isMonotone: true, isTunable: true };
const good = goodChanges(readSamples(), { count: 1000, samples: 15, seed: 1 });

test('of 1,000 good changes on recorded noise at most 1 % are stopped', () => {
  assert.equal(good.length, 1000);
  const stopped = good.filter((trial) => judge(method, trial).isStopped).length;
  assert.ok(stopped <= 10, `${stopped} of ${good.length}`);
});

test('of the same changes with a fault in them, half are stopped', () => {
  const bad = badChanges(good, 2);
  const stopped = bad.filter((trial) => judge(method, trial).isStopped).length;
  assert.ok(stopped >= 450, `${stopped} of ${bad.length}`);
});
