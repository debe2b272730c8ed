// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { anApproval, anObservation, aWorkload, NOW, pods } from '@altershield/testing/builders';
import {
  change,
  crashedPods,
  oneReleased,
  released,
  status,
} from '@altershield/testing/change-states';
import { decide } from './decide.ts';
import type { Observation } from './observation.ts';
import { timeText } from './status.ts';

const pause = { release: { steps: [{ step: 1, pauseAfter: true }] } };
const stateOf = ({ status: s, goal }: ReturnType<typeof decide>) => [
  s.phase,
  s.reason,
  s.batch?.index,
  goal?.type,
];
const since = timeText(NOW - 60_000);
const running = status('Running', { phaseSince: since });

const healthy: Partial<Observation> = { updated: pods('new', 1), workload: oneReleased };

test('a change pauses after the step that its policy names, with nothing more released', () => {
  const paused = decide(anObservation({ ...healthy, change: change(running, pause) }));
  assert.deepEqual(stateOf(paused), ['Suspend', 'PausedAfterStep', 1, 'Hold']);
  assert.equal(paused.status.verdict, 'Pass');
  assert.match(paused.status.message, /batch 1 of 3 is done.*`altershield resume` continues/);
  assert.equal(paused.batch?.status?.verdict, 'Pass');
  const again = decide(anObservation({ ...healthy, change: change(paused.status, pause) }));
  assert.deepEqual(stateOf(again), stateOf(paused));
});

const paused = status('Suspend', { reason: 'PausedAfterStep', verdict: 'Pass', phaseSince: since });
const resume = {
  approvals: [anApproval({ decision: 'Resume', author: { user: 'ann' }, at: timeText(NOW) })],
};

test('a resume after a pause goes on with the next step, and overrides no verdict', () => {
  const resumed = decide(anObservation({ ...healthy, change: change(paused, pause), ...resume }));
  assert.deepEqual(stateOf(resumed).slice(0, 3), ['Running', 'BatchReleasing', 1]);
  assert.equal(resumed.status.resumedAt, undefined);
  assert.equal(resumed.status.batch?.overridden, undefined);
  const seen = anObservation({ ...healthy, change: change(resumed.status, pause), ...resume });
  const next = decide(seen);
  assert.deepEqual(stateOf(next).slice(0, 3), ['Running', 'BatchReleasing', 2]);
});

test('a pod that breaks during a pause rolls the change back', () => {
  const broken = { updated: crashedPods, workload: oneReleased };
  const d = decide(anObservation({ ...broken, change: change(paused, pause) }));
  assert.deepEqual(stateOf(d), ['RollingBack', 'CheckFailed', 1, 'RollBack']);
});

test('a pod that breaks after the resume is not accepted by it', () => {
  const resumed = status('Running', {
    batch: { index: 1, total: 3, target: 1, resumed: true },
  });
  const broken = { updated: crashedPods, workload: oneReleased };
  const d = decide(anObservation({ ...broken, change: change(resumed, pause) }));
  assert.equal(d.status.phase, 'RollingBack');
});

test('the resume holds when the workload is scaled before the next step', () => {
  const policy = { release: { batches: ['10%'], steps: [{ step: 1, pauseAfter: true }] } };
  const resumed = status('Running', {
    batch: { index: 1, total: 2, target: 1, resumed: true },
  });
  const workload = aWorkload({ replicas: 20, size: 20 });
  const seen = { updated: pods('new', 1), stable: pods('a', 19), workload };
  const d = decide(anObservation({ ...seen, change: change(resumed, policy) }));
  assert.deepEqual(d.status.batch, { index: 1, total: 2, target: 2, resumed: true });
});

test('a pause after the last step keeps the change open', () => {
  const policy = { release: { batches: ['100%'], steps: [{ step: 1, pauseAfter: true }] } };
  const last = status('Running', { phaseSince: since, batch: { index: 1, total: 1, target: 10 } });
  const all = { updated: pods('new', 10), stable: [], workload: released(10) };
  const d = decide(anObservation({ ...all, change: change(last, policy) }));
  assert.deepEqual(stateOf(d), ['Suspend', 'PausedAfterStep', 1, 'Hold']);
  const open = { ...d.status, batch: { index: 1, total: 1, target: 10, resumed: true } } as const;
  const end = decide(
    anObservation({ ...all, change: change({ ...open, phase: 'Running' }, policy) }),
  );
  assert.deepEqual([end.status.phase, end.status.verdict], ['Success', 'Pass']);
});

