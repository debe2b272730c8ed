// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { gaussian, seeded } from '@altershield/testing/noise';
import { neverReady } from './never-ready.ts';

const seconds = (...values: number[]): number[] => values.map((s) => s * 1000);

test('where stable pods needed two seconds, a pod is suspect within five', () => {
  const knownMs = seconds(2, 1.9, 2, 1.8, 2);
  assert.equal(neverReady({ knownMs, ageMs: 4800 }).isSuspect, false);
  const { isSuspect, message } = neverReady({ knownMs, ageMs: 5000 });
  assert.equal(isSuspect, true);
  assert.equal(
    message,
    'the pod is not ready after 5.0 s; the slowest of 5 stable pods needed 2.0 s',
  );
});

test('it says when to look again', () => {
  assert.equal(neverReady({ knownMs: seconds(10, 20, 30), ageMs: 0 }).suspectAfterMs, 90_500);
});

test('the slowest stable pod sets the limit', () => {
  assert.equal(neverReady({ knownMs: seconds(2, 2, 60), ageMs: 100_000 }).isSuspect, false);
});

test('one stable pod says too little', () => {
  assert.deepEqual(neverReady({ knownMs: seconds(2), ageMs: 1e9 }), { isSuspect: false });
  assert.deepEqual(neverReady({ knownMs: [], ageMs: 1e9 }), { isSuspect: false });
});

for (const known of [2, 3, 4, 5, 8, 10, 20, 30, 100]) {
  test(`with ${known} stable pods at most 1.2 % of good pods are ever suspect`, () => {
    const random = seeded(known);
    const trials = 20_000;
    const time = (): number => 20_000 * Math.exp(0.5 * gaussian(random));
    let suspects = 0;
    for (let i = 0; i < trials; i++) {
      const knownMs = Array.from({ length: known }, time);
      if (neverReady({ knownMs, ageMs: time() }).isSuspect) suspects++;
    }
    assert.ok(suspects <= 0.012 * trials, `${suspects} of ${trials}`);
  });
}
