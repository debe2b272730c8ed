// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { aPodView, aPolicy, NOW } from '@altershield/testing/builders';
import type { PodHealthInput } from './pod-health.ts';
import type { PodView } from './pod-view.ts';
import { judgeStart, type RunView } from './run.ts';

const run = (parts: Partial<RunView> = {}): RunView => ({
  ...{ name: 'work', createdAt: NOW - 60_000, state: 'Active', message: '' },
  ...{ hasStarted: true, succeeded: 0 },
  ...parts,
});

const judge = (run: RunView, updated: readonly PodView[], parts: Partial<PodHealthInput> = {}) => {
  const { result } = judgeStart(run, {
    ...{ updated, stable: [], target: 2, settings: aPolicy().spec.checks.podHealth },
    ...{ readyDeadlineSeconds: 600, soakSeconds: 10, releasedAt: NOW - 60_000 },
    ...{ mayReleaseMore: true, now: NOW, currentAsOf: NOW },
    ...parts,
  });
  return `${result.verdict} ${result.reason}`;
};

const started = (name: string, parts: Partial<PodView> = {}): PodView => ({
  ...aPodView(name, { ready: false, readySince: 0, createdAt: NOW - 60_000 }),
  started: true,
  ...parts,
});

const crashing = {
  failure: { kind: 'Crash', reason: 'CrashLoopBackOff', message: 'why', container: 'app' },
} as const;

test('a batch of a Job passes when its pods have started and run for the soak time', () => {
  assert.equal(judge(run(), [started('a'), started('b')]), 'Pass Healthy');
  const young = started('b', { createdAt: NOW - 5000 });
  assert.equal(judge(run(), [started('a'), young]), 'Pending Soaking');
  assert.equal(judge(run(), [started('a')]), 'Pending AwaitingReady');
});

test('pods that succeeded count for the batch without a soak', () => {
  assert.equal(judge(run({ succeeded: 1 }), [started('a')]), 'Pass Healthy');
  assert.equal(judge(run({ succeeded: 2 }), []), 'Pass Healthy');
});

test('a pod that waits to be restarted has not started, until its deadline', () => {
  const pods = [started('a'), started('b', crashing)];
  assert.equal(judge(run(), pods), 'Pending AwaitingReady');
  assert.match(judge(run(), pods, { readyDeadlineSeconds: 30 }), /^Fail /);
});

test('a pod that failed is for the limits of the Job to judge', () => {
  const failed = started('b', { ...crashing, terminated: true });
  assert.equal(judge(run(), [started('a'), failed]), 'Pending AwaitingReady');
  assert.equal(judge(run({ state: 'Failed' }), [started('a'), failed]), 'Fail RunFailed');
});

test('missing pods are waited for between two attempts, not before the first', () => {
  const late = { releasedAt: NOW - 700_000 };
  assert.equal(judge(run(), [], late), 'Pending AwaitingReady');
  assert.equal(judge(run({ hasStarted: false }), [], late), 'Inconclusive ReadyDeadlineExceeded');
});
