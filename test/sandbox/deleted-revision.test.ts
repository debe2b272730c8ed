// SPDX-License-Identifier: Apache-2.0
// `kubectl delete rs` of the verified revision, whose pods go with it, while a change is in flight.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Checkout } from '../support/checkout.ts';
import { kindNamed } from '../support/kinds.ts';

const POLICY = {
  release: { batches: [1, '50%', '100%'], soakSeconds: 60 },
  checks: { podHealth: { readyDeadlineSeconds: 30 } },
};

interface Owned {
  readonly metadata: { readonly name: string };
  readonly spec: { readonly template: object };
}

async function deleteRevision(checkout: Checkout, version: string): Promise<void> {
  const all = checkout.sandbox.server.store.list('replicasets.apps', 'shop') as unknown as Owned[];
  const found = all.find(({ spec }) => JSON.stringify(spec).includes(`checkout:${version}"`));
  assert.ok(found);
  const path = `/apis/apps/v1/namespaces/shop/replicasets/${found.metadata.name}`;
  await checkout.play(checkout.sandbox.call('DELETE', { path }), 1000);
}

/** A change in its first batch, whose verified ReplicaSet is deleted, and the most pods that it had from then on. */
async function withoutVerified(version: string) {
  const checkout = await Checkout.start({ policy: POLICY });
  await checkout.apply(version, 100);
  await checkout.until('the first batch', () => checkout.pods[version] === 1);
  await checkout.scheduler.runFor(3000);
  const most = { pods: 0 };
  checkout.sandbox.onPod(() => (most.pods = Math.max(most.pods, checkout.pods[version] ?? 0)));
  await deleteRevision(checkout, '1');
  return { checkout, most };
}

test('a good change respects its batches when the verified ReplicaSet is deleted', async () => {
  const { checkout, most } = await withoutVerified('2');
  await checkout.scheduler.runFor(50_000);
  assert.deepEqual([checkout.pods, most.pods], [{ '2': 1 }, 1]);
  await checkout.scheduler.runFor(60_000);
  assert.deepEqual([checkout.pods, most.pods], [{ '2': 5 }, 5]);
  await checkout.scheduler.runFor(200_000);
  assert.deepEqual([checkout.story, checkout.pods], [['Success/Verified'], { '2': 10 }]);
  assert.match(checkout.release ?? '', /^[a-z0-9]+\/\/0\/10$/);
});

test('a bad change is rolled back although the verified ReplicaSet was deleted, and all its pods return', async () => {
  const { checkout, most } = await withoutVerified('noready-2');
  const before = checkout.release?.split('/')[0];
  await checkout.scheduler.runFor(120_000);
  assert.deepEqual([checkout.story, checkout.pods], [['RolledBack/RolledBack'], { '1': 10 }]);
  assert.deepEqual([most.pods, checkout.release], [1, `${before ?? ''}//0/10`]);
});

test('a user gets the verified pods back at once by rolling back', async () => {
  const { checkout } = await withoutVerified('2');
  await checkout.decide(1, 'RollBack', 20_000);
  assert.deepEqual([checkout.story, checkout.pods], [['RolledBack/RolledBack'], { '1': 10 }]);
});

// `kubectl delete controllerrevision` of a StatefulSet.

const STATEFUL = {
  release: { batches: [1, '60%', '100%'], soakSeconds: 30 },
  checks: { podHealth: { readyDeadlineSeconds: 120 } },
};

async function deleteControllerRevision(checkout: Checkout, version: string): Promise<void> {
  const all = checkout.sandbox.server.store.list('controllerrevisions.apps', 'shop');
  const found = all.find((one) => JSON.stringify(one).includes(`checkout:${version}"`));
  assert.ok(found, version);
  const path = `/apis/apps/v1/namespaces/shop/controllerrevisions/${found.metadata.name}`;
  await checkout.play(checkout.sandbox.call('DELETE', { path }), 1000);
}

/** A user's label: the controller looks, and misses what was deleted. */
const touch = (checkout: Checkout): Promise<unknown> =>
  checkout.patch({ metadata: { labels: { touched: 'true' } } }, 3000);

