// SPDX-License-Identifier: Apache-2.0

import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import type { Cluster } from '../cluster/cluster.ts';
import { chooseVersion, exactVersion } from '../cluster/versions.ts';
import { aNamespace, ownCluster } from './support/cluster.ts';
import { eventually } from '@altershield/testing/eventually';
import { aDeployment } from './support/manifests.ts';
import {
  conditionOf,
  isReady,
  waitingReason,
  type ContainerStatus,
  type Pod,
} from './support/pods.ts';
import type { Timeline } from './support/timeline.ts';
import { watchPods, type PodRecorder } from './support/watch-pods.ts';

const RBAC_YAML = fileURLToPath(new URL('../../deploy/rbac.yaml', import.meta.url));

let cluster: Cluster;

before(async () => {
  cluster = await ownCluster();
});

after(async () => {
  await cluster.stop();
});

describe('a pod that fails', { concurrency: true }, () => {
  test('whose image cannot be pulled goes from ErrImagePull to ImagePullBackOff', async () => {
    const { timeline, seconds } = await fateOf(
      'bad-2',
      (pod) => waitingReason(pod) === 'ImagePullBackOff',
    );
    assert.ok(seconds < 2.5, `after ${seconds} s`);
    assert.deepEqual(reasons(timeline), ['ContainerCreating', 'ErrImagePull', 'ImagePullBackOff']);
    const status = lastStatus(timeline);
    assert.deepEqual([status.ready, status.started, status.restartCount], [false, false, 0]);
    assert.match(status.state.waiting?.message ?? '', /Back-off pulling image ".*web:bad-2"/);
    assert.equal(lastPod(timeline).status.phase, 'Pending');
    assertNotReady(timeline);
  });

  test('that crashes is in CrashLoopBackOff with growing restarts', async () => {
    const { timeline } = await fateOf('crash', (pod) => restarts(pod) === 3);
    assert.ok(reasons(timeline).includes('CrashLoopBackOff'));
    const { reason, exitCode } = lastStatus(timeline).lastState.terminated ?? {};
    assert.deepEqual({ reason, exitCode }, { reason: 'Error', exitCode: 1 });
    assert.equal(lastPod(timeline).status.phase, 'Running');
    assertNotReady(timeline);
  });

  test('that runs out of memory was OOMKilled with exit code 137', async () => {
    const { timeline } = await fateOf(
      'oom',
      (pod) => restarts(pod) === 2 && waitingReason(pod) !== undefined,
    );
    const { reason, exitCode } = lastStatus(timeline).lastState.terminated ?? {};
    assert.deepEqual({ reason, exitCode }, { reason: 'OOMKilled', exitCode: 137 });
    assert.equal(waitingReason(lastPod(timeline)), 'CrashLoopBackOff');
  });

  test('whose ConfigMap is missing has a CreateContainerConfigError', async () => {
    const { timeline, seconds } = await fateOf(
      'cfgerr',
      (pod) => waitingReason(pod) === 'CreateContainerConfigError',
    );
    assert.ok(seconds < 2.5, `after ${seconds} s`);
    assert.equal(lastStatus(timeline).state.waiting?.message, 'configmap "settings" not found');
    assertNotReady(timeline);
  });

  test('with a healthy second container shows the failure in one container only', async () => {
    const sidecar = { name: 'sidecar', image: 'proxy:v1' };
    const { timeline } = await fateOf('crash', (pod) => restarts(pod) === 1, 0, sidecar);
    const [app, neighbour] = lastPod(timeline).status.containerStatuses ?? [];
    assert.deepEqual([app?.ready, neighbour?.ready], [false, true]);
    const message = conditionOf(lastPod(timeline), 'Ready')?.message;
    assert.equal(message, 'containers with unready status: [app]');
  });

  test('that fits on no node is reported as unschedulable by the scheduler', async () => {
    const recorder = await deploy('v1', { resources: { requests: { cpu: '1000' } } });
    const isRefused = (pod: Pod): boolean =>
      conditionOf(pod, 'PodScheduled')?.reason === 'Unschedulable';
    await recorder.until('an unschedulable pod', ({ pods }) => pods.some(isRefused));
    await recorder.stop();
  });
});

