// SPDX-License-Identifier: Apache-2.0

import assert from 'node:assert/strict';
import { RESOURCES } from '@altershield/kube';
import {
  conditionOf,
  isReady,
  waitingReason,
  type ContainerStatus,
  type Pod,
} from '../e2e/support/pods.ts';
import { aDeployment } from '../e2e/support/manifests.ts';
import type { Timeline } from '../e2e/support/timeline.ts';
import { createWeb } from './helpers.ts';
import { behavior, until, type Behavior, type ContractTarget } from './target.ts';
import { recordPods } from './watching.ts';

interface Life {
  readonly timeline: Timeline;
  readonly last: Pod;
  readonly status: ContainerStatus;
  /** From the binding to what was waited for. */
  readonly seconds: number;
}

/** Runs one pod until it shows something. */
async function lifeOf(
  target: ContractTarget,
  tag: string,
  shows: (pod: Pod, timeline: Timeline) => boolean,
): Promise<Life> {
  const namespace = await target.namespace();
  const { timeline, stop } = await recordPods(target, namespace);
  await createWeb(target, namespace, { image: `web:${tag}` });
  const last = await until(target, `the fate of ${tag}`, () =>
    Promise.resolve(timeline.events.findLast(({ pod }) => shows(pod, timeline))),
  );
  await stop();
  const bound = timeline.first(({ spec }) => spec.nodeName !== undefined);
  const [status] = last.pod.status.containerStatuses ?? [];
  assert.ok(status);
  return { timeline, last: last.pod, status, seconds: (last.at - (bound?.at ?? 0)) / 1000 };
}

const restarts = ({ status }: Pod): number => status.containerStatuses?.[0]?.restartCount ?? 0;

function assertUnready(pod: Pod): void {
  for (const type of ['Ready', 'ContainersReady']) {
    const { status, reason, message } = conditionOf(pod, type) ?? {};
    const expected = {
      status: 'False',
      reason: 'ContainersNotReady',
      message: 'containers with unready status: [app]',
    };
    assert.deepEqual({ status, reason, message }, expected);
  }
}

const readiness = ({ events }: Timeline): boolean[] =>
  events.map(({ pod }) => isReady(pod)).filter((value, at, all) => value !== all[at - 1]);

export const podScenarios: readonly Behavior[] = [
  behavior('an ordinary pod is pending, then running and ready after 1 to 3 s', async (target) => {
    const { timeline, status, last, seconds } = await lifeOf(target, 'v1', isReady);
    assert.ok(seconds > 0.9 && seconds < 9, `after ${seconds} s`);
    assert.deepEqual([status.ready, status.started, status.restartCount], [true, true, 0]);
    assert.equal(last.status.phase, 'Running');
    const [first] = timeline.events.filter(({ pod }) => pod.status.containerStatuses !== undefined);
    assert.equal(first && waitingReason(first.pod), 'ContainerCreating');
    assert.equal(conditionOf(last, 'PodScheduled')?.status, 'True');
  }),

  behavior('a pod whose image cannot be pulled backs off and stays pending', async (target) => {
    const life = await lifeOf(target, 'bad', (pod) => waitingReason(pod) === 'ImagePullBackOff');
    const reasons = life.timeline.events.flatMap(({ pod }) => waitingReason(pod) ?? []);
    const distinct = reasons.filter((value, at) => value !== reasons[at - 1]);
    assert.deepEqual(distinct.slice(0, 3), [
      'ContainerCreating',
      'ErrImagePull',
      'ImagePullBackOff',
    ]);
    assert.equal(life.last.status.phase, 'Pending');
    assert.match(life.status.state.waiting?.message ?? '', /Back-off pulling image "web:bad"/);
    assert.ok(life.seconds < 5, `after ${life.seconds} s`);
    assertUnready(life.last);
  }),

  behavior('a pod that crashes is in CrashLoopBackOff with growing restarts', async (target) => {
    const isLooping = (pod: Pod): boolean =>
      restarts(pod) === 2 && waitingReason(pod) === 'CrashLoopBackOff';
    const { status, last } = await lifeOf(target, 'crash', isLooping);
    const { reason, exitCode } = status.lastState.terminated ?? {};
    assert.deepEqual([reason, exitCode, last.status.phase], ['Error', 1, 'Running']);
    assert.match(
      status.state.waiting?.message ?? '',
      /^back-off restarting failed container=app pod=web-/,
    );
    assertUnready(last);
  }),

  behavior('a pod that runs out of memory was OOMKilled', async (target) => {
    const { status } = await lifeOf(
      target,
      'oom',
      (pod) => waitingReason(pod) === 'CrashLoopBackOff',
    );
    const { reason, exitCode } = status.lastState.terminated ?? {};
    assert.deepEqual([reason, exitCode], ['OOMKilled', 137]);
  }),

  behavior('a pod whose ConfigMap is missing has a CreateContainerConfigError', async (target) => {
    const isStuck = (pod: Pod): boolean => waitingReason(pod) === 'CreateContainerConfigError';
    const { status, last } = await lifeOf(target, 'cfgerr', isStuck);
    assert.equal(status.state.waiting?.message, 'configmap "settings" not found');
    assert.equal(last.status.phase, 'Pending');
  }),

  behavior('a pod that never becomes ready keeps running', async (target) => {
    const { status, last } = await lifeOf(
      target,
      'noready',
      (pod) => pod.status.phase === 'Running',
    );
    assert.deepEqual([status.ready, status.started], [false, true]);
    assertUnready(last);
  }),

  behavior('a flapping pod is ready, then not, then ready', async (target) => {
    const { timeline } = await lifeOf(target, 'flap', (_pod, seen) => readiness(seen).length >= 4);
    assert.deepEqual(readiness(timeline).slice(0, 4), [false, true, false, true]);
  }),

  behavior('a slow pod is ready after 8 to 10 s', async (target) => {
    const { seconds } = await lifeOf(target, 'slow', isReady);
    assert.ok(seconds > 7.5 && seconds < 25, `after ${seconds} s`);
  }),

  behavior('a deleted pod has a deletionTimestamp before it is gone', async (target) => {
    const namespace = await target.namespace();
    const { timeline, stop, settled } = await recordPods(target, namespace);
    const podSpec = { terminationGracePeriodSeconds: 30 };
    const body = aDeployment({ name: 'web', namespace, image: 'web:v1', podSpec });
    await target.developer.create(RESOURCES.deployment, namespace, body);
    await settled('a ready pod', (pods) => pods.some(isReady));
    await target.developer.delete(
      { group: 'apps', version: 'v1', plural: 'deployments', kind: 'Deployment', namespaced: true },
      { namespace, name: 'web' },
    );
    await settled('no pod', (pods) => pods.length === 0);
    await stop();
    const ends = timeline.events.filter(({ pod }) => pod.metadata.deletionTimestamp !== undefined);
    assert.deepEqual([...new Set(ends.map(({ type }) => type))], ['MODIFIED', 'DELETED']);
  }),
];
