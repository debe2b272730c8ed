// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict';
import { test } from 'node:test';
import * as fc from 'fast-check';
import type { PodView, FailureKind } from './pod-view.ts';
import { aPod, aPodView, aPolicy, NOW, pods } from '@altershield/testing/builders';
import { judgePods, type PodHealthInput } from './pod-health.ts';
import { isTerminating, lostReadiness, viewPod } from './observe-pod.ts';

const judge = (parts: Partial<PodHealthInput>) =>
  judgePods({
    updated: pods('new', 2),
    stable: pods('old', 8),
    target: 2,
    settings: aPolicy().spec.checks.podHealth,
    readyDeadlineSeconds: 600,
    soakSeconds: 10,
    releasedAt: NOW - 60_000,
    mayReleaseMore: true,
    now: NOW,
    currentAsOf: parts.now ?? NOW,
    ...parts,
  });
const verdict = (parts: Partial<PodHealthInput>): string => {
  const { result } = judge(parts);
  return `${result.verdict} ${result.reason}`;
};
const inTrouble = (kind: FailureKind) => ({
  ready: false,
  failure: { kind, reason: kind, message: 'why', container: 'app' },
});

const waiting = (reason: string) => [{ name: 'app', state: { waiting: { reason, message: 'm' } } }];
const ended = { terminated: { reason: 'OOMKilled', exitCode: 137 } };
const STATES: readonly (readonly [string, Parameters<typeof aPod>[1], string | undefined])[] = [
  ['ImagePullBackOff', { containerStatuses: waiting('ImagePullBackOff') }, 'ImagePull'],
  ['InvalidImageName', { containerStatuses: waiting('InvalidImageName') }, 'ImagePull'],
  ['ErrImageNeverPull', { containerStatuses: waiting('ErrImageNeverPull') }, 'ImagePull'],
  ['a first ErrImagePull', { containerStatuses: waiting('ErrImagePull') }, undefined],
  ['ContainerCreating', { containerStatuses: waiting('ContainerCreating') }, undefined],
  ['CrashLoopBackOff', { containerStatuses: waiting('CrashLoopBackOff') }, 'Crash'],
  [
    'an init container in CrashLoopBackOff',
    { initContainerStatuses: waiting('CrashLoopBackOff') },
    'Crash',
  ],
  [
    'CreateContainerConfigError',
    { containerStatuses: waiting('CreateContainerConfigError') },
    'ConfigError',
  ],
  ['CreateContainerError', { containerStatuses: waiting('CreateContainerError') }, 'ConfigError'],
  ['RunContainerError', { containerStatuses: waiting('RunContainerError') }, 'ConfigError'],
  [
    'OOMKilled at this moment',
    { containerStatuses: [{ name: 'app', state: ended }] },
    'OutOfMemory',
  ],
  [
    'OOMKilled before a crash loop',
    {
      containerStatuses: [
        { name: 'app', state: { waiting: { reason: 'CrashLoopBackOff' } }, lastState: ended },
      ],
    },
    'OutOfMemory',
  ],
  [
    'CrashLoopBackOff beside a config error',
    { containerStatuses: ['CreateContainerError', 'CrashLoopBackOff'].flatMap(waiting) },
    'Crash',
  ],
  ['an evicted pod', { phase: 'Failed', reason: 'Evicted', containerStatuses: [] }, 'Failed'],
];

for (const [what, status, kind] of STATES) {
  test(`${what} is ${kind ?? 'not a failure by itself'}`, () => {
    assert.equal(viewPod(aPod('p', status), 0).failure?.kind, kind);
  });
}

test('a pod’s view has its most restarts, its scheduling and its ready time', () => {
  const conditions = [{ type: 'PodScheduled', status: 'False' }];
  const containerStatuses = [1, 4].map((restartCount) => ({ name: 'c', restartCount }));
  const view = viewPod(aPod('p', { conditions, containerStatuses }), 3);
  const { scheduled, restarts, ready, readySince, unreadyCount } = view;
  assert.deepEqual([scheduled, restarts, ready, readySince, unreadyCount], [false, 4, false, 0, 3]);
  assert.equal(viewPod(aPod('p'), 0).readySince, NOW - 50_000);
});

test('readiness is lost from True to False; terminating pods are marked', () => {
  const [ready, not] = ['True', 'False'].map((status) =>
    aPod('p', { conditions: [{ type: 'Ready', status }] }),
  );
  assert.ok(ready && not && lostReadiness(ready, not) && !lostReadiness(not, ready));
  assert.ok(isTerminating(aPod('p', { phase: 'Succeeded' })) && !isTerminating(aPod('p')));
});

