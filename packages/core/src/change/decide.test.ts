// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Actor } from '@altershield/api';
import { anObservation, aTemplate, aWorkload, NOW, pods } from '@altershield/testing/builders';
import {
  REVISION_A,
  REVISION_B,
  change,
  crashedPods,
  unmarked,
  oneReleased,
  status,
} from '@altershield/testing/change-states';
import { decide } from './decide.ts';
import type { Observation } from './observation.ts';
import { timeText } from './status.ts';

type Row = readonly [
  name: string,
  o: Partial<Observation>,
  phase: string,
  reason: string,
  action: string | undefined,
];
const rows: readonly Row[] = [
  ['a held change releases its first batch', {}, 'Running', 'BatchReleasing', 'Release'],
  [
    'a bad pod rolls back at once',
    { updated: crashedPods, workload: oneReleased },
    'RollingBack',
    'CheckFailed',
    'RollBack',
  ],
  [
    'a bad pod suspends, if the policy says so',
    {
      updated: crashedPods,
      workload: oneReleased,
      change: change(undefined, { onFail: 'Suspend' }),
    },
    'Suspend',
    'CheckFailed',
    'Hold',
  ],
  [
    'an unverified revision is not a rollback target',
    { updated: crashedPods, workload: oneReleased, change: change(undefined, {}, {}, false) },
    'Suspend',
    'NoVerifiedRevision',
    'Hold',
  ],
  [
    'a fourth rollback in an hour is left to a user',
    {
      updated: crashedPods,
      workload: oneReleased,
      recentRollbacks: 3,
      clusterRollbacks: { recent: 3, allowed: 4 },
    },
    'Suspend',
    'RollbackLimit',
    'Hold',
  ],
  [
    'the cluster’s limit for automatic rollbacks is respected',
    { updated: crashedPods, workload: oneReleased, clusterRollbacks: { recent: 4, allowed: 4 } },
    'Suspend',
    'RollbackLimit',
    'Hold',
  ],
  [
    'a failure that stable pods share suspends the change',
    { updated: crashedPods, stable: crashedPods, workload: oneReleased },
    'Suspend',
    'CheckInconclusive',
    'Hold',
  ],
  [
    'a permanently denied write suspends the change without another write',
    { denial: 'admission webhook "x" denied the request' },
    'Suspend',
    'WriteDenied',
    undefined,
  ],
  [
    'a denied write also stops a rollback',
    { denial: 'no', change: change(status('RollingBack')) },
    'Suspend',
    'WriteDenied',
    undefined,
  ],
  [
    'a denied write is not retried before a user decides',
    { change: change(status('Suspend', { reason: 'WriteDenied' })) },
    'Suspend',
    'WriteDenied',
    undefined,
  ],
  [
    'a template altered by another admission plug-in is not a user’s change',
    { workload: aWorkload({ fingerprint: 'c', isOwnWrite: true }) },
    'Suspend',
    'AlteredByAdmission',
    undefined,
  ],
  [
    'a rollback template altered by another admission plug-in is the rollback',
    {
      change: change(status('RollingBack', { reason: 'CheckFailed' })),
      workload: aWorkload({ fingerprint: 'c', isOwnWrite: true }),
    },
    'RollingBack',
    'CheckFailed',
    undefined,
  ],
  [
    'a quarantined revision that bypassed admission is rolled back',
    { isQuarantined: true },
    'RollingBack',
    'QuarantinedRevision',
    'RollBack',
  ],
  [
    'a suspended change stays suspended',
    {
      change: change(status('Suspend', { reason: 'RollbackLimit' })),
      updated: pods('new', 1),
      workload: oneReleased,
    },
    'Suspend',
    'RollbackLimit',
    'Hold',
  ],
  [
    'a suspended change without its annotation is held again',
    { change: change(status('Suspend', { reason: 'RollbackLimit' })), workload: unmarked('b') },
    'Suspend',
    'RollbackLimit',
    'Hold',
  ],
  [
    'an inconclusive check that turns into a failure is rolled back',
    {
      change: change(status('Suspend', { reason: 'CheckInconclusive' })),
      updated: crashedPods,
      workload: oneReleased,
    },
    'RollingBack',
    'CheckFailed',
    'RollBack',
  ],
  [
    'a passed batch starts the next one',
    {
      change: change(status('Running')),
      updated: pods('new', 1),
      stable: pods('old', 9),
      workload: oneReleased,
    },
    'Running',
    'BatchReleasing',
    undefined,
  ],
  [
    'extra stable pods within the surge do not keep the batch from passing',
    {
      change: change(status('Running')),
      updated: pods('new', 1),
      stable: pods('old', 10),
      workload: oneReleased,
    },
    'Running',
    'BatchReleasing',
    undefined,
  ],
  [
    'the last batch that passes ends the change',
    {
      change: change(status('Running', { batch: { index: 3, total: 3, target: 10 } })),
      workload: unmarked('b'),
      updated: pods('new', 10),
      stable: [],
    },
    'Success',
    'Verified',
    undefined,
  ],
  [
    'a change does not end while the workload is held, also if all pods are updated',
    {
      change: change(status('Running', { batch: { index: 3, total: 3, target: 10 } })),
      updated: pods('new', 10),
      stable: [],
    },
    'Running',
    'BatchReleasing',
    'Release',
  ],
  [
    'without replicas, a change stays held',
    { workload: aWorkload({ replicas: 0, size: 0 }), stable: [] },
    'Init',
    'NoReplicas',
    'Hold',
  ],
  [
    'without replicas, a new workload waits to be checked',
    {
      change: change(undefined, {}, { operation: 'Create' }),
      workload: { ...unmarked('b'), replicas: 0, size: 0 },
      stable: [],
    },
    'Init',
    'NoReplicas',
    undefined,
  ],
  [
    'a pause by the user stops a change',
    { workload: aWorkload({ isPaused: true }) },
    'Init',
    'PausedByUser',
    'Hold',
  ],
  [
    'a newer revision supersedes',
    { workload: aWorkload({ fingerprint: 'c' }) },
    'Superseded',
    'Superseded',
    undefined,
  ],
  [
    'a revert by the user is released at once',
    { workload: aWorkload({ fingerprint: REVISION_A }) },
    'RollingBack',
    'RevertedByUser',
    undefined,
  ],
  ['a deleted workload ends it', { workload: undefined }, 'Failed', 'WorkloadDeleted', undefined],
  [
    'another object of that name ends it',
    { workload: aWorkload({ uid: 'd-2' }) },
    'Failed',
    'WorkloadDeleted',
    undefined,
  ],
  [
    'a rollback is repeated until it is observed',
    { change: change(status('RollingBack', { reason: 'CheckFailed' })) },
    'RollingBack',
    'CheckFailed',
    'RollBack',
  ],
  [
    'a user who applies a reverted change again starts anew',
    { change: change(status('RollingBack', { reason: 'RevertedByUser' })) },
    'Init',
    'AwaitingRelease',
    undefined,
  ],
  [
    'a rollback waits for the bad pods to go',
    {
      change: change(status('RollingBack')),
      workload: aWorkload({ fingerprint: REVISION_A }),
      updated: crashedPods,
    },
    'RollingBack',
    'BatchReleasing',
    'RollBack',
  ],
  [
    'a rollback ends when the verified revision is back',
    { change: change(status('RollingBack')), workload: unmarked('a') },
    'RolledBack',
    'RolledBack',
    undefined,
  ],
  [
    'a rollback waits for capacity',
    { change: change(status('RollingBack')), workload: unmarked('a'), stable: pods('old', 8) },
    'RollingBack',
    'BatchReleasing',
    'RollBack',
  ],
  [
    'an incomplete rollback is reported',
    {
      change: change(status('RollingBack')),
      workload: unmarked('a'),
      stable: [],
      now: NOW + 600_000,
    },
    'Failed',
    'RollbackIncomplete',
    undefined,
  ],
  [
    'a newer revision supersedes a rollback',
    { change: change(status('RollingBack')), workload: unmarked('c') },
    'Superseded',
    'Superseded',
    undefined,
  ],
  [
    'a missed change is held late at the batch that covers its released pods',
    { workload: unmarked('b'), updated: pods('new', 2), stable: pods('old', 9) },
    'Running',
    'BatchReleasing',
    'Release',
  ],
  [
    'a missed change with all pods released is checked',
    { workload: unmarked('b'), updated: pods('new', 10), stable: [] },
    'Success',
    'Verified',
    undefined,
  ],
  [
    'Audit modifies nothing',
    { change: change(undefined, { mode: 'Audit' }), workload: unmarked('b'), updated: crashedPods },
    'Failed',
    'CheckFailed',
    undefined,
  ],
  [
    'a new workload is checked and not modified',
    {
      change: change(undefined, {}, { operation: 'Create' }),
      workload: unmarked('b'),
      updated: crashedPods,
    },
    'Failed',
    'CheckFailed',
    undefined,
  ],
  [
    'Rolling waits while the controller rolls',
    {
      change: change(undefined, { release: { strategy: 'Rolling' } }),
      workload: unmarked('b'),
      updated: pods('new', 3),
    },
    'Running',
    'BatchReleasing',
    undefined,
  ],
  [
    'Rolling stops at a failure',
    {
      change: change(undefined, { release: { strategy: 'Rolling' }, onFail: 'Suspend' }),
      workload: unmarked('b'),
      updated: crashedPods,
    },
    'Suspend',
    'CheckFailed',
    'Hold',
  ],
];

