// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { MAX_DECISIONS } from '@altershield/api';
import { anObservation, NOW } from '../testing/builders.ts';
import { REVISION_B, change, crashedPods, unmarked, status } from '../testing/standings.ts';
import { decide } from './decide.ts';
import type { Observation } from './observation.ts';
import { timeText } from './status.ts';

const decision = (action: 'Resume' | 'RollBack' | 'Lift') => ({
  decision: { action, by: 'ann', at: timeText(NOW) },
});

test('a user’s decision is carried out once', () => {
  const stopped = status('Suspend', { reason: 'CheckFailed' });
  const resumed = decide(
    anObservation({ updated: crashedPods, change: change(stopped, {}, decision('Resume')) }),
  );
  assert.deepEqual([resumed.status.phase, resumed.status.batch?.overridden], ['Running', true]);
  const asked = decide(anObservation({ change: change(stopped, {}, decision('RollBack')) }));
  assert.deepEqual(
    [asked.status.reason, asked.status.automaticRollback, asked.goal?.type],
    ['RequestedByUser', false, 'RollBack'],
  );
  const again = decide(
    anObservation({
      change: change(
        { ...stopped, observedDecision: `Resume ${timeText(NOW)}` },
        {},
        decision('Resume'),
      ),
    }),
  );
  assert.equal(again.status.phase, 'Suspend');
});

test('a user’s rollback without a rollback target writes nothing', () => {
  const cases: Partial<Observation>[] = [
    { change: change(status('Success'), {}, decision('RollBack'), false), workload: unmarked('b') },
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
    anObservation({ updated: crashedPods, change: change(stopped, {}, decision('Resume')) }),
  );
  const { phase, reason, resumedAt } = resumed.status;
  assert.deepEqual([phase, reason, resumedAt], ['RollingBack', 'CheckFailed', undefined]);
});

test('a lifted quarantine names who lifted it', () => {
  const quarantine = { fingerprint: REVISION_B, until: timeText(NOW) };
  const d = decide(
    anObservation({ change: change(status('RolledBack', { quarantine }), {}, decision('Lift')) }),
  );
  assert.deepEqual(d.status.quarantine?.lifted, { by: 'ann', at: timeText(NOW) });
});

test('a decision that no longer fits changes nothing', () => {
  const cases: readonly [ReturnType<typeof status>, 'Resume' | 'RollBack', Partial<Observation>][] =
    [
      [status('Success'), 'Resume', {}],
      [status('RollingBack', { reason: 'CheckFailed' }), 'Resume', {}],
      [status('RolledBack'), 'RollBack', {}],
      [status('Superseded'), 'RollBack', {}],
      [status('RollingBack', { reason: 'CheckFailed' }), 'RollBack', {}],
      [status('Success'), 'RollBack', { workload: unmarked('c') }],
      [status('Success'), 'RollBack', { workload: { ...unmarked('b'), uid: 'd-2' } }],
    ];
  for (const [before, action, observation] of cases) {
    const d = decide(
      anObservation({ ...observation, change: change(before, {}, decision(action)) }),
    );
    const decisions = [{ action, by: 'ann', at: timeText(NOW), carriedOut: false }];
    const observedDecision = `${action} ${timeText(NOW)}`;
    assert.deepEqual(d, { status: { ...before, observedDecision, decisions } });
  }
});

test('a resume accepts the current pods, and a rollback keeps the user who requested it', () => {
  const resumed = decide(
    anObservation({ change: change(status('Suspend'), {}, decision('Resume')) }),
  );
  assert.equal(resumed.status.resumedAt, timeText(NOW));
  const stopped = status('Suspend', { rolledBackAt: timeText(NOW), automaticRollback: false });
  const asked = decide(anObservation({ change: change(stopped, {}, decision('Resume')) }));
  assert.equal(asked.status.reason, 'RequestedByUser');
});

test('the user who lifted a quarantine first stays recorded', () => {
  const lifted = { by: 'bob', at: timeText(NOW - 1000) };
  const quarantine = { fingerprint: REVISION_B, until: timeText(NOW), lifted };
  const before = change(status('RolledBack', { quarantine }), {}, decision('Lift'));
  assert.deepEqual(decide(anObservation({ change: before })).status.quarantine?.lifted, lifted);
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
      change: change(
        stopped,
        {},
        { decision: { ...decision('Resume').decision, reason: 'flaky' } },
      ),
      batch: judged('Fail', evidence),
    }),
  ).status;
  assert.deepEqual(decisions, [
    {
      action: 'Resume',
      by: 'ann',
      at: timeText(NOW),
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
  const before = change(status('Suspend', { decisions: earlier }), {}, decision('Resume'));
  const { decisions = [] } = decide(anObservation({ change: before })).status;
  assert.equal(decisions.length, MAX_DECISIONS);
  assert.deepEqual([decisions[0]?.by, decisions.at(-1)?.by], ['user-1', 'ann']);
});

test('a decision that bypassed admission has no user', () => {
  const at = timeText(NOW);
  const asked = change(status('Suspend'), {}, { decision: { action: 'Resume', at } });
  const { decisions, message } = decide(anObservation({ change: asked })).status;
  assert.equal(message, 'resumed by an unknown user');
  assert.ok(decisions?.[0] !== undefined && !('by' in decisions[0]));
});
