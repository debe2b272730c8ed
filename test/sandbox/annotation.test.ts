// SPDX-License-Identifier: Apache-2.0
// What users and tools do to the annotation that says which revision may have how many pods.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Checkout } from '../support/checkout.ts';

const POLICY = { release: { batches: [1, '100%'], soakSeconds: 30 } };
const HOUR_MS = 3_600_000;

const EDITS = [
  ['is removed', null],
  ['is emptied', ''],
  ['is garbled', 'abc'],
  ['loses a part', 'v1/v2/3'],
] as const;

for (const [what, value] of EDITS) {
  for (const version of ['2', 'bad-2']) {
    test(`no pod is released when the annotation ${what} while no operator runs, and the next operator repairs it (${version})`, async () => {
      const checkout = await Checkout.start({ policy: POLICY });
      await checkout.apply(version, 100);
      await checkout.until('the first batch', () => checkout.pods[version] === 1);
      checkout.killOperator();
      let most = 0;
      checkout.sandbox.onPod(() => (most = Math.max(most, checkout.pods[version] ?? 0)));
      await checkout.editRelease(value, HOUR_MS);
      await checkout.patch({ spec: { replicas: 12 } }, HOUR_MS);
      assert.equal(most, 1);
      await checkout.startOperator();
      await checkout.scheduler.runFor(200_000);
      const isGood = version === '2';
      assert.deepEqual(checkout.story, [isGood ? 'Success/Verified' : 'RolledBack/RolledBack']);
      assert.deepEqual(checkout.pods, { [isGood ? '2' : '1']: 12 });
      assert.match(checkout.release ?? '', /^[a-z0-9]+\/\/0\/1[02]$/);
    });
  }
}

test('a user’s edits of the annotation have no effect while an operator runs', async () => {
  const checkout = await Checkout.start({ policy: POLICY });
  for (const version of ['1', '2']) {
    if (version === '2') await checkout.apply(version, 10_000);
    const { release = '' } = checkout;
    const more = release.replace(/\d+\/10$/, '10/10');
    for (const value of [null, '', 'abc', more]) {
      await checkout.editRelease(value, 100);
      assert.equal(checkout.release, release);
    }
  }
  assert.equal(checkout.pods['2'], 1);
});

test('at rest, an annotation that was broken while no operator ran is repaired before the next change', async () => {
  for (const [, value] of EDITS) {
    const checkout = await Checkout.start({ policy: POLICY });
    const { release } = checkout;
    checkout.killOperator();
    await checkout.editRelease(value, 1000);
    await checkout.startOperator();
    assert.equal(checkout.release, release);
  }
});

test('a malformed annotation never prevents a scale-down', async () => {
  const checkout = await Checkout.start({ policy: POLICY });
  checkout.killOperator();
  await checkout.editRelease('abc', 1000);
  await checkout.patch({ spec: { replicas: 4 } }, 10_000);
  assert.deepEqual(checkout.pods, { '1': 4 });
});

test('a ReplicaSet whose annotation is removed gets it back before it can grow', async () => {
  const checkout = await Checkout.start({ policy: POLICY });
  await checkout.apply('2', 10_000);
  const name = checkout.sandbox
    .pods({ namespace: 'shop' })
    .find(({ spec }) => JSON.stringify(spec).includes('checkout:2'))?.metadata
    .ownerReferences?.[0]?.name;
  const path = `/apis/apps/v1/namespaces/shop/replicasets/${name ?? ''}`;
  const body = { metadata: { annotations: { 'altershield.io/release': null } } };
  let most = 0;
  checkout.sandbox.onPod(() => (most = Math.max(most, checkout.pods['2'] ?? 0)));
  await checkout.play(checkout.sandbox.call('PATCH', { path, body }), 5000);
  await checkout.patch({ spec: { replicas: 11 } }, 5000);
  assert.ok(most <= 1, `${most} pods`);
});