for (const kind of ['ImagePull', 'ConfigError', 'Crash', 'OutOfMemory', 'Failed'] as const) {
  test(`one pod with ${kind} fails the batch at once, with evidence`, () => {
    const { result, unhealthy } = judge({
      updated: [aPodView('new-0'), aPodView('new-1', inTrouble(kind))],
    });
    assert.equal(result.verdict, 'Fail');
    assert.equal(unhealthy, 1);
    assert.deepEqual(
      result.evidence.map((e) => [e.pod, e.node, e.container, e.reason, e.message]),
      [['new-1', 'node-1', 'app', kind, 'why']],
    );
  });

  test(`${kind} that stable pods share is not blamed on the change`, () => {
    const all = {
      updated: pods('new', 2, inTrouble(kind)),
      stable: pods('old', 8, inTrouble(kind)),
    };
    assert.equal(judge(all).result.verdict, 'Inconclusive');
  });
}

test('restarts, readiness losses and lateness fail only beyond their limits', () => {
  assert.equal(verdict({ updated: pods('new', 2, { restarts: 2 }) }), 'Pass Healthy');
  assert.equal(verdict({ updated: pods('new', 2, { restarts: 3 }) }), 'Fail Restarts');
  assert.equal(verdict({ updated: pods('new', 2, { unreadyCount: 1 }) }), 'Pass Healthy');
  assert.equal(verdict({ updated: pods('new', 2, { unreadyCount: 2 }) }), 'Fail ReadinessFlapping');
  const late = (ms: number, more = {}) => ({
    updated: pods('new', 2, { ready: false, createdAt: NOW - 600_000 + ms, ...more }),
  });
  assert.equal(verdict(late(1)), 'Pending AwaitingReady');
  assert.equal(verdict(late(0)), 'Fail NeverReady');
  assert.equal(verdict(late(0, { scheduled: false })), 'Fail Unschedulable');
  assert.equal(judge(late(1)).dueAt, NOW + 1);
});

test('a pod that lost its readiness has the full deadline to recover', () => {
  const lost = (ms: number) => ({
    updated: pods('new', 2, {
      ...{ ready: false, createdAt: NOW - 9_000_000, unreadyCount: 1 },
      unreadySince: NOW - 600_000 + ms,
    }),
  });
  assert.equal(verdict(lost(1)), 'Pending AwaitingReady');
  assert.equal(judge(lost(1)).dueAt, NOW + 1);
  assert.equal(verdict(lost(0)), 'Fail ReadinessLost');
});

test('one stable pod that cannot pull its image makes the check inconclusive; one crash does not', () => {
  const stable = (kind: FailureKind) => [aPodView('old-0', inTrouble(kind)), ...pods('old', 7)];
  const updated = (kind: FailureKind) => pods('new', 2, inTrouble(kind));
  assert.match(
    verdict({ updated: updated('ImagePull'), stable: stable('ImagePull') }),
    /^Inconclusive/,
  );
  assert.match(verdict({ updated: updated('Crash'), stable: stable('Crash') }), /^Fail/);
});

test('a failure of updated pods alone counts, whatever failures stable pods share', () => {
  const updated = [
    aPodView('new-0', inTrouble('ImagePull')),
    aPodView('new-1', inTrouble('Crash')),
  ];
  const { result } = judge({ updated, stable: pods('old', 8, inTrouble('ImagePull')) });
  assert.deepEqual([result.verdict, result.reason], ['Fail', 'Crash']);
});

test('pods that are never created neither fail nor pass the change', () => {
  const stuck = {
    updated: pods('new', 1, { createdAt: NOW - 700_000, readySince: NOW - 690_000 }),
    releasedAt: NOW - 700_000,
  };
  assert.equal(verdict(stuck), 'Inconclusive ReadyDeadlineExceeded');
  assert.equal(verdict({ ...stuck, releasedAt: NOW - 60_000 }), 'Pending AwaitingReady');
});

test('a batch is not late while the caches are stale or no pod could be released', () => {
  const late = { updated: pods('new', 2, { ready: false, createdAt: NOW - 600_000 }) };
  assert.equal(verdict({ ...late, currentAsOf: NOW }), 'Fail NeverReady');
  assert.equal(verdict({ ...late, currentAsOf: NOW - 1 }), 'Pending AwaitingReady');
  assert.equal(judge({ ...late, currentAsOf: NOW - 1 }).dueAt, NOW + 5000, 'listens again');
  const missing = {
    updated: pods('new', 1, { createdAt: NOW - 700_000, readySince: NOW - 690_000 }),
    releasedAt: NOW - 700_000,
  };
  assert.equal(verdict(missing), 'Inconclusive ReadyDeadlineExceeded');
  assert.equal(verdict({ ...missing, mayReleaseMore: false }), 'Pending AwaitingReady');
  assert.equal(verdict({ ...missing, currentAsOf: NOW - 700_000 }), 'Pending AwaitingReady');
});

