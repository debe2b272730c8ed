// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { anObservation, aTemplate, aWorkload, NOW, pods } from '../testing/builders.ts';
import { A, B, change, crashed, free, lost, out, rest, status } from '../testing/standings.ts';
import { decide } from './decide.ts';
import type { Observation } from './model.ts';
import { timeText } from './status.ts';

type Row = readonly [
  name: string,
  o: Partial<Observation>,
  phase: string,
  reason: string,
  action: string | undefined,
];
const rows: readonly Row[] = [
  ['a held change lets out its first batch', {}, 'Running', 'BatchReleasing', 'SetBounds'],
  [
    'a bad pod rolls back at once',
    { fresh: crashed, workload: out },
    'RollingBack',
    'CheckFailed',
    'RollBack',
  ],
  [
    'a bad pod suspends, if the policy says so',
    { fresh: crashed, workload: out, change: change(undefined, { onFail: 'Suspend' }) },
    'Suspend',
    'CheckFailed',
    'Pause',
  ],
  [
    'an unverified revision is nothing to go back to',
    { fresh: crashed, workload: out, change: change(undefined, {}, {}, false) },
    'Suspend',
    'NoVerifiedRevision',
    'Pause',
  ],
  [
    'a fourth rollback in an hour is left to a person',
    {
      fresh: crashed,
      workload: out,
      recentRollbacks: 3,
      clusterRollbacks: { recent: 3, allowed: 4 },
    },
    'Suspend',
    'RollbackLimit',
    'Pause',
  ],
  [
    'no more automatic rollbacks than the cluster may have',
    { fresh: crashed, workload: out, clusterRollbacks: { recent: 4, allowed: 4 } },
    'Suspend',
    'RollbackLimit',
    'Pause',
  ],
  [
    'a trouble of all pods suspends',
    { fresh: crashed, stable: crashed, workload: out },
    'Suspend',
    'CheckInconclusive',
    'Pause',
  ],
  [
    'a lost record suspends and touches nothing',
    { workload: lost },
    'Suspend',
    'HoldRecordLost',
    undefined,
  ],
  [
    'a lost record stops a rollback too',
    { workload: { ...lost, fingerprint: A }, change: change(status('RollingBack')) },
    'Suspend',
    'HoldRecordLost',
    undefined,
  ],
  [
    'a refused revision that came past admission is taken back',
    { refused: true },
    'RollingBack',
    'QuarantinedRevision',
    'RollBack',
  ],
  [
    'a suspended change stays',
    {
      change: change(status('Suspend', { reason: 'RollbackLimit' })),
      fresh: pods('new', 1),
      workload: rest,
    },
    'Suspend',
    'RollbackLimit',
    undefined,
  ],
  [
    'a suspended change is paused again when someone resumes it',
    { change: change(status('Suspend', { reason: 'RollbackLimit' })), workload: out },
    'Suspend',
    'RollbackLimit',
    'Pause',
  ],
  [
    'what was unclear and turns out bad is rolled back',
    {
      change: change(status('Suspend', { reason: 'CheckInconclusive' })),
      fresh: crashed,
      workload: rest,
    },
    'RollingBack',
    'CheckFailed',
    'RollBack',
  ],
  [
    'a passed batch moves on',
    {
      change: change(status('Running')),
      fresh: pods('new', 1),
      stable: pods('old', 9),
      workload: rest,
    },
    'Running',
    'BatchReleasing',
    undefined,
  ],
  [
    'surplus old pods go before the batch is done',
    {
      change: change(status('Running')),
      fresh: pods('new', 1),
      stable: pods('old', 11),
      workload: out,
    },
    'Running',
    'BatchReleasing',
    'SetBounds',
  ],
  [
    'the last batch gives the fields back',
    {
      change: change(status('Running', { batch: { index: 3, of: 3, target: 10 } })),
      fresh: pods('new', 10),
      stable: [],
    },
    'Running',
    'Completing',
    'Restore',
  ],
  [
    'giving back is repeated until it is seen',
    { change: change(status('Running', { reason: 'Completing' })) },
    'Running',
    'Completing',
    'Restore',
  ],
  [
    'what was given back is done',
    {
      change: change(status('Running', { reason: 'Completing', verdict: 'Pass' })),
      workload: free('b'),
    },
    'Success',
    'Verified',
    undefined,
  ],
  [
    'no replicas end without a verdict',
    { workload: aWorkload({ replicas: 0 }), stable: [] },
    'Running',
    'Completing',
    'Restore',
  ],
  [
    'a newer revision supersedes',
    { workload: aWorkload({ fingerprint: 'c' }) },
    'Superseded',
    'Superseded',
    undefined,
  ],
  [
    'a revert by the owner is let through',
    { workload: aWorkload({ fingerprint: A }) },
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
    'a rollback is repeated until it is seen',
    { change: change(status('RollingBack', { reason: 'CheckFailed' })) },
    'RollingBack',
    'CheckFailed',
    'RollBack',
  ],
  [
    'an owner who re-applies what was reverted begins anew',
    { change: change(status('RollingBack', { reason: 'RevertedByUser' })) },
    'Init',
    'AwaitingRelease',
    undefined,
  ],
  [
    'a wide rollback is narrowed once the bad pods are gone',
    { change: change(status('RollingBack')), workload: aWorkload({ fingerprint: A }) },
    'RollingBack',
    'BatchReleasing',
    'FinishRollBack',
  ],
  [
    'a wide rollback waits for the bad pods to go',
    {
      change: change(status('RollingBack')),
      workload: aWorkload({ fingerprint: A }),
      fresh: crashed,
    },
    'RollingBack',
    'BatchReleasing',
    undefined,
  ],
  [
    'a rollback ends when the verified revision is back',
    { change: change(status('RollingBack')), workload: free('a') },
    'RolledBack',
    'RolledBack',
    undefined,
  ],
  [
    'a rollback waits for capacity',
    { change: change(status('RollingBack')), workload: free('a'), stable: pods('old', 8) },
    'RollingBack',
    'BatchReleasing',
    undefined,
  ],
  [
    'a rollback that does not come back is told',
    { change: change(status('RollingBack')), workload: free('a'), stable: [], now: NOW + 600_000 },
    'Failed',
    'RollbackIncomplete',
    undefined,
  ],
  [
    'a newer revision supersedes a rollback',
    { change: change(status('RollingBack')), workload: free('c') },
    'Superseded',
    'Superseded',
    undefined,
  ],
  [
    'a missed change is held late',
    { workload: free('b'), fresh: pods('new', 2), stable: pods('old', 9) },
    'Init',
    'AwaitingRelease',
    'TakeOver',
  ],
  [
    'a missed change that is all out is judged',
    { workload: free('b'), fresh: pods('new', 10), stable: [] },
    'Running',
    'Completing',
    undefined,
  ],
  [
    'Audit touches nothing',
    { change: change(undefined, { mode: 'Audit' }), workload: free('b'), fresh: crashed },
    'Failed',
    'CheckFailed',
    undefined,
  ],
  [
    'Audit gives back a hold that was left',
    { change: change(undefined, { mode: 'Audit' }) },
    'Running',
    'Observing',
    'Restore',
  ],
  [
    'Audit, too, stops at a hold whose record is lost',
    { change: change(undefined, { mode: 'Audit' }), workload: lost },
    'Suspend',
    'HoldRecordLost',
    undefined,
  ],
  [
    'a new workload is judged and left alone',
    { change: change(undefined, {}, { operation: 'Create' }), workload: free('b'), fresh: crashed },
    'Failed',
    'CheckFailed',
    undefined,
  ],
  [
    'Rolling waits while the controller rolls',
    {
      change: change(undefined, { release: { strategy: 'Rolling' } }),
      workload: free('b'),
      fresh: pods('new', 3),
    },
    'Running',
    'BatchReleasing',
    undefined,
  ],
  [
    'Rolling stops at a failure',
    {
      change: change(undefined, { release: { strategy: 'Rolling' }, onFail: 'Suspend' }),
      workload: free('b'),
      fresh: crashed,
    },
    'Suspend',
    'CheckFailed',
    'TakeOver',
  ],
];

