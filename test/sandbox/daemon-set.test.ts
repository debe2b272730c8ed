// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ANNOTATIONS, type ChangePod } from '@altershield/api';
import type { CallInfo, DaemonSet } from '@altershield/sandbox';
import { Checkout } from '../support/checkout.ts';
import { kindNamed } from '../support/kinds.ts';

const POLICY = {
  release: { batches: [2, '50%', '100%'], soakSeconds: 5 },
  checks: { podHealth: { readyDeadlineSeconds: 30 } },
};
/** The first batch soaks for as long as the test lasts. */
const SLOW = { release: { batches: [1, '100%'], soakSeconds: 3600 } };

const start = (policy: object = POLICY, replicas = 6): Promise<Checkout> =>
  Checkout.start({ kind: kindNamed('DaemonSet'), policy, replicas });

const setOf = (checkout: Checkout): DaemonSet => checkout.workload as DaemonSet;
const strategyOf = (checkout: Checkout) => setOf(checkout).spec.updateStrategy;

const batchesOf = ({ sandbox }: Checkout) =>
  sandbox.server.store.list('changepods.altershield.io') as unknown as ChangePod[];

async function deletePod(checkout: Checkout, version: string, ms: number): Promise<void> {
  const found = checkout.sandbox
    .pods({ namespace: 'shop' })
    .find(({ spec }) => spec.containers[0]?.image === `shop/checkout:${version}`);
  const path = `/api/v1/namespaces/shop/pods/${found?.metadata.name ?? ''}`;
  await checkout.play(checkout.sandbox.call('DELETE', { path }), ms);
}

test('a good change of a DaemonSet is released in its batches, and leaves nothing behind', async () => {
  const checkout = await start();
  const before = setOf(checkout).spec;
  await checkout.apply('2', 200);
  assert.deepEqual(strategyOf(checkout), { ...before.updateStrategy, type: 'OnDelete' });
  await checkout.until('it is released', () => checkout.story[0] === 'Success/Verified');
  await checkout.scheduler.runFor(2000);
  assert.deepEqual(checkout.pods, { 2: 6 });
  assert.deepEqual(setOf(checkout).spec, { ...before, template: setOf(checkout).spec.template });
  assert.equal(checkout.workload.metadata.annotations?.[ANNOTATIONS.hold], undefined);
  const targets = batchesOf(checkout).map(({ spec }) => spec.targetUnits);
  assert.deepEqual(targets, [2, 3, 6]);
});

test('a pod that replaces a deleted one counts towards the next batch', async () => {
  const deletes: string[] = [];
  const beforeCall = ({ method, path }: CallInfo): undefined => {
    if (method === 'DELETE') deletes.push(path);
  };
  const release = { batches: [1, 2, '100%'], soakSeconds: 60 };
  const kind = kindNamed('DaemonSet');
  const faults = { beforeCall };
  const checkout = await Checkout.start({ kind, policy: { release }, replicas: 6, faults });
  await checkout.apply('2', 20_000);
  assert.deepEqual(checkout.pods, { 1: 5, 2: 1 });
  await deletePod(checkout, '1', 10_000);
  assert.deepEqual(checkout.pods, { 1: 4, 2: 2 });
  await checkout.until('it is released', () => checkout.story[0] === 'Success/Verified');
  assert.equal(deletes.length, 1, 'the second batch had its pods already');
});

test('pods on new nodes are judged, and those beyond the batch stay', async () => {
  const checkout = await start(SLOW);
  await checkout.apply('slow2', 20_000);
  assert.deepEqual(checkout.pods, { 1: 5, slow2: 1 });
  await checkout.scale(8, 20_000);
  assert.deepEqual(checkout.pods, { 1: 5, slow2: 3 });
  const [batch] = batchesOf(checkout);
  assert.equal(batch?.spec.targetUnits, 1);
  await checkout.degrade({ restartCount: 9, version: 'slow2' });
  await checkout.until('it is rolled back', () => checkout.story[0] === 'RolledBack/RolledBack');
  await checkout.scheduler.runFor(5000);
  assert.deepEqual(checkout.pods, { 1: 8 });
});