for (const [name, o, phase, reason, action] of rows) {
  test(name, () => {
    const d = decide(anObservation(o));
    assert.deepEqual([d.status.phase, d.status.reason, d.goal?.type], [phase, reason, action]);
  });
}

for (const phase of ['Success', 'Failed', 'RolledBack', 'Superseded'] as const) {
  test(`${phase} is final`, () => {
    for (const o of rows.map(([, parts]) => parts)) {
      const terminated = status(phase);
      assert.deepEqual(decide(anObservation({ ...o, change: change(terminated) })), {
        status: terminated,
      });
    }
  });
}

test('a change whose pods AlterShield does not release says why', () => {
  const unsupported = 'its update strategy is OnDelete: users delete the pods';
  const rolling = change(undefined, { release: { strategy: 'Rolling' } });
  const workload = { ...unmarked('b'), unsupported };
  const { status: is } = decide(anObservation({ change: rolling, workload }));
  assert.deepEqual(
    [is.phase, is.message],
    ['Running', `AlterShield does not release the pods: ${unsupported}`],
  );
});

test('Proceed continues after an inconclusive check, but does not mark the revision as verified', () => {
  const policy = { onInconclusive: 'Proceed' } as const;
  const unclear = {
    workload: unmarked('b'),
    updated: [...pods('new', 1), ...pods('late', 9, { ready: false, createdAt: 0 })],
    stable: pods('old', 1, { ready: false, createdAt: 0 }),
  };
  const last = status('Running', { batch: { index: 3, total: 3, target: 10 } });
  const d = decide(anObservation({ ...unclear, change: change(last, policy) }));
  const { phase, reason, verdict } = d.status;
  assert.deepEqual([phase, reason, verdict], ['Success', 'CompletedUnverified', 'Inconclusive']);
});