describe('a pod that runs', { concurrency: true }, () => {
  test('with an ordinary image is ready after 1 to 3 s', async () => {
    const { timeline, seconds } = await fateOf('v1', (pod) => isReady(pod));
    assert.ok(seconds > 0.9 && seconds < 4.5, `after ${seconds} s`);
    const status = lastStatus(timeline);
    assert.deepEqual([status.ready, status.started, status.restartCount], [true, true, 0]);
    assert.ok(status.state.running);
  });

  test('that never becomes ready keeps running', async () => {
    const { timeline } = await fateOf('noready', (pod) => pod.status.phase === 'Running', 5000);
    const status = lastStatus(timeline);
    assert.ok(status.state.running);
    assert.deepEqual([status.ready, status.started, status.restartCount], [false, true, 0]);
    assertNotReady(timeline);
  });

  test('that flaps is ready, then not, then ready without a restart', async () => {
    const { timeline } = await fateOf('flap', (_pod, sofar) => readiness(sofar).length >= 4);
    assert.deepEqual(readiness(timeline).slice(0, 4), [false, true, false, true]);
    assert.equal(lastStatus(timeline).restartCount, 0);
  });

  test('that is slow is ready after 8 to 10 s', async () => {
    const { seconds } = await fateOf('slow', (pod) => isReady(pod));
    assert.ok(seconds > 7.9 && seconds < 11.5, `after ${seconds} s`);
  });

  test('of a Job completes or fails', async () => {
    const namespace = await aNamespace(cluster);
    await Promise.all(['v1', 'jobfail'].map((tag) => createJob(namespace, tag)));
    const phases = await eventually(async () => await jobPhases(namespace), {
      what: 'two ended pods',
    });
    assert.deepEqual(phases, ['jobfail Failed', 'v1 Succeeded']);
  });
});

describe('the cluster', () => {
  const skip =
    process.env['KUBEBUILDER_ASSETS'] !== undefined &&
    'other programs come from KUBEBUILDER_ASSETS';
  test('and its kubectl have the requested version', { skip }, async () => {
    const { stdout } = await cluster.kubectl(['version', '-o', 'json']);
    const { clientVersion, serverVersion } = JSON.parse(stdout);
    const wanted = await exactVersion(chooseVersion());
    assert.deepEqual([clientVersion.gitVersion, serverVersion.gitVersion], [wanted, wanted]);
  });

  test('rolls a Deployment within its surge and availability', async () => {
    const recorder = await deploy('v1', {}, 4);
    await recorder.until('4 ready pods', ({ pods }) => pods.filter(isReady).length === 4);
    const since = performance.now();
    await setImage(recorder.namespace, 'web:v2');
    await recorder.until(
      '4 new pods',
      ({ pods }) =>
        pods.length === 4 && pods.every((pod) => isReady(pod) && imageTag(pod) === 'v2'),
    );
    await recorder.stop();
    assert.ok(recorder.timeline.minReady(since) >= 3);
    assert.ok(recorder.timeline.maxPods(since) <= 5);
    assert.equal(recorder.timeline.everCreated('web:v2'), 4);
    assert.equal(recorder.gaps, 0);
  });

  test('has its users with their permissions', async () => {
    const namespace = await aNamespace(cluster);
    const who = async (user: 'developer' | 'gitops' | 'operator'): Promise<unknown> =>
      JSON.parse((await cluster.kubectl(['auth', 'whoami', '-o', 'json'], { user })).stdout);
    assert.match(JSON.stringify(await who('developer')), /"username":"alice"/);
    assert.match(JSON.stringify(await who('gitops')), /flux-system:kustomize-controller/);
    const can = async (user: 'developer' | 'gitops' | 'operator', verb: string): Promise<string> =>
      (
        await cluster.kubectl(['auth', 'can-i', verb, 'deployments', '-n', namespace], { user })
      ).stdout.trim();
    assert.equal(await can('developer', 'patch'), 'yes');
    assert.equal(await can('gitops', 'patch'), 'yes');
    assert.equal(await can('operator', 'patch'), 'no');
  });

  test('gives the operator exactly the shipped permissions', async () => {
    const can = async (verb: string, what: string): Promise<string> =>
      (await cluster.kubectl(['auth', 'can-i', verb, what], { user: 'operator' })).stdout.trim();
    await cluster.grantOperator(RBAC_YAML);
    assert.equal(await can('patch', 'deployments.apps'), 'yes');
    assert.equal(await can('create', 'clusterroles.rbac.authorization.k8s.io'), 'no');
  });

  test('counts the API writes of a user', async () => {
    const namespace = await aNamespace(cluster);
    const manifest = JSON.stringify(aDeployment({ name: 'web', namespace, image: 'web:v1' }));
    const { code, stderr } = await cluster.kubectl(['create', '-f', '-'], {
      user: 'developer',
      input: manifest,
    });
    assert.equal(code, 0, stderr);
    const writes = await cluster.auditWrites({ user: 'alice', namespace });
    assert.deepEqual(
      writes.map(({ verb, resource, name, status }) => ({ verb, resource, name, status })),
      [{ verb: 'create', resource: 'deployments', name: 'web', status: 201 }],
    );
  });
});

