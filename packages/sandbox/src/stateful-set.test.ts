// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import {
  createSandbox,
  VirtualScheduler,
  type KubernetesVersion,
  type Pod,
  type Sandbox,
  type StatefulSet,
} from './index.ts';

const aDb = (image: string, spec: Readonly<Record<string, unknown>> = {}) => ({
  apiVersion: 'apps/v1',
  kind: 'StatefulSet',
  metadata: { name: 'db', namespace: 'default' },
  spec: {
    replicas: 5,
    selector: { matchLabels: { app: 'db' } },
    template: {
      metadata: { labels: { app: 'db' } },
      spec: { containers: [{ name: 'app', image }] },
    },
    ...spec,
  },
});

const PARALLEL = { podManagementPolicy: 'Parallel' };

function start(seed: number, kubernetes?: KubernetesVersion) {
  const scheduler = new VirtualScheduler({ seed, order: 'shuffled' });
  return { scheduler, sandbox: createSandbox({ scheduler, kubernetes }) };
}

const get = (sandbox: Sandbox): StatefulSet | undefined =>
  sandbox.get<StatefulSet>('statefulsets.apps', 'default', 'db');

function isComplete(sandbox: Sandbox): boolean {
  const { metadata, spec, status } = get(sandbox) ?? {};
  return (
    status?.observedGeneration === metadata?.generation &&
    status?.currentRevision === status?.updateRevision &&
    status?.availableReplicas === spec?.replicas
  );
}

const isReady = ({ status, metadata }: Pod): boolean =>
  metadata.deletionTimestamp === undefined &&
  status.conditions?.some(({ type, status: is }) => type === 'Ready' && is === 'True') === true;

async function complete(seed: number, spec = {}, kubernetes?: KubernetesVersion) {
  const { scheduler, sandbox } = start(seed, kubernetes);
  await scheduler.complete(sandbox.apply(aDb('db:v1', spec)));
  await scheduler.runUntil(() => isComplete(sandbox));
  return { scheduler, sandbox };
}

describe('StatefulSets in the sandbox', () => {
  test('in any order of events, at most one pod at a time is not ready', async () => {
    for (const kubernetes of ['1.36', '1.37'] as const) {
      for (const spec of [{}, PARALLEL]) {
        for (let seed = 1; seed <= 5; seed += 1) {
          const { scheduler, sandbox } = await complete(seed, spec, kubernetes);
          let fewest = 5;
          sandbox.onPod(() => {
            fewest = Math.min(fewest, sandbox.pods().filter(isReady).length);
          });
          await scheduler.complete(sandbox.apply(aDb('db:v2', spec)));
          await scheduler.runUntil(() => isComplete(sandbox));
          assert.equal(fewest, 4, `${kubernetes}, seed ${seed}`);
        }
      }
    }
  });

  test('a rollout stands still while the controller is down, and goes on after it', async () => {
    const { scheduler, sandbox } = await complete(3);
    await scheduler.complete(sandbox.apply(aDb('db:v2')));
    await scheduler.runFor(500);
    sandbox.controllers.statefulSet.stop();
    await scheduler.runFor(60_000);
    assert.equal(isComplete(sandbox), false);
    sandbox.controllers.statefulSet.start();
    await scheduler.runUntil(() => isComplete(sandbox));
  });

  test('the version that is imitated is the one that the server reports', async () => {
    const { scheduler, sandbox } = start(1, '1.37');
    const info = await scheduler.complete(sandbox.call('GET', { path: '/version' }));
    assert.equal((info as unknown as { minor: string }).minor, '37');
  });
});
