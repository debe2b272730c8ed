// SPDX-License-Identifier: Apache-2.0
// `kubectl delete rs` of the verified revision, whose pods go with it, while a change is in flight.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Checkout } from '../support/checkout.ts';

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
