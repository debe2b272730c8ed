// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { ChangeWorkload, ChangeWorkloadStatus } from '@altershield/api';
import { quarantineKey } from '../revision/fingerprint.ts';
import { aChange, aTemplate, NOW } from '@altershield/testing/builders';
import { isQuarantined, isTargetQuarantined, quarantineOf } from './quarantine.ts';
import { timeText } from './status.ts';

const [KEY_A, KEY_B] = [quarantineKey(aTemplate('a')), quarantineKey(aTemplate('b'))];

interface Quarantined {
  readonly key?: string;
  readonly endsIn?: number;
  readonly isLifted?: boolean;
}

/** A rolled-back change with a quarantine, by default of the revision that it released. */
function rolledBack(
  sequence: number,
  { key = KEY_B, endsIn = 60, isLifted = false }: Quarantined = {},
): ChangeWorkload {
  const lifted = isLifted ? { lifted: { by: 'ann', at: timeText(NOW) } } : {};
  const quarantine = { fingerprint: key, until: timeText(NOW + endsIn * 1000), ...lifted };
  const status = { phase: 'RolledBack', reason: 'CheckFailed', message: '', verdict: 'Fail' };
  return recordOf(sequence, { ...status, quarantine } as ChangeWorkloadStatus);
}

function recordOf(sequence: number, status?: ChangeWorkloadStatus): ChangeWorkload {
  const change = aChange({ spec: { sequence }, ...(status === undefined ? {} : { status }) });
  const uid = `c-${sequence}`;
  return { ...change, metadata: { ...change.metadata, name: `web-${sequence}`, uid } };
}

const cases: readonly [string, readonly ChangeWorkload[], string | undefined][] = [
  ['no record', [], undefined],
  ['a quarantine in force', [rolledBack(1)], 'web-1'],
  ['two quarantines: the last one', [rolledBack(1), rolledBack(2)], 'web-2'],
  ['a quarantine that ended', [rolledBack(1, { endsIn: -1 })], undefined],
  ['a quarantine of another revision', [rolledBack(1, { key: KEY_A })], undefined],
  ['a lifted quarantine', [rolledBack(1, { isLifted: true })], undefined],
  [
    'a lifted quarantine after one in force',
    [rolledBack(1), rolledBack(2, { isLifted: true })],
    undefined,
  ],
  [
    'a quarantine in force after a lifted one',
    [rolledBack(1, { isLifted: true }), rolledBack(2)],
    'web-2',
  ],
];

for (const [what, changes, denies] of cases) {
  test(`${what}: ${denies ?? 'nothing'} denies the revision`, () => {
    assert.equal(quarantineOf(changes, KEY_B, NOW)?.metadata.name, denies);
  });
}

test('the quarantine of a change does not concern the change itself', () => {
  const change = rolledBack(1);
  assert.equal(isQuarantined(change, [change], NOW), false);
  assert.equal(isQuarantined(recordOf(2), [change, recordOf(2)], NOW), true);
});

/** A change to the revision that `aChange` rolls back to. */
function recordOfTarget(sequence: number, status: ChangeWorkloadStatus): ChangeWorkload {
  const record = recordOf(sequence, status);
  const { from: _, ...spec } = record.spec;
  return { ...record, spec: { ...spec, to: { ...spec.to, ...aChange().spec.from } } };
}

test('a rollback target is quarantined until it is verified again', () => {
  const { status } = rolledBack(1, { key: KEY_A });
  assert.ok(status);
  const quarantined = recordOfTarget(1, status);
  const change = recordOf(3);
  assert.equal(isTargetQuarantined(change, [quarantined], NOW), true);
  assert.equal(isTargetQuarantined(change, [], NOW), false);
  const success = { phase: 'Success', reason: 'Verified', message: '', verdict: 'Pass' } as const;
  const verified = recordOfTarget(2, success);
  assert.equal(isTargetQuarantined(change, [quarantined, verified], NOW), false);
});
