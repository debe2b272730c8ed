// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { KubeError } from '@altershield/kube';
import {
  createSandbox,
  VirtualScheduler,
  type Deployment,
  type MutatingPolicy,
  type ReplicaSet,
  type Sandbox,
} from './index.ts';

const aWeb = (image: string): Record<string, unknown> => ({
  apiVersion: 'apps/v1',
  kind: 'Deployment',
  metadata: { name: 'web', namespace: 'default' },
  spec: {
    replicas: 4,
    selector: { matchLabels: { app: 'web' } },
    template: {
      metadata: { labels: { app: 'web' } },
      spec: { containers: [{ name: 'app', image }] },
    },
  },
});

function start(policy: MutatingPolicy): { scheduler: VirtualScheduler; sandbox: Sandbox } {
  const scheduler = new VirtualScheduler({ seed: 3, order: 'shuffled' });
  return { scheduler, sandbox: createSandbox({ scheduler, admission: { policy } }) };
}

const isReplicaSet = ({ resource }: Parameters<MutatingPolicy>[0]): boolean =>
  resource.plural === 'replicasets';

/** Lets no ReplicaSet have more than `cap` pods. */
const capped =
  (cap: number): MutatingPolicy =>
  (attributes) => {
    const set = attributes.object as ReplicaSet;
    const isOver = isReplicaSet(attributes) && set.spec.replicas > cap;
    return isOver ? { ...set, spec: { ...set.spec, replicas: cap } } : set;
  };

describe('policy in the API server', () => {
  test('a policy changes writes of controllers, without a webhook', async () => {
    const { scheduler, sandbox } = start(capped(3));
    await scheduler.complete(sandbox.apply(aWeb('web:v1')));
    const web = (): Deployment | undefined =>
      sandbox.get<Deployment>('deployments.apps', 'default', 'web');
    await scheduler.runUntil(() => web()?.status?.availableReplicas === 3);
    assert.equal(sandbox.pods().length, 3);
    assert.equal(web()?.spec.replicas, 4);
  });

  test('a policy sees the user and the old object', async () => {
    const seen: string[] = [];
    const { scheduler, sandbox } = start((attributes) => {
      const { operation, oldObject, userInfo, subresource, object } = attributes;
      const before = oldObject === undefined ? 'nothing' : 'something';
      if (isReplicaSet(attributes) && subresource === '') {
        seen.push(`${userInfo.username} ${operation} ${before}`);
      }
      return object;
    });
    await scheduler.complete(sandbox.apply(aWeb('web:v1')));
    await scheduler.runUntil(() => sandbox.pods().length === 4);
    assert.deepEqual(seen, [
      'system:serviceaccount:kube-system:deployment-controller CREATE nothing',
    ]);
  });

  test('a policy that throws denies the write with its words', async () => {
    const { scheduler, sandbox } = start(() => {
      throw new Error('index out of bounds: 2');
    });
    const error = await scheduler
      .complete(sandbox.apply(aWeb('web:v1')))
      .catch((thrown: unknown) => thrown);
    assert.ok(error instanceof KubeError);
    assert.deepEqual([error.status, error.reason], [403, 'Invalid']);
    assert.match(error.server.message ?? '', /denied request: index out of bounds: 2$/);
  });
});