/** Five pods at version 1, and a change of them whose first batch soaks. */
async function inFirstBatch(version: string, ms = 5000): Promise<Checkout> {
  const kind = kindNamed('StatefulSet');
  const checkout = await Checkout.start({ kind, policy: STATEFUL, replicas: 5 });
  await checkout.apply(version, 1000);
  await checkout.until('the first batch', () => checkout.pods[version] === 1);
  await checkout.scheduler.runFor(ms);
  return checkout;
}

async function evictStable(checkout: Checkout): Promise<void> {
  const path = '/api/v1/namespaces/shop/pods/checkout-0';
  await checkout.play(checkout.sandbox.call('DELETE', { path }), 8000);
}

test('a StatefulSet whose updated revision is deleted in mid-batch is released as if it were there', async () => {
  const checkout = await inFirstBatch('2');
  await deleteControllerRevision(checkout, '2');
  await touch(checkout);
  await checkout.until('it ends', () => checkout.story.at(-1) === 'Success/Verified');
  assert.deepEqual(checkout.pods, { '2': 5 });
});

test('a StatefulSet whose verified revision is deleted in mid-batch waits for a user, who resumes it', async () => {
  const checkout = await inFirstBatch('2');
  await deleteControllerRevision(checkout, '1');
  await touch(checkout);
  await checkout.scheduler.runFor(120_000);
  assert.deepEqual(checkout.story, ['Suspend/CannotMove']);
  const message = checkout.changes[0]?.status?.message ?? '';
  assert.match(
    message,
    /ControllerRevision .* was deleted.*altershield resume.*altershield rollback/,
  );
  assert.deepEqual(checkout.pods, { '1': 4, '2': 1 });
  await checkout.decide(1, 'Resume', 1000);
  await checkout.until('it ends', () => checkout.story.at(-1) === 'Success/Verified');
  assert.deepEqual(checkout.pods, { '2': 5 });
  await checkout.scheduler.runFor(5000);
  assert.equal(checkout.isHeld, false);
});

test('a StatefulSet whose verified revision is deleted in mid-batch is rolled back to it by a user', async () => {
  const checkout = await inFirstBatch('2');
  await deleteControllerRevision(checkout, '1');
  await touch(checkout);
  await checkout.until('it waits', () => checkout.story.at(-1) === 'Suspend/CannotMove');
  await checkout.decide(1, 'RollBack', 60_000);
  assert.deepEqual([checkout.story, checkout.pods], [['RolledBack/RolledBack'], { '1': 5 }]);
  assert.equal(checkout.isHeld, false);
});

test('a bad change of a StatefulSet is rolled back although its verified revision was deleted', async () => {
  const checkout = await inFirstBatch('bad2', 0);
  await deleteControllerRevision(checkout, '1');
  await touch(checkout);
  await checkout.until('it ends', () => checkout.story.at(-1) === 'RolledBack/RolledBack');
  assert.deepEqual(checkout.pods, { '1': 5 });
});

test('a stable pod that is not ready is not deleted when its revision is lost: it would come back updated', async () => {
  const checkout = await inFirstBatch('2');
  await deleteControllerRevision(checkout, '1');
  await touch(checkout);
  await checkout.until('it waits', () => checkout.story.at(-1) === 'Suspend/CannotMove');
  await checkout.degrade({ restartCount: 0, ready: false, version: '1' });
  await checkout.decide(1, 'Resume', 20_000);
  assert.equal(checkout.pods['1'], 4);
});

test('a StatefulSet at rest whose revision is deleted gets it back with the next write', async () => {
  const kind = kindNamed('StatefulSet');
  const checkout = await Checkout.start({ kind, policy: STATEFUL, replicas: 5 });
  await deleteControllerRevision(checkout, '1');
  await touch(checkout);
  await checkout.apply('2', 1000);
  await checkout.until('the first batch', () => checkout.pods['2'] === 1);
  await evictStable(checkout);
  assert.deepEqual(checkout.pods, { '1': 4, '2': 1 });
});
