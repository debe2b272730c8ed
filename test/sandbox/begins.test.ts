// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { deploymentManifest, policyManifest } from '../support/manifests.ts';
import { ALICE, OPERATOR_NAMESPACE } from '../support/simulation.ts';
import { Stage } from '../support/stage.ts';

const QUICK = { release: { batches: [1, '100%'], soakSeconds: 1 } };
const POLICY = '/apis/altershield.io/v1alpha1/namespaces/shop/changepolicies/web';

test('what changed while nothing governed it is no change, and what the next one goes back to', async () => {
  const stage = await Stage.set(QUICK);
  await stage.apply('2', 60_000);
  await stage.play(stage.sandbox.call('DELETE', { path: POLICY }), 1000);
  await stage.apply('3', 60_000);
  await stage.govern(QUICK, 60_000);
  assert.deepEqual(stage.story(), ['2 Success Verified']);
  await stage.apply('bad4', 60_000);
  assert.deepEqual(stage.story(), ['2 Success Verified', 'bad4 RolledBack RolledBack']);
  assert.deepEqual(stage.podTags(), ['3']);
});

test('a rollout under way when a policy begins to govern is held where it stands', async () => {
  const stage = await Stage.set(undefined);
  await stage.apply('bad2', 1500);
  await stage.govern(QUICK, 60_000);
  assert.deepEqual(stage.story(), ['bad2 RolledBack RolledBack']);
  assert.deepEqual(stage.podTags(), ['1']);
});

test('so is one whose workload gets the label that a policy selects', async () => {
  const stage = await Stage.set({ ...QUICK, target: { selector: { matchLabels: { on: 'yes' } } } });
  await stage.apply('bad2', 1500);
  const plain = deploymentManifest({ image: 'shop/checkout:bad2' });
  const labelled = { ...plain, metadata: { ...plain.metadata, labels: { on: 'yes' } } };
  await stage.play(stage.sandbox.apply(labelled, ALICE), 60_000);
  assert.deepEqual(stage.story(), ['bad2 RolledBack RolledBack']);
});

test('and one whose namespace gets it', async () => {
  const stage = await Stage.set(undefined);
  const target = { namespaceSelector: { matchLabels: { team: 'a' } } };
  const policy = policyManifest({ ...QUICK, target }, 'all', OPERATOR_NAMESPACE);
  await stage.play(stage.sandbox.apply(policy), 1000);
  await stage.apply('bad2', 1500);
  assert.deepEqual(stage.story(), []);
  const labels = { team: 'a', 'kubernetes.io/metadata.name': 'shop' };
  const body = { metadata: { labels } };
  const merge = { contentType: 'application/merge-patch+json' };
  const admin = stage.simulation.client();
  await stage.play(admin.raw('PATCH', '/api/v1/namespaces/shop', body, merge), 60_000);
  assert.deepEqual(stage.story(), ['bad2 RolledBack RolledBack']);
});