test('a batch soaks from the end of the second in which its last pod became ready', () => {
  const updated = [aPodView('new-0'), aPodView('new-1', { readySince: NOW - 9_000 })];
  const soaking = judge({ updated });
  assert.deepEqual([soaking.result.reason, soaking.dueAt], ['Soaking', NOW + 1999]);
  assert.equal(verdict({ updated, now: NOW + 1999 }), 'Pass Healthy');
  assert.equal(verdict({ updated, soakSeconds: 0 }), 'Pass Healthy');
});

test('a soak counts from the latest of creation, readiness and first observation', () => {
  const soaking = (times: Partial<PodView>) => judge({ updated: pods('new', 2, times) }).dueAt;
  const at = (createdAt: number, readySince: number, readySeenAt: number) =>
    soaking({
      ...{ createdAt: NOW - createdAt, readySince: NOW - readySince },
      readySeenAt: NOW - readySeenAt,
    });
  assert.equal(at(9000, 5000, 4000), NOW + 6000, 'the first sight');
  assert.equal(at(9000, 3000, 4000), NOW + 7000, 'readiness');
  assert.equal(at(2000, 3000, 4000), NOW + 8000, 'creation');
  assert.equal(at(9000, 86_400_000, 4000), NOW + 6000, 'on a node whose clock is behind');
  assert.equal(at(9000, -86_400_000, 4000), NOW + 6000, 'on a node whose clock is ahead');
});

test('a wrong node clock does not shorten a soak', () => {
  const offset = fc.integer({ min: -100_000, max: 100_000 });
  const age = fc.integer({ min: 0, max: 100_000 });
  fc.assert(
    fc.property(offset, offset, age, (createdAgo, readyAgo, seenAgo) => {
      const updated = pods('new', 2, {
        ...{ createdAt: NOW - createdAgo, readySince: NOW - readyAgo },
        readySeenAt: NOW - seenAgo,
      });
      const found = verdict({ updated, soakSeconds: 30 });
      assert.ok(found === 'Pending Soaking' || seenAgo >= 30_000, found);
    }),
  );
});

test('zero replicas verify nothing, even while pods terminate', () => {
  assert.equal(verdict({ updated: [], target: 0 }), 'None NoReplicas');
  assert.equal(
    verdict({ updated: pods('new', 1, { ready: false }), target: 0 }),
    'None NoReplicas',
  );
});

test('an old failure of stable pods excuses nothing', () => {
  const updated = pods('new', 2, inTrouble('Crash'));
  const worn = { restarts: 3, readySince: NOW - 3_600_000 };
  const outOfMemory = { failure: inTrouble('OutOfMemory').failure, readySince: NOW - 3_600_000 };
  assert.match(verdict({ updated, stable: pods('old', 8, worn) }), /^Fail/);
  assert.match(verdict({ updated, stable: pods('old', 8, outOfMemory) }), /^Fail/);
  const today = { ...worn, readySince: NOW - 60_000 };
  assert.match(verdict({ updated, stable: pods('old', 8, today) }), /^Inconclusive/);
});

test('a terminated pod is evidence, and does not count as a pod of the batch', () => {
  const terminated = (at: number) => ({
    ...inTrouble('Failed'),
    terminated: true,
    unreadySince: at,
  });
  const evicted = aPodView('gone', terminated(NOW - 60_000));
  assert.equal(verdict({ updated: [...pods('new', 2), evicted] }), 'Fail Failed');
  assert.equal(
    verdict({ updated: [aPodView('new-0'), evicted], overriddenBefore: NOW }),
    'Pending AwaitingReady',
  );
  const both = (at: number) => ({
    updated: [aPodView('new-0'), evicted],
    stable: [...pods('old', 2), ...pods('old-gone', 2, terminated(at))],
  });
  assert.match(verdict(both(NOW - 60_000)), /^Inconclusive/, 'a node under pressure evicts both');
  assert.match(verdict(both(NOW - 86_400_000)), /^Fail/, 'the leftovers of yesterday');
});

test('a pod that a user accepted is not reported as ready', () => {
  const updated = [aPodView('new-0'), aPodView('new-1', inTrouble('ImagePull'))];
  const { result } = judge({ updated, overriddenBefore: NOW });
  assert.deepEqual(
    [result.verdict, result.reason, result.message],
    [
      'Pass',
      'Accepted',
      '1 of 2 updated pods stayed ready for 10 s; 1 not ready, accepted by a user',
    ],
  );
});

test('a pod lost with its node is not evidence', () => {
  const gone = aPod('p', { phase: 'Failed', reason: 'Terminated', containerStatuses: [] });
  const { failure, terminated } = viewPod(gone, 0);
  assert.deepEqual([failure, terminated], [undefined, true]);
  assert.equal(verdict({ updated: [...pods('new', 2), viewPod(gone, 0)] }), 'Pass Healthy');
});

