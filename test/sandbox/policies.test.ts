// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { ChangePolicy } from '@altershield/api';
import { deploymentManifest, policyManifest } from '../support/manifests.ts';
import { Stage } from '../support/stage.ts';

function said(stage: Stage, name: string, namespace = 'shop'): string {
  const policy: unknown = stage.sandbox.get('changepolicies.altershield.io', namespace, name);
  const { status } = policy as ChangePolicy;
  assert.ok(status?.conditions !== undefined);
  return status.conditions
    .map((ready) => `${status.governed ?? ''} ${ready.status} ${ready.reason}: ${ready.message}`)
    .join();
}

test('a policy of an exempt namespace says that it governs nothing there, and who would', async () => {
  const stage = await Stage.set(undefined);
  const manifest = policyManifest({ failurePolicy: 'Fail' }, 'dns', 'kube-system');
  await stage.play(stage.sandbox.apply(manifest), 1000);
  assert.match(
    said(stage, 'dns', 'kube-system'),
    /^0 False Exempt: namespace kube-system is exempt/,
  );
});

test('a policy that governs nothing says why', async () => {
  const stage = await Stage.set({});
  assert.equal(said(stage, 'web'), '1 True Valid: the policy governs');
  const target = { selector: { matchLabels: { tier: 'db' } } };
  await stage.play(stage.sandbox.apply(policyManifest({ target }, 'db')), 1000);
  assert.match(said(stage, 'db'), /^0 True GovernsNothing: .*its selector does not match \(1 Dep/);
  await stage.play(stage.sandbox.apply(policyManifest({}, 'zoo')), 1000);
  assert.match(said(stage, 'zoo'), /^0 True GovernsNothing: .*policy shop\/web comes first/);
});

test('how much a policy governs follows workloads, labels and other policies', async () => {
  const stage = await Stage.set({});
  const { sandbox } = stage;
  const other = deploymentManifest({ name: 'cart', image: 'shop/cart:1', replicas: 1 });
  await stage.play(sandbox.apply(other), 2000);
  assert.match(said(stage, 'web'), /^2 True Valid/);
  const target = { selector: { matchLabels: { tier: 'db' } } };
  await stage.play(sandbox.apply(policyManifest({ target }, 'db')), 2000);
  const relabelled = { ...other, metadata: { ...other.metadata, labels: { tier: 'db' } } };
  await stage.play(sandbox.apply(relabelled), 2000);
  assert.match(said(stage, 'web'), /^1 True Valid/);
  assert.match(said(stage, 'db'), /^1 True Valid/);
  const path = '/apis/altershield.io/v1alpha1/namespaces/shop/changepolicies/db';
  await stage.play(sandbox.call('DELETE', { path }), 2000);
  assert.match(said(stage, 'web'), /^2 True Valid/);
  for (const name of ['cart', 'checkout']) {
    const gone = `/apis/apps/v1/namespaces/shop/deployments/${name}`;
    await stage.play(sandbox.call('DELETE', { path: gone }), 2000);
  }
  assert.match(said(stage, 'web'), /^0 True GovernsNothing: .*there is no Deployment in its reach/);
});
