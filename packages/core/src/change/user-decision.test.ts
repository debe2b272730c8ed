// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { MAX_DECISIONS, type ChangeApproval, type DecisionAction } from '@altershield/api';
import { anApproval, anObservation, NOW, pods } from '@altershield/testing/builders';
import {
  REVISION_B,
  change,
  crashedPods,
  released,
  unmarked,
  status,
} from '@altershield/testing/change-states';
import { decide } from './decide.ts';
import type { Observation } from './observation.ts';
import { timeText } from './status.ts';

const decision = (
  action: DecisionAction,
  spec: Partial<ChangeApproval['spec']> = {},
): Pick<Observation, 'approvals'> => ({
  approvals: [
    anApproval({ decision: action, author: { user: 'ann' }, at: timeText(NOW), ...spec }),
  ],
});

/** Its entry on the record. */
const entry = (action: DecisionAction) => ({
  action,
  approval: 'cha-1',
  by: 'ann',
  at: timeText(NOW),
});

test('a user’s decision is carried out once', () => {
  const stopped = status('Suspend', { reason: 'CheckFailed' });
  const resumed = decide(
    anObservation({ updated: crashedPods, change: change(stopped), ...decision('Resume') }),
  );
  assert.deepEqual([resumed.status.phase, resumed.status.batch?.overridden], ['Running', true]);
  const asked = decide(anObservation({ change: change(stopped), ...decision('RollBack') }));
  assert.deepEqual(
    [asked.status.reason, asked.status.automaticRollback, asked.goal?.type],
    ['RequestedByUser', false, 'RollBack'],
  );
  const again = decide(
    anObservation({
      change: change({ ...stopped, decisions: [{ ...entry('Resume'), carriedOut: true }] }),
      ...decision('Resume'),
    }),
  );
  assert.equal(again.status.phase, 'Suspend');
});

test('a user’s rollback without a rollback target writes nothing', () => {
  const cases: Partial<Observation>[] = [
    {
      change: change(status('Success'), {}, {}, false),
      ...decision('RollBack'),
      workload: unmarked('b'),
    },
  ];
  for (const observation of cases) {
    const d = decide(anObservation(observation));
    assert.deepEqual([d.status.phase, d.goal], [observation.change?.status?.phase, undefined]);
    assert.match(d.status.message, /no verified revision/);
  }
});

test('a denied rollback continues when a user resumes it, and accepts no pods', () => {
  const stopped = status('Suspend', {
    reason: 'WriteDenied',
    rolledBackAt: timeText(NOW),
    automaticRollback: true,
  });
  const resumed = decide(
    anObservation({ updated: crashedPods, change: change(stopped), ...decision('Resume') }),
  );
  const { phase, reason, resumedAt } = resumed.status;
  assert.deepEqual([phase, reason, resumedAt], ['RollingBack', 'CheckFailed', undefined]);
});

test('a lifted quarantine names who lifted it', () => {
  const quarantine = { fingerprint: REVISION_B, until: timeText(NOW) };
  const d = decide(
    anObservation({ change: change(status('RolledBack', { quarantine })), ...decision('Lift') }),
  );
  assert.deepEqual(d.status.quarantine?.lifted, { by: 'ann', at: timeText(NOW) });
});

test('a decision that no longer fits changes nothing, and is answered', () => {
  const cases: readonly [ReturnType<typeof status>, DecisionAction, Partial<Observation>][] = [
    [status('Success'), 'Resume', {}],
    [status('RollingBack', { reason: 'CheckFailed' }), 'Resume', {}],
    [status('RolledBack'), 'RollBack', {}],
    [status('Superseded'), 'RollBack', {}],
    [status('RollingBack', { reason: 'CheckFailed' }), 'RollBack', {}],
    [status('Success'), 'RollBack', { workload: unmarked('c') }],
    [status('Success'), 'RollBack', { workload: { ...unmarked('b'), uid: 'd-2' } }],
    [status('Success'), 'Reject', {}],
    [status('Suspend'), 'Pause', {}],
    [status('Success'), 'Pause', {}],
    [status('Suspend'), 'Skip', {}],
    [status('Init'), 'Skip', {}],
  ];
  for (const [before, action, observation] of cases) {
    const d = decide(
      anObservation({ ...observation, change: change(before), ...decision(action) }),
    );
    const decisions = [{ ...entry(action), carriedOut: false }];
    assert.deepEqual(d.status, { ...before, decisions });
    assert.deepEqual(
      d.answers?.map((each) => [each.status, each.reason]),
      [['False', 'NotApplicable']],
    );
  }
});

test('a resume accepts the current pods, and a rollback keeps the user who requested it', () => {
  const resumed = decide(
    anObservation({ change: change(status('Suspend')), ...decision('Resume') }),
  );
  assert.equal(resumed.status.resumedAt, timeText(NOW));
  const stopped = status('Suspend', { rolledBackAt: timeText(NOW), automaticRollback: false });
  const asked = decide(anObservation({ change: change(stopped), ...decision('Resume') }));
  assert.equal(asked.status.reason, 'RequestedByUser');
});