const rejected = (reason: string): PodView =>
  viewPod(aPod('rejected', { phase: 'Failed', reason, message: 'why', containerStatuses: [] }), 0);

test('a pod that its node rejected does not fail a batch, but explains a batch that is not complete in time', () => {
  const updated = [...pods('new', 2), rejected('OutOfcpu')];
  assert.equal(verdict({ updated }), 'Pass Healthy');
  assert.equal(verdict({ updated: [rejected('OutOfcpu')] }), 'Pending AwaitingReady');
  const late = { updated: [rejected('OutOfcpu')], releasedAt: NOW - 600_000 };
  const { verdict: found, message, evidence } = judge(late).result;
  assert.equal(found, 'Inconclusive');
  assert.match(message, /not created within 600 s: 1 were rejected by their node: OutOfcpu: why$/);
  assert.deepEqual(evidence, [
    { pod: 'rejected', node: 'node-1', reason: 'OutOfcpu', message: 'why' },
  ]);
  const before = { ...late, releasedAt: NOW - 1000, readyDeadlineSeconds: 0 };
  assert.doesNotMatch(judge(before).result.message, /rejected/, 'of an earlier batch');
});

test('a config error becomes evidence after a grace of 30 s, or at the ready deadline', () => {
  const since = (seenAt: number, parts: Partial<PodView> = {}) => ({
    updated: [
      aPodView('new-0'),
      aPodView('new-1', {
        ready: false,
        failure: { ...inTrouble('ConfigError').failure, seenAt },
        ...parts,
      }),
    ],
  });
  const within = judge(since(NOW - 29_999));
  assert.deepEqual([within.result.reason, within.dueAt], ['AwaitingReady', NOW + 1]);
  assert.equal(
    within.result.message,
    '1 of 2 updated pods are ready; new-1 waits: ConfigError: why',
  );
  assert.equal(verdict(since(NOW - 30_000)), 'Fail ConfigError');
  const needsPodListing = judge({ ...since(NOW - 30_000), currentAsOf: NOW - 1 });
  assert.deepEqual(
    [needsPodListing.result.reason, needsPodListing.needsPodListing],
    ['AwaitingReady', true],
  );
  const late = { ...since(NOW - 1000), readyDeadlineSeconds: 60 };
  assert.equal(verdict(late), 'Fail ConfigError', 'created 60 s ago');
  assert.equal(verdict(since(NOW, { restarts: 3 })), 'Fail Restarts', 'hides nothing else');
});

test('stable pods with a config error excuse an updated one from its first observation', () => {
  const failure = (seenAt: number) => ({
    ...{ ready: false },
    failure: { ...inTrouble('ConfigError').failure, seenAt },
  });
  const updated = pods('new', 2, failure(NOW - 30_000));
  assert.match(verdict({ updated, stable: pods('old', 8, failure(NOW)) }), /^Inconclusive/);
});

test('evidence is bounded', () => {
  const updated = pods('new', 50, {
    ...inTrouble('Crash'),
    failure: { kind: 'Crash', reason: 'R', message: 'm'.repeat(9999), container: 'c' },
  });
  const { evidence } = judge({ updated, target: 50 }).result;
  assert.equal(evidence.length, 5);
  assert.ok(evidence.every((e) => (e.message ?? '').length <= 512));
});

test('a deadline waits for a fresh pod list, and the message says so', () => {
  const waits = (parts: Partial<PodHealthInput>) => {
    const { result, dueAt, needsPodListing } = judge(parts);
    return [result.reason, dueAt, needsPodListing];
  };
  const soaked = { updated: pods('new', 2, { readySince: NOW - 11_000 }), currentAsOf: NOW - 2 };
  assert.deepEqual(waits(soaked), ['Soaking', NOW + 5000, true]);
  assert.deepEqual(waits({ ...soaked, soakSeconds: 0 }), ['Healthy', undefined, undefined]);
  const soaking = { ...soaked, soakSeconds: 11 };
  assert.deepEqual(waits(soaking), ['Soaking', NOW + 999, undefined]);
  const late = { updated: pods('new', 2, { ready: false, createdAt: NOW - 600_000 }) };
  assert.deepEqual(waits({ ...late, currentAsOf: NOW - 1 }), ['AwaitingReady', NOW + 5000, true]);
  const early = { createdAt: NOW - 600_000, readySince: NOW - 600_000 };
  const updated = pods('new', 1, early);
  const missing = { updated, releasedAt: NOW - 600_000, currentAsOf: NOW - 1 };
  assert.deepEqual(waits(missing), ['AwaitingReady', NOW + 5000, true]);
  const held = { ...missing, mayReleaseMore: false };
  assert.deepEqual(waits(held), ['AwaitingReady', undefined, undefined]);
});
