// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { KubeError, isConflict, isInvalid, type CachedClient } from '@altershield/kube';
import { perform } from './perform.ts';

const deployment = {
  apiVersion: 'apps/v1',
  kind: 'Deployment',
  metadata: {
    name: 'web',
    namespace: 'shop',
    uid: 'u',
    resourceVersion: '1',
    generation: 3,
    creationTimestamp: '',
  },
  spec: { replicas: 2, template: {} },
};
const tools = { sign: () => 'sig', fingerprintOf: () => 'fp' };
const { signal } = new AbortController();

const refusing = (server: object): Pick<CachedClient, 'patch'> => ({
  patch: () => Promise.reject(new KubeError({ doing: 'PATCH', status: 422, server })),
});

const act = (client: object) =>
  perform(
    { type: 'TakeOver', id: 'i', from: 'a', to: 'b', pods: 1 },
    deployment,
    { client, tools } as unknown as Parameters<typeof perform>[2],
    signal,
  );

test('a patch whose test failed is a conflict: look again', async () => {
  const error: unknown = await act(refusing({ reason: 'Invalid', details: {} })).catch(
    (e: unknown) => e,
  );
  assert.ok(isConflict(error));
});

test('an object that the server calls invalid is no conflict', async () => {
  const details = { name: 'web', kind: 'Deployment' };
  const error: unknown = await act(refusing({ reason: 'Invalid', details })).catch(
    (e: unknown) => e,
  );
  assert.ok(isInvalid(error));
});

test('the write carries the uid and the generation that were looked at', async () => {
  const sent: unknown[] = [];
  const client = {
    patch: (_r: unknown, _k: unknown, patch: { ops: unknown[] }) => {
      sent.push(...patch.ops.slice(0, 2));
      return Promise.resolve(deployment);
    },
  };
  assert.equal(await act(client), 1);
  assert.deepEqual(sent, [
    { op: 'test', path: '/metadata/uid', value: 'u' },
    { op: 'test', path: '/metadata/generation', value: 3 },
  ]);
});
