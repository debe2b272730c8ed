// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ADAPTERS } from '@altershield/core';
import type { Client, Logger } from '@altershield/kube';
import { PreflightError, permittedKinds } from './preflight.ts';

/** An operator without the permissions for these resources. */
async function kindsWithout(...denied: readonly string[]) {
  const warnings: unknown[] = [];
  const client = {
    raw: (_method: string, path: string, body: { spec: { resourceAttributes?: object } }) => {
      if (path.includes('selfsubjectreviews')) {
        return Promise.resolve({ status: { userInfo: { username: 'operator' } } });
      }
      const { resource } = { resource: '', ...body.spec.resourceAttributes };
      return Promise.resolve({ status: { allowed: !denied.includes(resource) } });
    },
  } as unknown as Client;
  const log = { warn: (_: string, fields: object) => warnings.push(fields) } as unknown as Logger;
  const adapters = await permittedKinds(client, { namespace: 'ours', log });
  return { kinds: adapters.map(({ descriptor }) => descriptor.resource.kind), warnings };
}

test('every kind is followed when nothing is missing', async () => {
  const kinds = ADAPTERS.map(({ descriptor }) => descriptor.resource.kind);
  assert.deepEqual(await kindsWithout(), { kinds, warnings: [] });
});

test('a kind without permissions stops no other, and the log names what is missing', async () => {
  const { kinds, warnings } = await kindsWithout('controllerrevisions');
  assert.ok(kinds.includes('Deployment'));
  assert.ok(!kinds.includes('StatefulSet'));
  assert.match(
    JSON.stringify(warnings),
    /StatefulSet.*controllerrevisions\.apps \(list, watch\).*altershield install/,
  );
});

test('a kind is followed without what it can do without', async () => {
  const { kinds, warnings } = await kindsWithout('httproutes');
  assert.ok(kinds.includes('Deployment'));
  assert.match(
    JSON.stringify(warnings),
    /Deployment.*httproutes\.gateway\.networking\.k8s\.io \(list, watch, patch\)/,
  );
});

test('an operator that may follow no kind at all does not start', async () => {
  await assert.rejects(kindsWithout('pods'), PreflightError);
});
