// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { CallFault, CallInfo } from '@altershield/sandbox';
import { Checkout } from '../support/checkout.ts';
import { deploymentManifest } from '../support/manifests.ts';

const isHearing = ({ method, path, isWatch }: CallInfo): boolean =>
  method === 'GET' && !isWatch && path.includes('/pods?') && path.includes('labelSelector');

const POLICY = { release: { batches: [1, '100%'], soakSeconds: 30 } };

for (const fault of [
  { kind: 'silence' },
  { kind: 'answer', status: 500 },
  { kind: 'answer', status: 429, retryAfterSeconds: 30 },
] as const satisfies readonly CallFault[]) {
  test(`a failure triggers a rollback at once while pods cannot be listed: ${JSON.stringify(fault)}`, async () => {
    let asked = 0;
    const beforeCall = (call: CallInfo) => {
      if (!isHearing(call)) return undefined;
      asked += 1;
      return fault;
    };
    const checkout = await Checkout.start({ policy: POLICY, faults: { beforeCall } });
    await checkout.apply('2', 100);
    await checkout.until('the server is asked', () => asked > 0);
    const pod = checkout.degrade({ restartCount: 9, version: '2' });
    const since = checkout.scheduler.now();
    await pod;
    await checkout.until('it is taken back', () => checkout.version === '1');
    const ms = checkout.scheduler.now() - since;
    assert.ok(ms < 3000, `${ms} ms`);
  });
}

test('pods missing from the watch are listed at most every few seconds', async () => {
  const asked: number[] = [];
  const beforeCall = (call: CallInfo) => {
    if (!isHearing(call)) return undefined;
    asked.push(checkout.scheduler.now());
    return { kind: 'answer', status: 500 } as const;
  };
  const checkout: Checkout = await Checkout.start({ policy: POLICY, faults: { beforeCall } });
  await checkout.apply('2', 100);
  await checkout.until('the second batch', () => (checkout.pods['2'] ?? 0) > 1);
  assert.ok(
    asked.length < 20,
    `${asked.length} LISTs: ${asked.map((t) => t - (asked[0] ?? 0)).join(' ')}`,
  );
});

test('a stuck pod of a deleted revision does not block a change', async () => {
  const asked: number[] = [];
  let watches = 0;
  const beforeCall = (call: CallInfo) => {
    if (isHearing(call)) asked.push(checkout.scheduler.now());
    if (call.isWatch && call.path.includes('/pods?')) watches += 1;
    return undefined;
  };
  const checkout: Checkout = await Checkout.start({ policy: POLICY, faults: { beforeCall } });
  // Its node is lost, and its ReplicaSet was one too many for `revisionHistoryLimit`.
  checkout.sandbox.server.store.put('pods.', {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: {
      name: 'checkout-stuck',
      namespace: 'shop',
      uid: 'stuck',
      resourceVersion: '',
      creationTimestamp: '2026-01-01T00:00:00Z',
      deletionTimestamp: '2026-01-01T00:00:00Z',
      labels: { app: 'checkout' },
      finalizers: ['example.com/stuck'],
      ownerReferences: [
        {
          apiVersion: 'apps/v1',
          kind: 'ReplicaSet',
          name: 'checkout-old',
          uid: 'gone',
          controller: true,
        },
      ],
    },
    spec: {
      containers: [{ name: 'app', image: 'shop/checkout:0' }],
      schedulingGates: [{ name: 'lost' }],
    },
    status: { phase: 'Running', conditions: [], containerStatuses: [] },
  });
  await checkout.scheduler.runFor(100_000);
  assert.equal(checkout.pods['0'], 1);
  const [since, before] = [checkout.scheduler.now(), watches];
  await checkout.apply('2', 100);
  await checkout.until('the end', () => checkout.story[0] === 'Success/Verified');
  const ms = checkout.scheduler.now() - since;
  assert.ok(ms < 90_000, `${ms} ms, ${asked.length} LISTs, ${watches - before} watches opened`);
});

test('pod lists that never return do not delay the rollback of another workload', async () => {
  let asked = 0;
  const beforeCall = (call: CallInfo) => {
    if (!isHearing(call)) return undefined;
    asked += 1;
    return { kind: 'silence' } as const;
  };
  const checkout = await Checkout.start({ policy: POLICY, faults: { beforeCall } });
  const others = async (version: string, ms: number): Promise<void> => {
    const all = Array.from({ length: 40 }, (_, i) =>
      checkout.sandbox.apply(
        deploymentManifest({ name: `other-${i}`, image: `shop/other:${version}`, replicas: 2 }),
      ),
    );
    await checkout.play(Promise.all(all), ms);
  };
  await others('1', 10_000);
  await checkout.until('they are verified', () => checkout.sandbox.pods().length === 90);
  await checkout.scheduler.runFor(120_000);
  await others('2', 15_000);
  await checkout.apply('2', 1000);
  const before = asked;
  await checkout.until('the server is asked', () => asked > before);
  await checkout.scheduler.runFor(3000);
  const since = checkout.scheduler.now();
  await checkout.degrade({ restartCount: 9, version: '2' });
  await checkout.until('it is taken back', () => checkout.version === '1');
  const ms = checkout.scheduler.now() - since;
  assert.ok(ms < 3000, `${ms} ms`);
});
