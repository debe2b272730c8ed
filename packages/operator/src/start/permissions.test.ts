// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ADAPTERS, OPERATOR_RULES, OWN_NAMESPACE_RULES } from '@altershield/core';
import { KubeError } from '@altershield/kube';
import { missingForKind, missingPermissions } from './permissions.ts';

interface Review {
  readonly spec: { readonly resourceAttributes: Readonly<Record<string, string>> };
}

const answering = (allows: (right: Readonly<Record<string, string>>) => boolean) => ({
  raw: (_method: string, _path: string, body?: unknown): Promise<unknown> => {
    const { spec } = body as Review;
    return Promise.resolve({ status: { allowed: allows(spec.resourceAttributes) } });
  },
});

test('names each permission that is missing, and none that is there', async () => {
  assert.deepEqual(
    await missingPermissions(
      answering(() => true),
      'ours',
    ),
    [],
  );
  const client = answering(
    ({ verb, resource, namespace }) =>
      !(verb === 'list' && resource === 'namespaces') &&
      !(verb === 'patch' && resource === 'deployments') &&
      !(verb === 'create' && resource === 'leases' && namespace === 'ours'),
  );
  assert.deepEqual(await missingPermissions(client, 'ours'), [
    'namespaces (list)',
    'leases.coordination.k8s.io in ours (create)',
  ]);
  const [deployment] = ADAPTERS;
  assert.ok(deployment);
  assert.deepEqual(await missingForKind(client, deployment), {
    needed: ['deployments.apps (patch)', 'deployments.apps/status (patch)'],
    optional: [],
  });
});

test('preflight asks for every verb of the installed roles, by name and namespace where the role has them', async () => {
  const asked: string[] = [];
  const client = answering(({ verb, group, resource, subresource, namespace, name }) => {
    asked.push([verb, group, resource, subresource, namespace, name].join(' '));
    return true;
  });
  await missingPermissions(client, 'ours');
  for (const adapter of ADAPTERS) await missingForKind(client, adapter);
  const verbs = [...OPERATOR_RULES, ...OWN_NAMESPACE_RULES].flatMap((rule) =>
    rule.resources.flatMap(() => (rule.resourceNames ?? ['any']).flatMap(() => rule.verbs)),
  );
  assert.equal(new Set(asked).size, verbs.length);
  assert.ok(asked.includes('patch altershield.io changeworkloads status  '));
  assert.ok(asked.includes('get  secrets  ours altershield-seal'));
  assert.ok(
    asked.includes(
      'watch admissionregistration.k8s.io mutatingwebhookconfigurations   altershield',
    ),
  );
});

test('an API server that can’t be asked is not blamed; one that is away is', async () => {
  const failing = (status: number) => ({
    raw: () => Promise.reject(new KubeError({ doing: 'ask', status, cause: new Error('no') })),
  });
  assert.deepEqual(await missingPermissions(failing(404), 'ours'), []);
  await assert.rejects(missingPermissions(failing(503), 'ours'));
});