describe('a control plane that loses a component', () => {
  test('keeps its objects and watches when the API server is killed and restarted', async () => {
    const recorder = await deploy('v1', {}, 2);
    await recorder.until('2 ready pods', ({ pods }) => pods.filter(isReady).length === 2);
    await cluster.restartApiServer({ hard: true });
    await setImage(recorder.namespace, 'web:v2');
    await recorder.until(
      '2 new pods',
      ({ pods }) => pods.filter((pod) => isReady(pod) && imageTag(pod) === 'v2').length === 2,
      60_000,
    );
    await recorder.stop();
  });

  test('continues when the controller manager is restarted', async () => {
    await cluster.restartControllerManager();
    const recorder = await deploy('v1');
    await recorder.until('a ready pod', ({ pods }) => pods.some(isReady));
    await recorder.stop();
  });
});

interface Deployed extends PodRecorder {
  readonly namespace: string;
}

async function deploy(
  tag: string,
  container: Readonly<Record<string, unknown>> = {},
  replicas = 1,
  podSpec: Readonly<Record<string, unknown>> = {},
): Promise<Deployed> {
  const namespace = await aNamespace(cluster);
  const recorder = await watchPods(cluster, namespace, 'app=web');
  const body = aDeployment({
    name: 'web',
    namespace,
    image: `web:${tag}`,
    replicas,
    container,
    podSpec,
  });
  await cluster.call({ method: 'POST', path: deployments(namespace), body });
  return Object.assign(recorder, { namespace });
}

/** Runs one pod until it shows something, and then for some time more; the seconds count from its binding. */
async function fateOf(
  tag: string,
  shows: (pod: Pod, timeline: Timeline) => boolean,
  longerMs = 0,
  sidecar?: { readonly name: string; readonly image: string },
): Promise<{ timeline: Timeline; seconds: number }> {
  const containers = [{ name: 'app', image: `web:${tag}` }, ...(sidecar ? [sidecar] : [])];
  const recorder = await deploy(tag, {}, 1, { containers });
  await recorder.until(`the fate of ${tag}`, (timeline) =>
    timeline.pods.some((pod) => shows(pod, timeline)),
  );
  const { timeline } = recorder;
  const bound = timeline.first(({ spec }) => spec.nodeName !== undefined);
  const seconds = ((timeline.events.at(-1)?.at ?? 0) - (bound?.at ?? 0)) / 1000;
  if (longerMs > 0) await new Promise((resolve) => setTimeout(resolve, longerMs));
  await recorder.stop();
  return { timeline, seconds };
}

function lastPod({ events }: Timeline): Pod {
  const event = events.at(-1);
  assert.ok(event, 'there is a pod');
  return event.pod;
}

function lastStatus(timeline: Timeline): ContainerStatus {
  const status = lastPod(timeline).status.containerStatuses?.[0];
  assert.ok(status, 'the container has a status');
  return status;
}

function restarts({ status }: Pod): number {
  return status.containerStatuses?.[0]?.restartCount ?? 0;
}

function imageTag({ spec }: Pod): string | undefined {
  return spec.containers[0]?.image.split(':')[1];
}

/** The reasons for which the container waited, without repetition. */
function reasons({ events }: Timeline): string[] {
  return withoutRepetition(events.flatMap(({ pod }) => waitingReason(pod) ?? []));
}

function readiness({ events }: Timeline): boolean[] {
  return withoutRepetition(events.map(({ pod }) => isReady(pod)));
}

function withoutRepetition<T>(values: readonly T[]): T[] {
  return values.filter((value, index) => value !== values[index - 1]);
}

function assertNotReady(timeline: Timeline): void {
  for (const type of ['Ready', 'ContainersReady']) {
    const { status, reason, message } = conditionOf(lastPod(timeline), type) ?? {};
    assert.deepEqual(
      { status, reason, message },
      {
        status: 'False',
        reason: 'ContainersNotReady',
        message: 'containers with unready status: [app]',
      },
    );
  }
}

function deployments(namespace: string): string {
  return `/apis/apps/v1/namespaces/${namespace}/deployments`;
}

async function setImage(namespace: string, image: string): Promise<void> {
  await cluster.call({
    method: 'PATCH',
    path: `${deployments(namespace)}/web`,
    contentType: 'application/strategic-merge-patch+json',
    body: { spec: { template: { spec: { containers: [{ name: 'app', image }] } } } },
  });
}

async function createJob(namespace: string, tag: string): Promise<void> {
  const template = {
    metadata: { labels: { tag } },
    spec: { restartPolicy: 'Never', containers: [{ name: 'app', image: `web:${tag}` }] },
  };
  await cluster.call({
    method: 'POST',
    path: `/apis/batch/v1/namespaces/${namespace}/jobs`,
    body: { metadata: { name: tag }, spec: { backoffLimit: 0, template } },
  });
}

async function jobPhases(namespace: string): Promise<string[] | false> {
  const list = (await cluster.call({ path: `/api/v1/namespaces/${namespace}/pods` })) as {
    items: Pod[];
  };
  const phases = list.items.map(
    ({ metadata, status }) => `${metadata.labels?.['tag']} ${status.phase}`,
  );
  return phases.filter((phase) => /Failed|Succeeded/.test(phase)).length === 2 && phases.sort();
}