test('Proceed does not continue past a batch without ready pods', () => {
  const policy = { onInconclusive: 'Proceed' } as const;
  const nothing = {
    updated: pods('new', 1, { ready: false, createdAt: 0 }),
    stable: pods('old', 1, { ready: false, createdAt: 0 }),
  };
  const d = decide(anObservation({ ...nothing, change: change(status('Running'), policy) }));
  assert.deepEqual([d.status.phase, d.status.reason], ['Suspend', 'CheckInconclusive']);
});

test('a rollback writes the verified template and quarantines the failed revision', () => {
  const d = decide(anObservation({ updated: crashedPods, workload: oneReleased }));
  assert.deepEqual(d.goal, {
    ...{ type: 'RollBack', from: REVISION_A, to: REVISION_B, template: aTemplate('a') },
    failure: { since: timeText(NOW), message: d.status.message },
    ...{ isOwn: true, keepsHold: false },
  });
  assert.equal(d.status.quarantine?.until, timeText(NOW + 604_800_000));
});

test('an unschedulable updated pod may take the room of a stable pod', () => {
  const needs = (scheduled: boolean) => {
    const updated = pods('new', 1, { ready: false, scheduled, createdAt: NOW });
    const { goal } = decide(anObservation({ workload: oneReleased, updated }));
    return goal?.type === 'Release' && goal.needsRoom;
  };
  assert.deepEqual([needs(true), needs(false)], [false, true]);
});

