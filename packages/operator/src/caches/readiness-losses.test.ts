// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { InformerEvent } from '@altershield/kube';
import type { PodObject } from '../objects.ts';
import { ReadinessLossCounter } from './readiness-losses.ts';

type Handler = (event: InformerEvent<PodObject>) => void;

/** A log that is told what happens, at times that the test sets. */
function aLog() {
  const clock = { now: 1000 };
  let tell: Handler = () => undefined;
  const pods = {
    onEvent: (handler: Handler) => {
      tell = handler;
      return () => undefined;
    },
  };
  const log = new ReadinessLossCounter(pods, { now: () => clock.now });
  const last = new Map<string, PodObject>();
  const at = (now: number, object: PodObject, { initial = false, isGone = false } = {}): void => {
    clock.now = now;
    const { uid } = object.metadata;
    const old = last.get(uid);
    last.set(uid, object);
    if (isGone) tell({ type: 'Deleted', object, initial });
    else if (old === undefined) tell({ type: 'Added', object, initial });
    else tell({ type: 'Updated', object, old, initial });
  };
  return { log, at };
}

type Status = NonNullable<PodObject['status']>;

const pod = (uid: string, status: Status, spec: PodObject['spec'] = {}): PodObject =>
  ({ metadata: { uid, name: uid }, spec, status }) as unknown as PodObject;

const ready = (status: string, lastTransitionTime = '2026-01-01T00:00:00Z'): Status => ({
  conditions: [{ type: 'Ready', status, lastTransitionTime }],
});

const waiting = (reason: string): Status => ({
  containerStatuses: [{ name: 'app', state: { waiting: { reason } } }],
});

test('ready pods of the first list count as ready since the time of the list', () => {
  const { log, at } = aLog();
  at(5000, pod('a', ready('True')), { initial: true });
  assert.equal(log.observationsOf('a').readySeenAt, 5000);
});

test('a pod counts as ready since its event, by the operator’s clock', () => {
  const { log, at } = aLog();
  at(5000, pod('a', ready('False')));
  at(7000, pod('a', ready('True')));
  at(8000, pod('a', ready('True')));
  assert.equal(log.observationsOf('a').readySeenAt, 7000);
  at(9000, pod('b', ready('True')));
  assert.equal(log.observationsOf('b').readySeenAt, 9000);
});

test('a pod that was unready during a gap of the watch counts as ready since then', () => {
  const { log, at } = aLog();
  at(5000, pod('a', ready('True')), { initial: true });
  at(60_000, pod('a', ready('True', '2026-01-01T00:00:50Z')));
  assert.equal(log.observationsOf('a').readySeenAt, 60_000);
});

test('readiness that is lost is counted for each pod, until the pod is gone', () => {
  const { log, at } = aLog();
  for (const status of ['True', 'False', 'True', 'False']) at(5000, pod('a', ready(status)));
  assert.deepEqual([log.lossesOf('a'), log.lossesOf('b')], [2, 0]);
  at(6000, pod('a', ready('False')), { isGone: true });
  assert.equal(log.lossesOf('a'), 0);
});

test('a config error counts from its first event until it is resolved', () => {
  const { log, at } = aLog();
  at(5000, pod('a', waiting('CreateContainerConfigError')));
  at(9000, pod('a', waiting('CreateContainerError')));
  assert.equal(log.observationsOf('a').configErrorSeenAt, 5000);
  at(10_000, pod('a', waiting('ContainerCreating')));
  assert.equal(log.observationsOf('a').configErrorSeenAt, undefined);
  at(11_000, pod('a', waiting('CreateContainerConfigError')));
  assert.equal(log.observationsOf('a').configErrorSeenAt, 11_000);
  at(12_000, pod('a', {}), { isGone: true });
  assert.equal(log.observationsOf('a').configErrorSeenAt, undefined);
});

test('of a pod with restart rules the restarts that no rule asks for are counted', () => {
  const { log, at } = aLog();
  const restartPolicyRules = [{ action: 'Restart', exitCodes: { operator: 'In', values: [42] } }];
  const ends = (uid: string, exitCodes: readonly number[], spec: PodObject['spec']): void => {
    at(5000, pod(uid, { containerStatuses: [{ name: 'app', restartCount: 0 }] }, spec));
    exitCodes.forEach((exitCode, i) => {
      const lastState = { terminated: { exitCode } };
      const containerStatuses = [{ name: 'app', restartCount: i + 1, lastState }];
      at(6000 + i, pod(uid, { containerStatuses }, spec));
    });
  };
  ends('a', [42, 1, 42, 1, 42], { containers: [{ name: 'app', restartPolicyRules }] });
  assert.deepEqual(log.observationsOf('a').restarts, { app: 2 });
  ends('b', [42, 1], { containers: [{ name: 'app' }] });
  assert.equal(log.observationsOf('b').restarts, undefined);
});