test('fields that act at once are recorded as not held; the rest of the change is held', async () => {
  const checkout = await start(SLOW);
  const containers = [{ name: 'app', image: 'shop/checkout:2' }];
  const spec = { containers, tolerations: [{ operator: 'Exists' }] };
  await checkout.patch({ spec: { template: { spec } } }, 2000);
  assert.deepEqual(checkout.changes[0]?.spec.notHeld, ['/spec/template/spec/tolerations']);
  assert.equal(strategyOf(checkout).type, 'OnDelete');
  const undone = { containers: [{ name: 'app', image: 'shop/checkout:3' }], tolerations: null };
  await checkout.patch({ spec: { template: { spec: undone } } }, 2000);
  assert.equal(checkout.changes[1]?.spec.notHeld, undefined, 'compared with what is verified');
});

test('a DaemonSet that surges is recorded and not held', async () => {
  const checkout = await start();
  const updateStrategy = {
    type: 'RollingUpdate',
    rollingUpdate: { maxUnavailable: 0, maxSurge: 1 },
  };
  await checkout.patch({ spec: { updateStrategy } }, 1000);
  await checkout.apply('2', 1000);
  const [change] = checkout.changes;
  assert.equal(change?.spec.release?.strategy, 'Rolling');
  assert.match(change.spec.release.reason ?? '', /maxUnavailable is 0/);
  assert.equal(strategyOf(checkout).type, 'RollingUpdate');
});

test('a held DaemonSet that its user sets to OnDelete is suspended, and goes on when it can', async () => {
  const checkout = await start(SLOW);
  await checkout.apply('2', 1000);
  const edit = (updateStrategy: object): Promise<unknown> =>
    checkout.patch({ spec: { updateStrategy } }, 3000);
  await edit({ type: 'OnDelete', rollingUpdate: null });
  assert.equal(checkout.story[0], 'Suspend/CannotMove');
  await edit({ type: 'RollingUpdate', rollingUpdate: { maxUnavailable: 2 } });
  assert.equal(strategyOf(checkout).type, 'OnDelete', 'still held');
  await checkout.decide(1, 'Resume', 3000);
  assert.equal(checkout.story[0], 'Running/BatchReleasing');
  await checkout.decide(1, 'RollBack', 20_000);
  assert.deepEqual(strategyOf(checkout), {
    type: 'RollingUpdate',
    rollingUpdate: { maxUnavailable: 2, maxSurge: 0 },
  });
});

test('a third revision is held from its first pod, and a revert ends it at once', async () => {
  const checkout = await start(SLOW);
  await checkout.apply('2', 10_000);
  assert.deepEqual(checkout.pods, { 1: 5, 2: 1 });
  await checkout.apply('3', 200);
  assert.equal(checkout.story[0], 'Superseded/Superseded');
  assert.equal(strategyOf(checkout).type, 'OnDelete');
  await checkout.scheduler.runFor(20_000);
  assert.equal(
    Object.entries(checkout.pods).find(([tag]) => tag === '3')?.[1],
    1,
    'its first batch',
  );
  await checkout.apply('1', 20_000);
  assert.equal(strategyOf(checkout).type, 'RollingUpdate');
  assert.equal(checkout.story[1], 'RolledBack/RevertedByUser');
  assert.deepEqual(checkout.pods, { 1: 6 });
});

test('without a node that matches, a change waits, held', async () => {
  const checkout = await start();
  await checkout.apply('2', 200);
  await checkout.scale(0, 30_000);
  assert.equal(checkout.story[0], 'Init/NoReplicas');
  assert.equal(strategyOf(checkout).type, 'OnDelete');
  await checkout.scale(3, 1000);
  await checkout.until('it is released', () => checkout.story[0] === 'Success/Verified');
  assert.deepEqual(checkout.pods, { 2: 3 });
});
