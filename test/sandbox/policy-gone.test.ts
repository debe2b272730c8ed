// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ANNOTATIONS } from '@altershield/api';
import type { ReplicaSet } from '@altershield/core';
import { Checkout } from '../support/checkout.ts';

const SLOW = { release: { soakSeconds: 60 } };
const POLICY = '/apis/altershield.io/v1alpha1/namespaces/shop/changepolicies/web';

/** Version 2 is held at its first pod when nothing governs it any more. */
async function aChangeWithoutPolicy(): Promise<Checkout> {
  const checkout = await Checkout.start({ policy: SLOW });
  await checkout.apply('2', 5000);
  await checkout.play(checkout.sandbox.call('DELETE', { path: POLICY }), 2000);
  assert.deepEqual([checkout.isHeld, checkout.pods['2']], [true, 1]);
  return checkout;
}

/** The annotation, wherever it is left. */
function marksLeft({ deployment, sandbox }: Checkout): string[] {
  const list = sandbox.server.store.list('replicasets.apps', 'shop') as unknown as ReplicaSet[];
  return [deployment, ...list].flatMap(
    ({ metadata }) => metadata.annotations?.[ANNOTATIONS.release] ?? [],
  );
}

test('a change continues by its policy when that is deleted, and the workload is free of annotations afterwards', async () => {
  const checkout = await aChangeWithoutPolicy();
  await checkout.scheduler.runFor(300_000);
  assert.deepEqual(checkout.story, ['Success/Verified']);
  assert.deepEqual([checkout.pods, marksLeft(checkout)], [{ '2': 10 }, []]);
});

test('a bad change whose policy is deleted is still rolled back', async () => {
  const checkout = await aChangeWithoutPolicy();
  await checkout.degrade({ restartCount: 9, version: '2' });
  await checkout.scheduler.runFor(60_000);
  assert.deepEqual(checkout.story, ['RolledBack/RolledBack']);
  assert.deepEqual([checkout.pods, marksLeft(checkout)], [{ '1': 10 }, []]);
});

test('a change to a workload that no policy matches any more rolls out natively', async () => {
  const checkout = await aChangeWithoutPolicy();
  await checkout.apply('3', 60_000);
  assert.deepEqual(checkout.history, ['2 Superseded Superseded']);
  assert.deepEqual([checkout.pods, marksLeft(checkout)], [{ '3': 10 }, []]);
});

test('a policy set to Audit removes the annotations at rest, and the next change needs no operator', async () => {
  const checkout = await Checkout.start({ policy: SLOW });
  assert.ok(marksLeft(checkout).length > 0);
  await checkout.govern({ mode: 'Audit' }, 5000);
  assert.deepEqual(marksLeft(checkout), []);
  checkout.killOperator();
  await checkout.apply('2', 60_000);
  assert.deepEqual(checkout.pods, { '2': 10 });
});

test('a write that also removes the policy’s label is released by that policy, and the workload is free of annotations afterwards', async () => {
  const target = { selector: { matchLabels: { tier: 'web' } } };
  for (const [version, end] of [
    ['2', 'Success/Verified'],
    ['bad-2', 'RolledBack/RolledBack'],
  ] as const) {
    const checkout = await Checkout.start({ policy: { ...SLOW, target } });
    const template = { spec: { containers: [{ name: 'app', image: `shop/checkout:${version}` }] } };
    const labels = { tier: 'frontend' };
    await checkout.patch({ metadata: { labels }, spec: { template } }, 1000);
    assert.equal(checkout.pods[version], 1, 'the first batch');
    await checkout.scheduler.runFor(400_000);
    assert.deepEqual([checkout.story, marksLeft(checkout)], [[end], []]);
  }
});
