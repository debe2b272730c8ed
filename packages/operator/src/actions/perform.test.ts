// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { adapterNamed, viewDeployment, type Goal, type ReplicaSet } from '@altershield/core';
import {
  KubeError,
  isConflict,
  realScheduler,
  silentLogger,
  type WriteThroughClient,
} from '@altershield/kube';
import type { WorkloadKubeObject } from '../objects.ts';
import { WriteDeniedError, perform } from './perform.ts';

const adapter = adapterNamed('deploy') ?? assert.fail();

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
const signing = {
  sign: () => 'sig',
  fingerprintOf: ({ is }: Readonly<Record<string, unknown>>) => String(is),
};
const { signal } = new AbortController();

const denying = (status: number, server: object): Pick<WriteThroughClient, 'patch'> => ({
  patch: () => Promise.reject(new KubeError({ doing: 'PATCH', status, server })),
});

/** Marks the workload at rest: one write. */
const REST: Goal = { type: 'Rest', keepsHold: false, forgetsActor: false };

const act = (client: object, goal: Goal = REST, on = deployment) =>
  perform(
    goal,
    {
      kind: { adapter },
      object: on as unknown as WorkloadKubeObject,
      view: viewDeployment(on, [revision], signing),
    },
    { client, signing, scheduler: realScheduler, log: silentLogger } as unknown as Parameters<
      typeof perform
    >[2],
    signal,
  );

const failureOf = (client: object): Promise<unknown> =>
  act(client).catch((error: unknown) => error);

test('a patch with a failed test is a conflict', async () => {
  assert.ok(isConflict(await failureOf(denying(422, { reason: 'Invalid', details: {} }))));
});

test('a permanent denial carries the message of the server', async () => {
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

type Answer = (signal: AbortSignal) => Promise<never>;

/** A client that keeps what it is sent, of a server on which the operator owns the verified template. */
function recording(toStatus?: Answer) {
  const sent: (readonly {
    readonly op: string;
    readonly path: string;
    readonly value?: unknown;
  }[])[] = [];
  const patch = (
    _r: unknown,
    _k: unknown,
    { ops }: { ops: (typeof sent)[number] },
    options: { readonly subresource?: string; readonly signal: AbortSignal },
  ) => {
    if (options.subresource === 'status' && toStatus) return toStatus(options.signal);
    sent.push(ops);
    return Promise.resolve(deployment);
  };
  const fieldsV1 = { 'f:spec': { 'f:template': {} } };
  const own = { manager: 'altershield', operation: 'Update', apiVersion: 'apps/v1', fieldsV1 };
  const metadata = { ...deployment.metadata, managedFields: [own] };
  const get = () =>
    Promise.resolve({ ...deployment, metadata, spec: { template: { is: 'good' } } });
  return { sent, client: { patch, get } };
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

const kubectl = JSON.stringify(['kubectl', 'Update', '', 'apps/v1']);
const ROLLBACK: Goal = {
  ...{ type: 'RollBack', from: 'good', to: 'bad', template: { is: 'good' } },
  ownership: JSON.stringify({ managers: [{ key: kubectl, template: { 'f:is': {} } }] }),
  ...{ isOwn: true, keepsHold: false },
};

/** The Deployment with the verified template, as the cache has it. */
const restored = (observedGeneration: number) => ({
  ...deployment,
  spec: { ...deployment.spec, template: { is: 'good' } },
  ownership: JSON.stringify({ managers: [] }),
  status: { observedGeneration },
});

test('a rollback gives the fields of the template back in a write of its own, of metadata alone', async () => {
  const { sent, client } = recording();
  assert.equal(await act(client, ROLLBACK, restored(3)), 1);
  const written = sent.flat().filter(({ op }) => op !== 'test');
  assert.deepEqual(
    written.map(({ path }) => path),
    ['/metadata/managedFields/0', '/metadata/managedFields/-'],
  );
  assert.match(JSON.stringify(written), /"manager":"kubectl".*"f:is"/);
  assert.doesNotMatch(JSON.stringify(written), /"manager":"altershield"/);
});

test('field managers are restored only after the controller has observed the template', async () => {
  const { sent, client } = recording();
  assert.equal(await act(client, ROLLBACK), 1, 'the template alone');
  assert.equal(await act(client, ROLLBACK, restored(2)), 0);
  assert.doesNotMatch(JSON.stringify(sent), /managedFields/);
});

test('a rollback goes on when the failure of the rollout cannot be told', async () => {
  const conditions = [{ type: 'Progressing', status: 'True' }];
  const rollingOut = { ...deployment, status: { conditions } };
  const goal: Goal = { ...ROLLBACK, failure: { since: '', message: '' } };
  for (const status of [403, 409, 500, undefined]) {
    const { sent, client } = recording((signal) =>
      status === undefined
        ? unanswered(signal)
        : Promise.reject(new KubeError({ doing: 'PATCH', status })),
    );
    await act(client, goal, rollingOut);
    assert.ok(
      sent.flat().some(({ path }) => path === '/spec/template'),
      `${status}`,
    );
  }
});

const unanswered = (signal: AbortSignal): Promise<never> =>
  new Promise((_, reject) => {
    signal.addEventListener('abort', () => {
      reject(signal.reason as Error);
    });
  });