test('the soak is never shorter than the user’s minReadySeconds', () => {
  const at = (minReadySeconds: number) =>
    decide(
      anObservation({
        change: change(status('Running'), { release: { soakSeconds: 5 } }),
        workload: { ...oneReleased, minReadySeconds },
        updated: pods('new', 1, { readySince: NOW - 10_000 }),
        stable: pods('old', 9),
      }),
    ).status.batch?.index;
  assert.deepEqual([at(0), at(20)], [2, 1]);
});

test('a new workload that is changed during its first soak is verified after it has run alone for the soak time', () => {
  const spec = change().spec;
  const from = spec.from && { ...spec.from, verified: false, isNew: true };
  const policy = { release: { soakSeconds: 60 } };
  const at = (ageMs: number, s = status('Init', { reason: 'AwaitingRelease' }), ready = true) => {
    const c = change(s, policy, from === undefined ? {} : { from });
    const stable = pods('old', 10, { ready, readySince: NOW - ageMs });
    return decide(anObservation({ change: c, stable }));
  };
  assert.deepEqual([at(10_000).goal?.type, at(10_000).recheckAt], ['Hold', NOW + 50_000]);
  const { status: proven } = at(60_000);
  assert.equal(proven.fromVerified, true);
  assert.equal(at(60_000, proven).goal?.type, 'Release');
  assert.equal(at(10_000, undefined, false).goal?.type, 'Release', 'its cure is not kept waiting');
  const failed = change(proven, {}, from === undefined ? {} : { from });
  const back = decide(
    anObservation({ change: failed, updated: crashedPods, workload: oneReleased }),
  );
  assert.equal(back.status.phase, 'RollingBack');
});

test('a batch has its full deadline after a long soak or a long pause', () => {
  const hour = 3_600_000;
  const since = (ms: number) => ({ phaseSince: timeText(NOW - ms) });
  const soaked = pods('new', 1, { createdAt: NOW - hour, readySince: NOW - hour });
  const first = decide(
    anObservation({
      change: change(status('Running', since(hour))),
      updated: soaked,
      stable: pods('old', 9),
      workload: oneReleased,
    }),
  );
  assert.equal(first.status.batch?.index, 2);
  const second = decide(
    anObservation({
      change: change(first.status),
      updated: soaked,
      stable: pods('old', 9),
      workload: oneReleased,
    }),
  );
  assert.deepEqual([second.status.phase, second.goal?.type], ['Running', 'Release']);
  const paused = status('Init', { reason: 'PausedByUser', ...since(hour) });
  assert.equal(decide(anObservation({ change: change(paused) })).goal?.type, 'Release');
});

test('a failure of a superseded revision does not excuse the current one', () => {
  const failure = {
    ready: false,
    failure: { kind: 'ImagePull', reason: 'ImagePullBackOff', message: '', container: 'app' },
  } as const;
  const updated = pods('new', 1, failure);
  const stable = [...pods('old', 9), ...pods('stuck', 1, failure)];
  const phase = (compared: typeof stable): string =>
    decide(anObservation({ updated, stable, evidence: { updated, stable: compared } })).status
      .phase;
  assert.equal(phase(stable), 'Suspend');
  assert.equal(phase(pods('old', 9)), 'RollingBack');
});

