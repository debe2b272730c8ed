// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { ChangePolicy } from '@altershield/api';
import { deploymentManifest, policyManifest } from '../support/manifests.ts';
import { Checkout } from '../support/checkout.ts';

function said(checkout: Checkout, name: string, namespace = 'shop'): string {
  const policy: unknown = checkout.sandbox.get('changepolicies.altershield.io', namespace, name);
  const { metadata, status } = policy as ChangePolicy;
  assert.ok(status?.conditions !== undefined);
  assert.equal(status.observedGeneration, metadata.generation);
  return status.conditions
    .map(
      (ready) =>
        `${status.matchedWorkloads ?? ''} ${ready.status} ${ready.reason}: ${ready.message}`,
    )
    .join();
}

test('a policy in an exempt namespace matches nothing and reports that the namespace is exempt', async () => {
  const checkout = await Checkout.start();
  const manifest = policyManifest({ failurePolicy: 'Fail' }, 'dns', 'kube-system');
  await checkout.play(checkout.sandbox.apply(manifest), 1000);
  assert.match(
    said(checkout, 'dns', 'kube-system'),
    /^0 False Exempt: namespace kube-system is exempt/,
  );
});

test('a policy that matches no workload reports why', async () => {
  const checkout = await Checkout.start({ policy: {} });
  assert.equal(
    said(checkout, 'web'),
    '1 True Valid: the policy matches 1 workload; changes of Deployments in flight are held by a webhook that fails closed',
  );
  const target = { selector: { matchLabels: { tier: 'db' } } };
  await checkout.play(checkout.sandbox.apply(policyManifest({ target }, 'db')), 1000);
  assert.match(
    said(checkout, 'db'),
    /^0 True NoMatchingWorkloads: .*its selector does not match \(1 workload/,
  );
  await checkout.play(checkout.sandbox.apply(policyManifest({}, 'zoo')), 1000);
  assert.match(
    said(checkout, 'zoo'),
    /^0 True NoMatchingWorkloads: .*policy shop\/web comes first/,
  );
  const kinds = { kinds: ['StatefulSet', 'Widget.example.com'] };
  await checkout.play(checkout.sandbox.apply(policyManifest({ target: kinds }, 'widgets')), 1000);
  assert.match(
    said(checkout, 'widgets'),
    /^0 True NoMatchingWorkloads: .*does not match kind Deployment \(1 workload\); not followed: Widget\.example\.com \(/,
  );
});

test('an invalid policy created while no webhook ran matches nothing and reports its errors', async () => {
  const checkout = await Checkout.start();
  checkout.killOperator();
  const target = { namespaceSelector: { matchLabels: { team: 'web' } } };
  await checkout.govern({ target });
  await checkout.startOperator();
  assert.match(
    said(checkout, 'web'),
    /^0 False Invalid: spec\.target\.namespaceSelector: only policies in namespace altershield-system/,
  );
  await checkout.apply('2', 30_000);
  assert.deepEqual(checkout.story, []);
  await checkout.govern({});
  assert.match(said(checkout, 'web'), /^1 True Valid/);
});

test('matchedWorkloads follows workloads, labels and other policies', async () => {
  const checkout = await Checkout.start({ policy: {} });
  const { sandbox } = checkout;
  const other = deploymentManifest({ name: 'cart', image: 'shop/cart:1', replicas: 1 });
  await checkout.play(sandbox.apply(other), 2000);
  assert.match(said(checkout, 'web'), /^2 True Valid/);
  const target = { selector: { matchLabels: { tier: 'db' } } };
  await checkout.play(sandbox.apply(policyManifest({ target }, 'db')), 2000);
  const relabeled = { ...other, metadata: { ...other.metadata, labels: { tier: 'db' } } };
  await checkout.play(sandbox.apply(relabeled), 2000);
  assert.match(said(checkout, 'web'), /^1 True Valid/);
  assert.match(said(checkout, 'db'), /^1 True Valid/);
  const path = '/apis/altershield.io/v1alpha1/namespaces/shop/changepolicies/db';
  await checkout.play(sandbox.call('DELETE', { path }), 2000);
  assert.match(said(checkout, 'web'), /^2 True Valid/);
  for (const name of ['cart', 'checkout']) {
    const gone = `/apis/apps/v1/namespaces/shop/deployments/${name}`;
    await checkout.play(sandbox.call('DELETE', { path: gone }), 2000);
  }
  assert.match(
    said(checkout, 'web'),
    /^0 True NoMatchingWorkloads: .*there is no workload in its namespaces/,
  );
});
