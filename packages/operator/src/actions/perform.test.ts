// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { viewDeployment, type Goal, type ReplicaSet } from '@altershield/core';
import { KubeError, isConflict, type CachedClient } from '@altershield/kube';
import { WriteDeniedError, perform } from './perform.ts';

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
  spec: { replicas: 2, template: { is: 'bad' } },
};
const revision: ReplicaSet = {
  metadata: { name: 'web-1', uid: 'rs', labels: { 'pod-template-hash': 'h' } },
  spec: { replicas: 2, template: { is: 'bad' } },
  status: { readyReplicas: 2 },
};
const tools = {
  sign: () => 'sig',
  fingerprintOf: ({ is }: Readonly<Record<string, unknown>>) => String(is),
};
const { signal } = new AbortController();

const denying = (status: number, server: object): Pick<CachedClient, 'patch'> => ({
  patch: () => Promise.reject(new KubeError({ doing: 'PATCH', status, server })),
});

/** Marks the workload at rest: one write. */
const REST: Goal = { type: 'Rest', keepsHold: false, forgetsActor: false };

const act = (client: object, goal: Goal = REST) =>
  perform(
    goal,
    { deployment, view: viewDeployment(deployment, [revision], tools) },
    { client, tools } as unknown as Parameters<typeof perform>[2],
    signal,
  );

const failureOf = (client: object): Promise<unknown> =>
  act(client).catch((error: unknown) => error);

test('a patch whose test failed is a conflict: look again', async () => {
  assert.ok(isConflict(await failureOf(denying(422, { reason: 'Invalid', details: {} }))));
});

test('what the server denies for good is told in its own words', async () => {
  const details = { name: 'web', kind: 'Deployment' };
  for (const [status, reason] of [
    [422, 'Invalid'],
    [403, 'Forbidden'],
    [413, 'RequestEntityTooLarge'],
  ] as const) {
    const error = await failureOf(denying(status, { reason, details, message: 'not on Fridays' }));
    assert.ok(error instanceof WriteDeniedError, reason);
    assert.equal(error.why, 'not on Fridays');
  }
});

test('a namespace that ends and a server that is busy deny nothing for good', async () => {
  const causes = [{ reason: 'NamespaceTerminating' }];
  for (const [status, server] of [
    [403, { reason: 'Forbidden', details: { causes } }],
    [429, { reason: 'TooManyRequests' }],
    [500, { reason: 'InternalError' }],
  ] as const) {
    assert.ok(
      !((await failureOf(denying(status, server))) instanceof WriteDeniedError),
      `${status}`,
    );
  }
});

/** A client that keeps what it is sent, and answers as the server does that managers write to. */
function recording() {
  const sent: (readonly {
    readonly op: string;
    readonly path: string;
    readonly value?: unknown;
  }[])[] = [];
  const patch = (_r: unknown, _k: unknown, { ops }: { ops: (typeof sent)[number] }) => {
    sent.push(ops);
    const template =
      ops.find(({ path }) => path === '/spec/template')?.value ?? deployment.spec.template;
    const managedFields = [
      {
        manager: 'altershield',
        operation: 'Update',
        apiVersion: 'apps/v1',
        fieldsV1: { 'f:spec': { 'f:template': {} } },
      },
    ];
    const metadata = { ...deployment.metadata, resourceVersion: '2', managedFields };
    return Promise.resolve({ ...deployment, metadata, spec: { ...deployment.spec, template } });
  };
  return { sent, client: { patch } };
}

test('the write carries the uid and the generation that were looked at', async () => {
  const { sent, client } = recording();
  assert.equal(await act(client), 1);
  assert.deepEqual(sent.flat(), [
    { op: 'test', path: '/metadata/uid', value: 'u' },
    { op: 'test', path: '/metadata/generation', value: 3 },
    { op: 'add', path: '/metadata/annotations', value: { 'altershield.io/release': 'h//0/2' } },
  ]);
});

test('a rollback gives the fields of the template back in a second write, of metadata alone', async () => {
  const { sent, client } = recording();
  const key = JSON.stringify(['kubectl', 'Update', '', 'apps/v1']);
  const ownership = JSON.stringify({ managers: [{ key, template: { 'f:is': {} } }] });
  const template = { is: 'good' };
  const route = { from: 'good', to: 'bad' };
  const goal: Goal = {
    type: 'RollBack',
    ...route,
    template,
    ownership,
    isOwn: true,
    keepsHold: false,
  };
  assert.equal(await act(client, goal), 2);
  const [first = [], second = []] = sent;
  assert.ok(first.some(({ path, value }) => path === '/spec/template' && value === template));
  const written = second.filter(({ op }) => op !== 'test');
  assert.deepEqual(
    written.map(({ path }) => path),
    ['/metadata/managedFields/0', '/metadata/managedFields/-'],
  );
  assert.match(JSON.stringify(written), /"manager":"kubectl".*"f:is"/);
  assert.doesNotMatch(JSON.stringify(written), /"manager":"altershield"/);
});
