// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { age, clock, duration, instant, relative } from './age.ts';

const NOW = Date.parse('2026-01-01T10:00:00Z');

describe('duration', () => {
  const TABLE: readonly (readonly [number, string])[] = [
    [-5, '0s'],
    [0, '0s'],
    [999, '0s'],
    [119, '119s'],
    [120, '2m'],
    [192, '3m12s'],
    [600, '10m'],
    [3 * 3600, '3h'],
    [3 * 3600 + 300, '3h5m'],
    [9 * 3600, '9h'],
    [2 * 86_400, '2d'],
    [3 * 86_400 + 4 * 3600, '3d4h'],
    [21 * 86_400 + 7200, '21d'],
  ];
  for (const [seconds, text] of TABLE) {
    it(`writes ${seconds} s as ${text}`, () => {
      assert.equal(duration(seconds === 999 ? 999 : seconds * 1000), text);
    });
  }

  it('has at most six characters within a century', () => {
    const century = 100 * 365 * 86_400_000;
    fc.assert(fc.property(fc.integer({ min: 0, max: century }), (ms) => duration(ms).length <= 6));
  });
});

describe('times', () => {
  it('are in the past or in the future', () => {
    assert.equal(relative('2026-01-01T09:59:30Z', NOW), '30s ago');
    assert.equal(relative('2026-01-01T11:00:00Z', NOW), 'in 60m');
  });

  it('are shown in UTC for any input time zone', () => {
    assert.equal(instant('2026-01-01T12:00:00.123+02:00'), '2026-01-01 10:00:00Z');
    assert.equal(clock('2026-01-01T10:20:30Z'), '10:20:30');
  });

  it('that cannot be read are question marks', () => {
    assert.deepEqual([relative('soon', NOW), instant(undefined), age('', NOW)], ['?', '?', '?']);
  });
});