for (const [name, o, phase, reason, action] of rows) {
  test(name, () => {
    const d = decide(anObservation(o));
    assert.deepEqual([d.status.phase, d.status.reason, d.action?.type], [phase, reason, action]);
  });
}

for (const phase of ['Success', 'Failed', 'RolledBack', 'Superseded'] as const) {
  test(`${phase} absorbs whatever is seen`, () => {
    for (const o of rows.map(([, parts]) => parts)) {
      const ended = status(phase);
      assert.deepEqual(decide(anObservation({ ...o, change: change(ended) })), { status: ended });
    }
  });
}

test('Proceed goes on with what is unclear, but never calls it verified', () => {
  const policy = { onInconclusive: 'Proceed' } as const;
  const unclear = {
    fresh: [...pods('new', 1), ...pods('late', 9, { ready: false, createdAt: 0 })],
    stable: pods('old', 1, { ready: false, createdAt: 0 }),
  };
  const last = status('Running', { batch: { index: 3, of: 3, target: 10 } });
  const d = decide(anObservation({ ...unclear, change: change(last, policy) }));
  assert.deepEqual([d.status.reason, d.status.verdict], ['Completing', 'Inconclusive']);
  const end = decide(
    anObservation({ ...unclear, workload: free('b'), change: change(d.status, policy) }),
  );
  assert.deepEqual([end.status.phase, end.status.verdict], ['Success', 'Inconclusive']);
});