test('a user’s resume accepts the current pods and releases the batch; later pods are checked', () => {
  const bad = {
    ready: false,
    createdAt: NOW - 60_000,
    failure: { kind: 'Crash', reason: 'CrashLoopBackOff', message: '', container: 'app' },
  } as const;
  const resumedAt = new Date(NOW - 1000).toISOString();
  const batch = { index: 1, total: 3, target: 1, overridden: true };
  const at = (parts: Parameters<typeof anObservation>[0]) =>
    decide(anObservation({ change: change(status('Running', { batch, resumedAt })), ...parts }));
  const accepted = at({ updated: pods('old-bad', 1, bad), stable: pods('old', 9) });
  assert.notEqual(accepted.status.phase, 'Suspend');
  assert.equal(accepted.status.batch?.index, 2);
  // Made in the second of the decision: whether before or after, nobody can tell.
  const later = { ...bad, createdAt: NOW - 1000 };
  const judged = at({
    updated: [...pods('old-bad', 1, bad), ...pods('new-bad', 1, later)],
    stable: pods('old', 9),
  });
  assert.equal(judged.status.phase, 'RollingBack');
});

test('the record names the user who reverts, if admission saw the write', () => {
  const back = (actor: Actor) => {
    const workload = aWorkload({ fingerprint: REVISION_A, actor });
    const { revertedBy, message } = decide(anObservation({ workload })).status;
    return [revertedBy, message];
  };
  const bob = { user: 'bob', fieldManager: 'kubectl-rollout', stamped: true };
  assert.deepEqual(back(bob), [bob, 'bob applied the previous revision again']);
  const unknown = { user: '', fieldManager: 'kubectl-rollout', stamped: false };
  assert.deepEqual(back(unknown), [unknown, 'the previous revision was applied again']);
});

test('a change that the user reverts and applies again starts anew with the first batch', () => {
  const batch = { index: 3, total: 3, target: 10, overridden: true };
  const before = status('RollingBack', {
    reason: 'RevertedByUser',
    batch,
    resumedAt: timeText(NOW),
    revertedBy: { user: 'bob', stamped: true },
  });
  const again = decide(anObservation({ change: change(before) })).status;
  assert.deepEqual([again.reason, again.revertedBy], ['AwaitingRelease', undefined]);
  const next = decide(anObservation({ change: change(again) })).status;
  assert.deepEqual(
    [next.batch?.index, next.batch?.overridden, next.resumedAt],
    [1, undefined, undefined],
  );
});

test('pods accepted by a user do not verify an observed-only revision', () => {
  const resumed = change(
    status('Running', { resumedAt: timeText(NOW) }),
    {},
    { operation: 'PreExisting' },
  );
  const end = (...broken: typeof crashedPods) => {
    const updated = [...pods('new', 9), ...broken];
    const o = anObservation({ change: resumed, workload: unmarked('b'), updated, stable: [] });
    const { phase, reason, verdict } = decide(o).status;
    return [phase, reason, verdict];
  };
  assert.deepEqual(end(...pods('last', 1)), ['Success', 'Verified', 'Pass']);
  assert.deepEqual(end(...crashedPods), ['Success', 'CompletedUnverified', 'Inconclusive']);
});

test('a held change whose workload can no longer be released in batches is suspended and releases no pod', () => {
  const workload = aWorkload({
    ...{ unsupported: 'its update strategy is OnDelete', unsupportedHint: 'set the partition' },
  });
  for (const updated of [[], pods('new', 1), crashedPods]) {
    const d = decide(anObservation({ workload, updated, change: change(status('Running')) }));
    assert.deepEqual([d.status.phase, d.status.reason], ['Suspend', 'CannotMove']);
    assert.match(d.status.message, /OnDelete; set the partition and run `altershield resume`, or/);
    assert.equal(d.goal, undefined);
  }
  const stays = decide(
    anObservation({ workload, change: change(status('Suspend', { reason: 'CannotMove' })) }),
  );
  assert.deepEqual([stays.status.phase, stays.goal], ['Suspend', undefined]);
  const back = decide(
    anObservation({ change: change(status('Suspend', { reason: 'CannotMove' })) }),
  );
  assert.deepEqual([back.status.phase, back.goal?.type], ['Suspend', 'Hold']);
});
