// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { changePolicySpec, type ChangeWorkload, type Phase } from '@altershield/api';
import { expiredRecords } from './retention.ts';

const NOW = Date.UTC(2026, 5, 1);
const at = (secondsAgo: number): string => new Date(NOW - secondsAgo * 1000).toISOString();

function aChange(
  sequence: number,
  phase: Phase,
  secondsAgo: number,
  more: object = {},
): ChangeWorkload {
  const limits = { historyLimit: 3, historyTTLSeconds: 3600 };
  const change: object = {
    apiVersion: 'altershield.io/v1alpha1',
    kind: 'ChangeWorkload',
    metadata: {
      name: `c-${sequence}`,
      namespace: 'shop',
      uid: `u-${sequence}`,
      resourceVersion: '1',
      creationTimestamp: at(secondsAgo),
    },
    spec: { sequence, policy: { spec: changePolicySpec.parse({ limits }) } },
    status: {
      phase,
      reason: '',
      message: '',
      verdict: 'None',
      finishedAt: at(secondsAgo),
      ...more,
    },
  };
  return change as ChangeWorkload;
}

const names = (changes: readonly ChangeWorkload[]): string[] => changes.map((c) => c.metadata.name);

test('the oldest finished records beyond the limit expire', () => {
  const changes = [5, 4, 3, 2, 1].map((ago, i) => aChange(i + 1, 'Success', ago));
  assert.deepEqual(names(expiredRecords(changes, NOW).due), ['c-1', 'c-2']);
});

test('old records expire, except the newest record', () => {
  const changes = [aChange(1, 'Success', 9000), aChange(2, 'RolledBack', 8000)];
  assert.deepEqual(names(expiredRecords(changes, NOW).due), ['c-1']);
});

test('changes in flight and quarantines in force are kept', () => {
  const quarantine = { fingerprint: 'f', until: at(-60) };
  const changes = [
    aChange(1, 'RolledBack', 9000, { quarantine }),
    aChange(2, 'Suspend', 9000),
    aChange(3, 'Success', 1),
  ];
  assert.deepEqual(expiredRecords(changes, NOW).due, []);
});

test('a lifted or ended quarantine keeps no record', () => {
  const lifted = { fingerprint: 'f', until: at(-60), lifted: { by: 'alice', at: at(1) } };
  const changes = [
    aChange(1, 'RolledBack', 9000, { quarantine: lifted }),
    aChange(2, 'RolledBack', 9000, { quarantine: { fingerprint: 'f', until: at(1) } }),
    aChange(3, 'Success', 1),
  ];
  assert.deepEqual(names(expiredRecords(changes, NOW).due), ['c-1', 'c-2']);
});

test('the newest record also expires once its workload is deleted', () => {
  const changes = [aChange(1, 'Success', 9000), aChange(2, 'Failed', 600)];
  const { due, nextAt } = expiredRecords(changes, NOW, true);
  assert.deepEqual(names(due), ['c-1']);
  assert.equal(nextAt, NOW + 3_000_000);
});

test('automatic rollbacks of the last hour stay beyond the limit, because they count', () => {
  const rolledBack = (sequence: number, ago: number): ChangeWorkload =>
    aChange(sequence, 'RolledBack', ago, { automaticRollback: true, rolledBackAt: at(ago) });
  const changes = [
    ...[3599, 50, 40, 30, 20].map((ago, i) => rolledBack(i + 1, ago)),
    aChange(6, 'Success', 1),
  ];
  assert.deepEqual(names(expiredRecords(changes, NOW).due), []);
  assert.equal(expiredRecords(changes, NOW).nextAt, NOW + 1000);
  assert.deepEqual(names(expiredRecords(changes, NOW + 2000).due), ['c-1']);
});

test('records with a quarantine have three times the limit; the newest stay', () => {
  const quarantine = { fingerprint: 'f', until: at(-60) };
  const changes = Array.from({ length: 12 }, (_, i) =>
    aChange(i + 1, 'RolledBack', 100 - i, { quarantine }),
  );
  assert.deepEqual(names(expiredRecords(changes, NOW).due), ['c-1', 'c-2']);
});

test('the time at which the next record expires is returned', () => {
  const changes = [aChange(1, 'Success', 600), aChange(2, 'Success', 1)];
  assert.equal(expiredRecords(changes, NOW).nextAt, NOW + 3_000_000);
});