const late = { release: { soakSeconds: 5, deadlineSeconds: 60 } };

test('a step that does not pass before its deadline is inconclusive', () => {
  const unready = { updated: pods('new', 1, { ready: false }), workload: oneReleased };
  const at = (seconds: number) =>
    decide(anObservation({ ...unready, change: change(running, late), now: NOW + seconds * 1000 }));
  const waiting = at(59);
  assert.deepEqual([waiting.status.phase, waiting.recheckAt], ['Running', NOW + 60_000]);
  const d = at(60);
  assert.deepEqual(stateOf(d), ['Suspend', 'CheckInconclusive', 1, 'Hold']);
  assert.equal(d.batch?.status?.checks[0]?.reason, 'StepDeadlineExceeded');
});

test('a bad pod fails a step that is beyond its deadline', () => {
  const broken = { updated: crashedPods, workload: oneReleased };
  const observation = { ...broken, change: change(running, late), now: NOW + 60_000 };
  assert.equal(decide(anObservation(observation)).status.phase, 'RollingBack');
});

test('a canary that would be the whole workload waits for a user, with nothing released', () => {
  const policy = { release: { strategy: 'Canary' } } as const;
  const workload = aWorkload({ replicas: 1, size: 1 });
  const one = { workload, stable: pods('a', 1) };
  const d = decide(anObservation({ ...one, change: change(undefined, policy) }));
  assert.deepEqual(stateOf(d), ['Suspend', 'CannotMove', undefined, 'Hold']);
  assert.match(d.status.message, /whole workload.*`altershield resume`/);
  const answered = decide(anObservation({ ...one, change: change(d.status, policy), ...resume }));
  const next = decide(
    anObservation({ ...one, change: change(answered.status, policy), ...resume }),
  );
  assert.deepEqual(stateOf(next), ['Running', 'BatchReleasing', 1, 'Release']);
});

const canary = { release: { strategy: 'Canary', canary: { pods: 2 } } } as const;
const failing = {
  ready: false,
  failure: { kind: 'Crash', reason: 'CrashLoopBackOff', message: '', container: 'app' },
} as const;

test('a canary is compared with as many ready stable pods, the newest ones, chosen once', () => {
  const stable = [
    ...pods('old', 3, { createdAt: NOW - 900_000 }),
    ...pods('young', 3, { createdAt: NOW - 300_000 }),
    ...pods('down', 2, { createdAt: NOW - 60_000, ready: false }),
  ];
  const held = decide(anObservation({ stable, change: change(undefined, canary) }));
  assert.equal(held.batch?.spec.targetUnits, 2);
  assert.deepEqual(held.batch.spec.compared, ['young-0', 'young-1']);
});

test('only the chosen stable pods excuse a canary', () => {
  const stable = [...pods('chosen', 2), ...pods('other', 6, failing)];
  const compared = { compared: ['chosen-0', 'chosen-1'] };
  const spec = { batch: 1, total: 2, targetUnits: 2, previous: 0, releasedAt: since, ...compared };
  const seen = { updated: pods('new', 2, failing), stable, workload: released(2) };
  const batch = { spec } as unknown as NonNullable<Observation['batch']>;
  const judged = (with_: Partial<Observation>) =>
    decide(anObservation({ ...seen, ...with_, change: change(running, canary) })).status;
  assert.deepEqual(
    [judged({ batch }).phase, judged({ batch }).reason],
    ['RollingBack', 'CheckFailed'],
  );
  // Without a choice, most stable pods have the same failure.
  assert.equal(judged({}).reason, 'CheckInconclusive');
  const gone = { batch, stable: pods('other', 6, failing) };
  assert.equal(judged(gone).reason, 'CheckInconclusive');
});
