// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { aPolicy, NOW, pods } from '@altershield/testing/builders';
import { judgePods, type PodHealthInput } from './pod-health.ts';
import type { PodView } from './pod-view.ts';

/** Stable pods that needed two seconds from the start of their containers. */
const stable = (count: number): PodView[] =>
  pods('old', count, { startedAt: NOW - 900_000, readySince: NOW - 898_000 });

const unready = (seconds: number, parts: Partial<PodView> = {}): PodView[] => {
  const startedAt = NOW - seconds * 1000;
  return pods('new', 1, { ready: false, started: true, createdAt: startedAt, startedAt, ...parts });
};

const judge = (parts: Partial<PodHealthInput>) =>
  judgePods({
    ...{ stable: stable(10), updated: unready(10), target: 1, judgesSlowPods: true },
    ...{ settings: aPolicy().spec.checks.podHealth, readyDeadlineSeconds: 600, soakSeconds: 10 },
    ...{ releasedAt: NOW - 60_000, mayReleaseMore: true, now: NOW, currentAsOf: NOW },
    ...parts,
  });

const said = (parts: Partial<PodHealthInput>): string => {
  const { result } = judge(parts);
  return `${result.verdict} ${result.reason}`;
};

const settings = (slowPods: 'Fail' | 'Ignore') =>
  aPolicy({ checks: { podHealth: { slowPods } } }).spec.checks.podHealth;

test('a pod that takes far longer than ten stable pods is told within five seconds', () => {
  assert.equal(said({ updated: unready(3) }), 'Pending AwaitingReady');
  const { result, dueAt } = judge({ updated: unready(5) });
  assert.equal(result.reason, 'SlowToBecomeReady');
  assert.equal(result.verdict, 'Inconclusive');
  assert.match(result.message, /the slowest of 10 stable pods needed 2\.0 s$/);
  assert.equal(dueAt, NOW + 595_000, 'the deadline stays the limit');
});

test('the check looks again when the pod becomes suspect', () => {
  const { dueAt = 0 } = judge({ updated: unready(3) });
  assert.ok(dueAt > NOW && dueAt <= NOW + 2000, String(dueAt - NOW));
});

test('by policy a slow pod fails at once, or only at its deadline', () => {
  assert.equal(said({ settings: settings('Fail') }), 'Fail SlowToBecomeReady');
  assert.equal(said({ settings: settings('Ignore') }), 'Pending AwaitingReady');
});

test('without two stable pods, or a known start, nothing is suspected', () => {
  assert.equal(said({ stable: stable(1) }), 'Pending AwaitingReady');
  const { startedAt: _, ...notStarted } = unready(60)[0] ?? assert.fail();
  assert.equal(said({ updated: [notStarted] }), 'Pending AwaitingReady', 'pulls its image');
  const restarted = { stable: stable(10).map((pod) => ({ ...pod, restarts: 1 })) };
  assert.equal(said(restarted), 'Pending AwaitingReady', 'restarts tell nothing of a first start');
});

test('a silent watch is no evidence of a slow pod', () => {
  assert.equal(said({ currentAsOf: NOW - 8000 }), 'Pending AwaitingReady');
});

test('a pod that a user accepted is not slow', () => {
  assert.notEqual(judge({ overriddenBefore: NOW }).result.reason, 'SlowToBecomeReady');
});