test('the user who lifted a quarantine first stays recorded', () => {
  const lifted = { by: 'bob', at: timeText(NOW - 1000) };
  const quarantine = { fingerprint: REVISION_B, until: timeText(NOW), lifted };
  const before = change(status('RolledBack', { quarantine }));
  const d = decide(anObservation({ change: before, ...decision('Lift') }));
  assert.deepEqual(d.status.quarantine?.lifted, lifted);
});

const judged = (verdict: 'Fail' | 'Pass', evidence: readonly object[]) =>
  ({
    spec: {},
    status: { phase: 'PostFailed', verdict, checks: [{ name: 'podHealth', verdict, evidence }] },
  }) as unknown as NonNullable<Observation['batch']>;

test('a decision stays on the record with the verdict and the evidence that it overrode', () => {
  const evidence = ['a', 'b', 'c', 'd'].map((pod) => ({ pod, reason: 'CrashLoopBackOff' }));
  const stopped = status('Suspend', {
    reason: 'CheckFailed',
    message: '1 of 1 pods crash',
    verdict: 'Fail',
  });
  const { decisions } = decide(
    anObservation({
      change: change(stopped),
      ...decision('Resume', { reason: 'flaky' }),
      batch: judged('Fail', evidence),
    }),
  ).status;
  assert.deepEqual(decisions, [
    {
      ...entry('Resume'),
      reason: 'flaky',
      carriedOut: true,
      overridden: {
        phase: 'Suspend',
        reason: 'CheckFailed',
        message: '1 of 1 pods crash',
        verdict: 'Fail',
        batch: 1,
        evidence: evidence.slice(0, 3),
      },
    },
  ]);
});

test('decisions are kept in order, and the newest ones when there are too many', () => {
  const earlier = Array.from({ length: MAX_DECISIONS }, (_, n) => ({
    action: 'Resume' as const,
    by: `user-${n}`,
    carriedOut: true,
  }));
  const before = change(status('Suspend', { decisions: earlier }));
  const { decisions = [] } = decide(
    anObservation({ change: before, ...decision('Resume') }),
  ).status;
  assert.equal(decisions.length, MAX_DECISIONS);
  assert.deepEqual([decisions[0]?.by, decisions.at(-1)?.by], ['user-1', 'ann']);
});

test('a decision that bypassed admission has no user', () => {
  const approvals = [anApproval({ decision: 'Resume' })];
  const { decisions, message } = decide(
    anObservation({ change: change(status('Suspend')), approvals }),
  ).status;
  assert.equal(message, 'resumed by an unknown user');
  assert.ok(decisions?.[0] !== undefined && !('by' in decisions[0]));
});

test('a pause overrides no verdict, and its end accepts nothing', () => {
  const running = change(status('Running', { startedAt: timeText(NOW) }));
  const paused = decide(anObservation({ change: running, ...decision('Pause') }));
  assert.deepEqual(
    [paused.status.phase, paused.status.reason, paused.goal?.type],
    ['Suspend', 'RequestedByUser', 'Hold'],
  );
  const resumed = decide(
    anObservation({
      change: change({ ...paused.status, decisions: [] }),
      ...decision('Resume'),
    }),
  ).status;
  const { phase, resumedAt, batch } = resumed;
  assert.deepEqual([phase, resumedAt, batch?.overridden], ['Running', undefined, undefined]);
});

test('a change that was paused before it began is held again when it is resumed', () => {
  const paused = status('Suspend', { reason: 'RequestedByUser' });
  const { phase, reason } = decide(
    anObservation({ change: change(paused), ...decision('Resume') }),
  ).status;
  assert.deepEqual([phase, reason], ['Init', 'AwaitingRelease']);
});

test('pods that fail are acted on while a user pauses the change', () => {
  const paused = change(status('Suspend', { reason: 'RequestedByUser' }));
  const d = decide(anObservation({ change: paused, updated: crashedPods }));
  assert.equal(d.status.phase, 'RollingBack');
});

test('the last batch of a change that was skipped verifies nothing', () => {
  const last = { index: 3, total: 3, target: 10 };
  const updated = pods('new', 10);
  const before = change(status('Running', { batch: last, startedAt: timeText(NOW) }));
  const skipped = decide(anObservation({ change: before, updated, ...decision('Skip') })).status;
  assert.deepEqual(skipped.batch, { ...last, overridden: true, skipped: true });
  const ended = decide(
    anObservation({ change: change(skipped), updated, stable: [], workload: released(10) }),
  ).status;
  assert.deepEqual([ended.phase, ended.reason], ['Success', 'CompletedUnverified']);
});

test('a rejection of which the author is not known moves nothing', () => {
  const approvals = [anApproval({ decision: 'Reject' })];
  const d = decide(anObservation({ change: change(status('Init')), approvals }));
  assert.notEqual(d.status.phase, 'RollingBack');
  assert.deepEqual(
    d.answers?.map(({ reason }) => reason),
    ['Unsigned'],
  );
});
