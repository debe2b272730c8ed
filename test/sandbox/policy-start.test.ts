// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { FaultPlan } from '@altershield/sandbox';
import { deploymentManifest, policyManifest } from '../support/manifests.ts';
import { ALICE, OPERATOR_NAMESPACE } from '../support/simulation.ts';
import { Checkout } from '../support/checkout.ts';

const QUICK = { release: { batches: [1, '100%'], soakSeconds: 1 } };
const POLICY = '/apis/altershield.io/v1alpha1/namespaces/shop/changepolicies/web';

test('a template that changed while no policy matched is recorded as PreExisting, observed only, and becomes the rollback target', async () => {
  const checkout = await Checkout.start({ policy: QUICK });
  await checkout.apply('2', 60_000);
  await checkout.play(checkout.sandbox.call('DELETE', { path: POLICY }), 1000);
  await checkout.apply('3', 700_000);
  await checkout.govern(QUICK, 60_000);
  const late = ['2 Success Verified', '3 Success Verified'];
  assert.deepEqual(checkout.history, late);
  assert.equal(checkout.changes[1]?.spec.operation, 'PreExisting');
  await checkout.apply('bad4', 60_000);
  assert.deepEqual(checkout.history, [...late, 'bad4 RolledBack RolledBack']);
  assert.deepEqual(Object.keys(checkout.pods).sort(), ['3']);
});

test('a rollout in progress is held where it stands when a policy starts to match its workload', async () => {
  const checkout = await Checkout.start();
  await checkout.apply('bad2', 1500);
  await checkout.govern(QUICK, 60_000);
  assert.deepEqual(checkout.history, ['bad2 RolledBack RolledBack']);
  assert.deepEqual(Object.keys(checkout.pods).sort(), ['1']);
});

test('a rollout in progress is held when its workload gets the label that a policy selects', async () => {
  const checkout = await Checkout.start({
    policy: { ...QUICK, target: { selector: { matchLabels: { on: 'yes' } } } },
  });
  await checkout.apply('bad2', 1500);
  const plain = deploymentManifest({ image: 'shop/checkout:bad2' });
  const labeled = { ...plain, metadata: { ...plain.metadata, labels: { on: 'yes' } } };
  await checkout.play(checkout.sandbox.apply(labeled, ALICE), 60_000);
  assert.deepEqual(checkout.history, ['bad2 RolledBack RolledBack']);
});

test('a rollout in progress is held when its namespace gets the label that a policy selects', async () => {
  const checkout = await Checkout.start();
  const target = { namespaceSelector: { matchLabels: { team: 'a' } } };
  const policy = policyManifest({ ...QUICK, target }, 'all', OPERATOR_NAMESPACE);
  await checkout.play(checkout.sandbox.apply(policy), 1000);
  await checkout.apply('bad2', 1500);
  assert.deepEqual(checkout.history, []);
  const labels = { team: 'a', 'kubernetes.io/metadata.name': 'shop' };
  const body = { metadata: { labels } };
  const merge = { contentType: 'application/merge-patch+json' };
  const admin = checkout.simulation.client();
  await checkout.play(admin.raw('PATCH', '/api/v1/namespaces/shop', body, merge), 60_000);
  assert.deepEqual(checkout.history, ['bad2 RolledBack RolledBack']);
});

test('no decision is taken before all caches are synced', async () => {
  let slow = false;
  const beforeCall: FaultPlan['beforeCall'] = ({ path, isWatch }) =>
    slow && !isWatch && path.includes('/replicasets') ? { kind: 'delay', ms: 3000 } : undefined;
  const checkout = await Checkout.start({ policy: {}, faults: { beforeCall } });
  slow = true;
  await checkout.applyUnseen('slow2');
  const [change] = checkout.changes;
  assert.equal(change?.spec.operation, 'Update');
  assert.deepEqual(change.spec.from?.images, ['shop/checkout:1']);
  assert.equal(change.spec.from.verified, true);
});