test('Proceed does not walk on over a batch of which no pod is ready', () => {
  const policy = { onInconclusive: 'Proceed' } as const;
  const nothing = {
    fresh: pods('new', 1, { ready: false, createdAt: 0 }),
    stable: pods('old', 1, { ready: false, createdAt: 0 }),
  };
  const d = decide(anObservation({ ...nothing, change: change(status('Running'), policy) }));
  assert.deepEqual([d.status.phase, d.status.reason], ['Suspend', 'CheckInconclusive']);
});

test('bad pods go all at once, and no ready one with them', () => {
  const rollBack = { type: 'RollBack', id: 'c-1', from: A, template: aTemplate('a') };
  const d = decide(anObservation({ fresh: crashed, workload: out }));
  assert.deepEqual(d.action, { ...rollBack, widenBy: 0 });
  const few = decide(anObservation({ fresh: crashed, workload: out, stable: pods('old', 6) }));
  assert.deepEqual(few.action, { ...rollBack, widenBy: 4 });
  const mixed = [...crashed, ...pods('ready', 3)];
  const some = decide(anObservation({ fresh: mixed, workload: out, stable: pods('old', 4) }));
  assert.deepEqual(some.action, { ...rollBack, widenBy: 3 });
  assert.equal(d.status.quarantine?.until, timeText(NOW + 604_800_000));
});

test('a batch that begins after a long soak, or a long pause, has its whole deadline', () => {
  const hour = 3_600_000;
  const since = (ms: number) => ({ phaseSince: timeText(NOW - ms) });
  const soaked = pods('new', 1, { createdAt: NOW - hour, readySince: NOW - hour });
  const first = decide(
    anObservation({
      change: change(status('Running', since(hour))),
      fresh: soaked,
      stable: pods('old', 9),
      workload: rest,
    }),
  );
  assert.equal(first.status.batch?.index, 2);
  const second = decide(
    anObservation({
      change: change(first.status),
      fresh: soaked,
      stable: pods('old', 9),
      workload: rest,
    }),
  );
  assert.deepEqual([second.status.phase, second.action?.type], ['Running', 'SetBounds']);
  const paused = status('Init', { reason: 'PausedByOwner', ...since(hour) });
  assert.equal(decide(anObservation({ change: change(paused) })).action?.type, 'SetBounds');
});

test('scaling is repaired old pods first, and no further than capacity allows', () => {
  const revisions = [
    ['a', 5],
    ['b', 5],
  ].map(([tag, n]) => ({
    name: `rs-${String(tag)}`,
    uid: `rs-${String(tag)}`,
    fingerprint: tag === 'a' ? A : B,
    replicas: Number(n),
  }));
  const workload = { ...rest, revisions };
  const at = (ready: number) => {
    const fresh = [
      ...pods('new', ready, { readySince: NOW }),
      ...pods('unready', 5 - ready, { ready: false }),
    ];
    const d = decide(
      anObservation({ change: change(status('Running')), workload, fresh, stable: pods('old', 5) }),
    );
    return d.action?.type === 'Rebalance' ? d.action.revisions.map((r) => r.to) : d.action;
  };
  assert.deepEqual(at(5), [6, 4]);
  assert.deepEqual(at(2), [8, 2]);
  assert.deepEqual(at(0), [9, 1]);
});

