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

test('a change goes on by the policy it began with, when that is deleted, and nothing caps the workload after it', async () => {
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

test('what is applied when nothing governs the workload any more rolls out natively', async () => {
  const checkout = await aChangeWithoutPolicy();
  await checkout.apply('3', 60_000);
  assert.deepEqual(checkout.history, ['2 Superseded Superseded']);
  assert.deepEqual([checkout.pods, marksLeft(checkout)], [{ '3': 10 }, []]);
});

test('a policy that goes over to Audit lets what is at rest go, and no operator has to be there for the next change', async () => {
  const checkout = await Checkout.start({ policy: SLOW });
  assert.ok(marksLeft(checkout).length > 0);
  await checkout.govern({ mode: 'Audit' }, 5000);
  assert.deepEqual(marksLeft(checkout), []);
  checkout.killOperator();
  await checkout.apply('2', 60_000);
  assert.deepEqual(checkout.pods, { '2': 10 });
});

test('a change that leaves its policy in its own write is judged by that policy, and nothing caps the workload after it', async () => {
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
