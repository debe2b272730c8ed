// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { ChangeWorkloadStatus, Verdict } from '@altershield/api';
import type { ChangePodObject, ChangeObject, PolicyObject } from '../objects.ts';
import {
  changesInFlight,
  longestWaits,
  policiesByReason,
  quarantinedRevisions,
  waitingChanges,
} from './change-state.ts';
import { actionOnEvidence, changeTransition, newVerdicts } from './change-transition.ts';

const START = Date.parse('2026-01-01T00:00:00Z');
const at = (seconds: number): string => new Date(START + seconds * 1000).toISOString();

type Status = Partial<ChangeWorkloadStatus>;

const aStatus = (status: Status = {}): ChangeWorkloadStatus => ({
  ...{ phase: 'Running', reason: 'BatchReleasing', message: '', verdict: 'None' },
  ...status,
});

function aChange(status: Status = {}, namespace = 'shop', uid = 'web'): ChangeObject {
  const metadata = { name: 'c', namespace, uid: 'c', resourceVersion: '1' };
  return {
    metadata: { ...metadata, creationTimestamp: at(0) },
    spec: { target: { kind: 'Deployment', name: 'web', uid }, detectedAt: at(0) },
    status: aStatus(status),
  } as unknown as ChangeObject;
}

describe('gauges', () => {
  test('count changes in flight by namespace, kind and phase', () => {
    const changes = [
      aChange(),
      aChange(),
      aChange({ phase: 'Suspend' }, 'cart'),
      aChange({ phase: 'Success' }),
      { ...aChange(), status: undefined } as unknown as ChangeObject,
    ];
    assert.deepEqual(changesInFlight(changes), [
      { labels: { namespace: 'shop', kind: 'Deployment', phase: 'Running' }, value: 2 },
      { labels: { namespace: 'cart', kind: 'Deployment', phase: 'Suspend' }, value: 1 },
      { labels: { namespace: 'shop', kind: 'Deployment', phase: 'Init' }, value: 1 },
    ]);
  });

  test('count changes that wait for a user, suspended or paused, and how long the first has waited', () => {
    const suspended = { phase: 'Suspend', reason: 'CheckFailed' } as const;
    const changes = [
      aChange({ ...suspended, phaseSince: at(40) }),
      aChange({ ...suspended, phaseSince: at(10) }),
      aChange({ reason: 'PausedByUser' }),
      aChange(),
      aChange({ phase: 'Superseded', reason: 'PausedByUser' }),
    ];
    const failed = { namespace: 'shop', reason: 'CheckFailed' };
    const paused = { namespace: 'shop', reason: 'PausedByUser' };
    assert.deepEqual(waitingChanges(changes), [
      { labels: failed, value: 2 },
      { labels: paused, value: 1 },
    ]);
    assert.deepEqual(longestWaits(changes, START + 70_000), [
      { labels: failed, value: 60 },
      { labels: paused, value: 70 },
    ]);
  });

  test('count a quarantined revision once, until it ends or is lifted', () => {
    const until = at(100);
    const quarantine = { fingerprint: 'bad', until };
    const changes = [
      aChange({ quarantine }),
      aChange({ quarantine }),
      aChange({ quarantine: { fingerprint: 'worse', until, lifted: { by: 'alice', at: at(1) } } }),
      aChange({ quarantine }, 'shop', 'cart'),
    ];
    assert.deepEqual(quarantinedRevisions(changes, START), [
      { labels: { namespace: 'shop' }, value: 2 },
    ]);
    assert.deepEqual(quarantinedRevisions(changes, START + 100_000), []);
  });

  test('count policies by the reason of Ready, and those without a status', () => {
    const metadata = { namespace: 'shop' };
    const ready = { conditions: [{ type: 'Ready', reason: 'Invalid' }] };
    const policies = [{ metadata, status: ready }, { metadata }] as unknown as PolicyObject[];
    assert.deepEqual(policiesByReason(policies), [
      { labels: { namespace: 'shop', reason: 'Invalid' }, value: 1 },
      { labels: { namespace: 'shop', reason: 'Pending' }, value: 1 },
    ]);
  });
});

describe('the move of a change', () => {
  const moved = (before: Status, after: Status) =>
    changeTransition(aChange(before), aChange(after));

  test('to its end has an outcome and a duration, once', () => {
    const end = { phase: 'Success', finishedAt: at(90) } as const;
    assert.deepEqual(moved({}, end), { denied: 0, outcome: 'Success', durationSeconds: 90 });
    assert.deepEqual(moved(end, { ...end, message: 'more' }), { denied: 0 });
  });

  test('to Failed tells an incomplete rollback and a deleted workload apart', () => {
    const outcomeOf = (reason: string) => moved({}, { phase: 'Failed', reason }).outcome;
    assert.deepEqual(['CheckFailed', 'RollbackIncomplete', 'WorkloadDeleted'].map(outcomeOf), [
      'Failed',
      'RollbackIncomplete',
      'Deleted',
    ]);
  });

  test('of one that a user rolls back after its end has a second outcome, but no duration', () => {
    const before = { phase: 'RollingBack', finishedAt: at(90), rolledBackAt: at(500) } as const;
    const after = { ...before, phase: 'RolledBack', finishedAt: at(600) } as const;
    assert.deepEqual(moved(before, after), { denied: 0, outcome: 'RolledBack' });
  });

  test('into a rollback says whether a check or a user asked for it', () => {
    const rolledBackAt = at(5);
    assert.equal(moved({}, { rolledBackAt, automaticRollback: true }).rollback, 'Automatic');
    assert.equal(moved({}, { rolledBackAt }).rollback, 'User');
    assert.equal(moved({ rolledBackAt }, { rolledBackAt, message: 'more' }).rollback, undefined);
  });

  test('counts the writes that were denied since', () => {
    const denied = (count: number) => ({
      deniedAttempts: { count, lastUser: 'ci', lastAt: at(1) },
    });
    assert.equal(moved(denied(2), denied(5)).denied, 3);
    assert.equal(changeTransition(undefined, aChange(denied(1))).denied, 1);
  });
});

test('a check that reaches a verdict, or another one, is counted; one that is pending or stays is not', () => {
  const aBatch = (...verdicts: Verdict[]) =>
    ({
      status: { checks: verdicts.map((verdict, i) => ({ name: `check-${i}`, verdict })) },
    }) as unknown as ChangePodObject;
  const after = aBatch('Pass', 'Fail', 'Pending', 'Inconclusive');
  assert.deepEqual(newVerdicts(aBatch('Pass', 'Inconclusive', 'Pass', 'Pending'), after), [
    { check: 'check-1', verdict: 'Fail' },
    { check: 'check-3', verdict: 'Inconclusive' },
  ]);
  assert.equal(newVerdicts(undefined, after).length, 3);
});

test('evidence leads from a running release to a rollback or a suspension; a decision of a user does not', () => {
  const failed = { phase: 'RollingBack', verdict: 'Fail' } as const;
  const on = (before: Status, after: Status) => actionOnEvidence(aStatus(before), aStatus(after));
  assert.equal(on({}, failed), 'RollBack');
  assert.equal(on({ phase: 'Init' }, { ...failed, phase: 'Suspend' }), 'Suspend');
  assert.equal(on({}, { ...failed, verdict: 'Pass' }), undefined);
  assert.equal(on({ phase: 'Suspend' }, failed), undefined);
  assert.equal(on(failed, failed), undefined);
});
