// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { createSandbox, VirtualScheduler, type Deployment, type Sandbox } from './index.ts';

const aWeb = (image: string): Record<string, unknown> => ({
  apiVersion: 'apps/v1',
  kind: 'Deployment',
  metadata: { name: 'web', namespace: 'default' },
  spec: {
    replicas: 6,
    selector: { matchLabels: { app: 'web' } },
    template: {
      metadata: { labels: { app: 'web' } },
      spec: { containers: [{ name: 'app', image }] },
    },
  },
});

function start(seed: number): { scheduler: VirtualScheduler; sandbox: Sandbox } {
  const scheduler = new VirtualScheduler({ seed, order: 'shuffled' });
  return { scheduler, sandbox: createSandbox({ scheduler }) };
}

const isComplete = (sandbox: Sandbox): boolean => {
  const web = sandbox.get<Deployment>('deployments.apps', 'default', 'web');
  const { observedGeneration, updatedReplicas, availableReplicas, replicas } = web?.status ?? {};
  return (
    observedGeneration === web?.metadata.generation &&
    [updatedReplicas, availableReplicas, replicas].every((count) => count === 6)
  );
};

/** Every pod event of a rollout from v1 to v2, as text. */
async function history(seed: number): Promise<string> {
  const { scheduler, sandbox } = start(seed);
  const lines: string[] = [];
  sandbox.onPod(({ kind, pod, atMs }) => lines.push(`${atMs} ${kind} ${JSON.stringify(pod)}`));
  for (const image of ['web:v1', 'web:v2']) {
    await scheduler.complete(sandbox.apply(aWeb(image)));
    await scheduler.runUntil(() => isComplete(sandbox));
  }
  return lines.join('\n');
}

describe('sandbox', () => {
  test('one seed gives one history to the last byte, another seed another', async () => {
    const first = await history(1);
    assert.equal(await history(1), first);
    assert.notEqual(await history(2), first);
  });

  test('a rollout keeps within surge and availability under any seed', async () => {
    for (let seed = 1; seed <= 20; seed += 1) {
      const { scheduler, sandbox } = start(seed);
      await scheduler.complete(sandbox.apply(aWeb('web:v1')));
      await scheduler.runUntil(() => isComplete(sandbox));
      let fewest = 6;
      sandbox.onPod(() => {
        const ready = sandbox.pods().filter(({ status, metadata }) => {
          const isReady = status.conditions?.some(
            ({ type, status: is }) => type === 'Ready' && is === 'True',
          );
          return isReady === true && metadata.deletionTimestamp === undefined;
        });
        fewest = Math.min(fewest, ready.length);
      });
      await scheduler.complete(sandbox.apply(aWeb('web:v2')));
      await scheduler.runUntil(() => isComplete(sandbox));
      assert.ok(fewest >= 5, `seed ${seed}: ${fewest} ready`);
    }
  });

  test('a rollout stops while the Deployment controller is down, and continues after its restart', async () => {
    const { scheduler, sandbox } = start(3);
    await scheduler.complete(sandbox.apply(aWeb('web:v1')));
    await scheduler.runUntil(() => isComplete(sandbox));
    await scheduler.complete(sandbox.apply(aWeb('web:v2')));
    await scheduler.runFor(500);
    sandbox.controllers.deployment.stop();
    await scheduler.runFor(60_000);
    assert.equal(isComplete(sandbox), false);
    sandbox.controllers.deployment.start();
    await scheduler.runUntil(() => isComplete(sandbox));
  });

  test('a pod that no node may take says so', async () => {
    const { scheduler, sandbox } = start(4);
    const pod = {
      apiVersion: 'v1',
      kind: 'Pod',
      metadata: { name: 'p', namespace: 'default' },
      spec: { nodeSelector: { zone: 'moon' }, containers: [{ name: 'app', image: 'web:v1' }] },
    };
    await scheduler.complete(sandbox.apply(pod));
    await scheduler.runFor(5000);
    const [condition] = sandbox.pods()[0]?.status.conditions ?? [];
    assert.deepEqual([condition?.type, condition?.reason], ['PodScheduled', 'Unschedulable']);
  });

  test('a denied apply rejects with the status of the server', async () => {
    const { scheduler, sandbox } = start(5);
    const manifest = { ...aWeb('web:v1'), spec: { replicas: 1 } };
    await assert.rejects(scheduler.complete(sandbox.apply(manifest)), {
      name: 'KubeError',
      status: 422,
      reason: 'Invalid',
    });
  });
});