test('ready pods of a superseded revision count again before more is let out', () => {
  const between = { name: 'web-c', uid: 'rs-c', fingerprint: 'c'.repeat(16), replicas: 2 };
  const step = (parts: object) => {
    const revisions = [...aWorkload().revisions, { ...between, ...parts }];
    return decide(anObservation({ workload: aWorkload({ revisions }) })).action;
  };
  assert.deepEqual(step({ held: true, uncounted: 2 }), {
    type: 'CountAgain',
    minReadySeconds: 0,
    revisions: [{ name: 'web-c', uid: 'rs-c' }],
  });
  assert.equal(step({ held: false, uncounted: 2 }), undefined);
  assert.equal(step({ held: false, uncounted: 0 })?.type, 'SetBounds');
  assert.equal(step({ held: true, replicas: 0 })?.type, 'SetBounds');
});

test('trouble of a superseded revision does not excuse this one', () => {
  const trouble = {
    ready: false,
    trouble: { kind: 'ImagePull', reason: 'ImagePullBackOff', message: '', container: 'app' },
  } as const;
  const fresh = pods('new', 1, trouble);
  const stable = [...pods('old', 9), ...pods('stuck', 1, trouble)];
  const phase = (compared: typeof stable): string =>
    decide(anObservation({ fresh, stable, evidence: { fresh, stable: compared } })).status.phase;
  assert.equal(phase(stable), 'Suspend');
  assert.equal(phase(pods('old', 9)), 'RollingBack');
});

test('a person’s resume accepts the pods of then; the batch is let out, later pods are judged', () => {
  const bad = {
    ready: false,
    createdAt: NOW - 60_000,
    trouble: { kind: 'Crash', reason: 'CrashLoopBackOff', message: '', container: 'app' },
  } as const;
  const resumedAt = new Date(NOW - 1000).toISOString();
  const batch = { index: 1, of: 3, target: 1, waived: true };
  const at = (parts: Parameters<typeof anObservation>[0]) =>
    decide(anObservation({ change: change(status('Running', { batch, resumedAt })), ...parts }));
  const accepted = at({ fresh: pods('old-bad', 1, bad), stable: pods('old', 9) });
  assert.notEqual(accepted.status.phase, 'Suspend');
  assert.equal(accepted.status.batch?.index, 2);
  // Made in the second of the decision: whether before or after, nobody can tell.
  const later = { ...bad, createdAt: NOW - 1000 };
  const judged = at({
    fresh: [...pods('old-bad', 1, bad), ...pods('new-bad', 1, later)],
    stable: pods('old', 9),
  });
  assert.equal(judged.status.phase, 'RollingBack');
});

test('what its owner put back and applies again begins anew, with the first batch', () => {
  const batch = { index: 3, of: 3, target: 10, waived: true };
  const before = status('RollingBack', {
    reason: 'RevertedByUser',
    batch,
    resumedAt: timeText(NOW),
  });
  const again = decide(anObservation({ change: change(before) })).status;
  assert.equal(again.reason, 'AwaitingRelease');
  const next = decide(anObservation({ change: change(again) })).status;
  assert.deepEqual(
    [next.batch?.index, next.batch?.waived, next.resumedAt],
    [1, undefined, undefined],
  );
});

test('pods that a person let pass as they were verify no revision that is only observed', () => {
  const resumed = change(
    status('Running', { resumedAt: timeText(NOW) }),
    {},
    { operation: 'Late' },
  );
  const end = (...broken: typeof crashed) => {
    const fresh = [...pods('new', 9), ...broken];
    const o = anObservation({ change: resumed, workload: free('b'), fresh, stable: [] });
    const { phase, reason, verdict } = decide(o).status;
    return [phase, reason, verdict];
  };
  assert.deepEqual(end(...pods('last', 1)), ['Success', 'Verified', 'Pass']);
  assert.deepEqual(end(...crashed), ['Success', 'Released', 'Inconclusive']);
});

test('a rollback of ours that lost its hold record ends as one when the owner has written the fields', () => {
  const stopped = status('Suspend', {
    reason: 'HoldRecordLost',
    rolledBackAt: timeText(NOW),
    automaticRollback: true,
  });
  const o = { change: change(stopped), stable: pods('a', 10) };
  const still = decide(
    anObservation({ ...o, workload: aWorkload({ fingerprint: A, hold: lost.hold }) }),
  );
  assert.deepEqual(still, { status: stopped });
  const { status: next } = decide(anObservation({ ...o, workload: free('a') }));
  assert.deepEqual([next.phase, next.reason], ['RollingBack', 'CheckFailed']);
});
