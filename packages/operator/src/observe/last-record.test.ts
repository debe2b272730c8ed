// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Phase } from '@altershield/api';
import type { ChangeObject } from '../kinds.ts';
import { lastOf } from './last-record.ts';

const at = (minute: number): string => new Date(Date.UTC(2026, 5, 1, 12, minute)).toISOString();

/** A change from `v0` to `v1`, `v1` to `v2` and so on, detected in the minute of its number. */
function aChange(sequence: number, phase: Phase, rolledBack?: number): ChangeObject {
  const rolledBackAt = rolledBack === undefined ? {} : { rolledBackAt: at(rolledBack) };
  const change: object = {
    metadata: { name: `c-${sequence}` },
    spec: {
      sequence,
      detectedAt: at(sequence),
      from: { fingerprint: `v${sequence - 1}` },
      to: { fingerprint: `v${sequence}` },
    },
    status: { phase, reason: '', message: '', verdict: 'None', ...rolledBackAt },
  };
  return change as ChangeObject;
}

const last = (changes: readonly ChangeObject[], running: string): number | undefined =>
  lastOf(changes, running)?.spec.sequence;

test('the newest record accounts for what runs', () => {
  assert.equal(last([], 'v1'), undefined);
  assert.equal(last([aChange(1, 'Success'), aChange(2, 'RolledBack', 3)], 'v1'), 2);
  assert.equal(last([aChange(1, 'RolledBack', 2), aChange(2, 'Running')], 'v2'), 2);
});

test('an older one does when it was rolled back since', () => {
  const newer = aChange(2, 'RolledBack', 3);
  assert.equal(last([aChange(1, 'RollingBack', 9), newer], 'v1'), 1);
  assert.equal(last([aChange(1, 'RolledBack', 9), newer], 'v0'), 1);
});

test('and while its way back is what runs, whatever was recorded meanwhile', () => {
  const changes = [aChange(1, 'RollingBack', 4), aChange(5, 'Running')];
  assert.equal(last(changes, 'v0'), 1);
  assert.equal(last(changes, 'v5'), 5);
});
