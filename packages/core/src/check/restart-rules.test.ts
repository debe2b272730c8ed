// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict';
import { test } from 'node:test';
import * as fc from 'fast-check';
import { aPod } from '@altershield/testing/builders';
import type { ContainerStatus, Pod, RestartRule } from './pod.ts';
import { lostReadiness, viewPod } from './observe-pod.ts';
import { countRestarts, isExpectedRestart } from './restart-rules.ts';

const restartOn = (
  values: readonly number[],
  { operator = 'In', action = 'Restart' } = {},
): RestartRule => ({ action, exitCodes: { operator, values } });

const ended = (
  exitCode: number,
  { name = 'app', restartCount = 1, reason = 'Error' } = {},
): ContainerStatus => ({ name, restartCount, lastState: { terminated: { exitCode, reason } } });

/** A pod whose containers ended as told; only `app` has rules. */
function aPodWith(
  rules: readonly RestartRule[],
  containerStatuses: readonly ContainerStatus[],
): Pod {
  const pod = aPod('p', { containerStatuses });
  return { ...pod, spec: { containers: [{ name: 'app', restartPolicyRules: rules }] } };
}

const isExpected = (rules: readonly RestartRule[], container: ContainerStatus): boolean =>
  isExpectedRestart(aPodWith(rules, [container]), container);

test('a restart is expected when a rule of the container matches its exit code', () => {
  assert.equal(isExpected([restartOn([3, 42])], ended(42)), true);
  assert.equal(isExpected([restartOn([3, 42])], ended(1)), false);
  assert.equal(isExpected([restartOn([1], { operator: 'NotIn' })], ended(42)), true);
  assert.equal(isExpected([restartOn([1], { operator: 'NotIn' })], ended(1)), false);
  assert.equal(isExpected([restartOn([1]), restartOn([42])], ended(42)), true);
  assert.equal(isExpected([restartOn([42], { action: 'RestartAllContainers' })], ended(42)), true);
});

test('a restart is unexpected by rules that are not known, of other containers, or after OOMKilled', () => {
  assert.equal(isExpected([], ended(42)), false);
  assert.equal(isExpected([{ action: 'Restart' }], ended(42)), false);
  assert.equal(isExpected([restartOn([42], { operator: 'Later' })], ended(42)), false);
  assert.equal(isExpected([restartOn([42], { action: 'Later' })], ended(42)), false);
  assert.equal(isExpected([restartOn([42])], { name: 'app', restartCount: 1 }), false);
  assert.equal(isExpected([restartOn([42])], ended(42, { name: 'other' })), false);
  assert.equal(isExpected([restartOn([137])], ended(137, { reason: 'OOMKilled' })), false);
});

test('a rule that restarts all containers asks for the restarts of the others as well', () => {
  const rules = [restartOn([42], { action: 'RestartAllContainers' })];
  const other = ended(137, { name: 'other' });
  assert.equal(isExpectedRestart(aPodWith(rules, [ended(42), other]), other), true);
  assert.equal(isExpectedRestart(aPodWith(rules, [ended(1), other]), other), false);
});

test('CrashLoopBackOff is a failure only after an unexpected exit', () => {
  const waits = (exitCode: number): Pod => {
    const state = { waiting: { reason: 'CrashLoopBackOff' } };
    return aPodWith([restartOn([42])], [{ ...ended(exitCode), state }]);
  };
  assert.equal(viewPod(waits(42), 0).failure, undefined);
  assert.equal(viewPod(waits(1), 0).failure?.kind, 'Crash');
});

test('readiness lost by an expected restart does not count', () => {
  const pod = (status: string, container: ContainerStatus): Pod => {
    const made = aPodWith([restartOn([42])], [container]);
    return { ...made, status: { ...made.status, conditions: [{ type: 'Ready', status }] } };
  };
  const before = pod('True', { name: 'app', restartCount: 0, state: { running: {} } });
  const after = (exitCode: number) =>
    pod('False', { name: 'app', restartCount: 0, state: { terminated: { exitCode } } });
  assert.equal(lostReadiness(before, after(42)), false);
  assert.equal(lostReadiness(before, after(1)), true);
  const restarted = { ...ended(42), state: { running: {} } };
  assert.equal(lostReadiness(before, pod('False', restarted)), false);
  const long = pod('True', restarted);
  assert.equal(lostReadiness(long, pod('False', restarted)), true, 'a probe fails later');
});

test('restarts are counted between states, with at most one before the first', () => {
  const rules = [restartOn([42])];
  const seen = (restartCount: number, exitCode: number): Pod =>
    aPodWith(rules, [ended(exitCode, { restartCount })]);
  const first = countRestarts(seen(9, 1));
  assert.deepEqual(first, { app: 1 });
  assert.deepEqual(countRestarts(seen(9, 42)), { app: 0 });
  const second = countRestarts(seen(11, 42), { pod: seen(9, 1), counts: first });
  assert.deepEqual(second, { app: 1 });
  const third = countRestarts(seen(13, 1), { pod: seen(11, 42), counts: second });
  assert.deepEqual(third, { app: 3 });
  assert.equal(viewPod(seen(13, 1), 0, { restarts: third }).restarts, 3);
});

test('all restarts of a pod without rules count', () => {
  const pod = aPod('p', { containerStatuses: [ended(42, { restartCount: 7 })] });
  assert.equal(viewPod(pod, 0).restarts, 7);
});

test('unexpected restarts are exactly those whose exit code matches no rule', () => {
  const exits = fc.array(fc.integer({ min: 0, max: 3 }), { maxLength: 20 });
  const codes = fc.subarray([0, 1, 2, 3]);
  const operator = fc.constantFrom('In', 'NotIn');
  fc.assert(
    fc.property(exits, codes, operator, (all, values, how) => {
      const rules = [restartOn(values, { operator: how })];
      const after = (n: number): Pod => {
        const exitCode = all[n - 1];
        const start: ContainerStatus = { name: 'app', restartCount: n };
        return aPodWith(rules, [
          exitCode === undefined ? start : ended(exitCode, { restartCount: n }),
        ]);
      };
      let counts = countRestarts(after(0));
      for (const n of all.keys()) {
        counts = countRestarts(after(n + 1), { pod: after(n), counts });
      }
      const unexpected = all.filter((code) => values.includes(code) !== (how === 'In'));
      assert.equal(counts['app'], unexpected.length);
    }),
  );
});
