// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { KubeError } from '@altershield/kube';
import type { ChangePodObject, ChangeObject } from '../objects.ts';
import { record } from './record.ts';

const metadata = { name: 'c', namespace: 'shop', uid: 'u', resourceVersion: '7', generation: 2 };
const detectedAt = '2026-01-01T00:00:00Z';
const status = { phase: 'Init', reason: 'AwaitingRelease', message: '', verdict: 'None' } as const;
const change = {
  metadata,
  spec: { target: { kind: 'Deployment', name: 'web', uid: 'd' }, detectedAt },
  status,
} as unknown as ChangeObject;

const spec = {
  batch: 1,
  total: 3,
  targetUnits: 1,
  previous: 0,
  releasedAt: '2026-01-01T00:00:00Z',
};
const pods = { updated: 1, ready: 1, unhealthy: 0, stable: 9, stableReady: 9 };
const judgedAt = '2026-01-01T00:01:00Z';
const judged = { phase: 'ExecuteDone', verdict: 'Pass', pods, checks: [], judgedAt } as const;
const conditions = (lastTransitionTime: string) =>
  ['Completed', 'Passed'].map((type) => ({
    ...{ type, status: 'True', reason: 'Pass', message: '', lastTransitionTime },
  }));
const aBatch = (more: object = {}) =>
  ({
    metadata: { name: 'c-b1', namespace: 'shop', uid: 'b', resourceVersion: '3' },
    spec,
    ...more,
  }) as unknown as ChangePodObject;

type Sent = readonly [verb: string, name: string, body: object];
type RecordDeps = Parameters<typeof record>[2];

/** Writes down what a decision makes of a server that has this batch; `isBehind`: the cache has not. */
async function recorded(
  decision: object,
  {
    known,
    isBehind = false,
  }: { readonly known?: ChangePodObject; readonly isBehind?: boolean } = {},
): Promise<Sent[]> {
  const sent: Sent[] = [];
  const exists = new KubeError({
    doing: 'create it',
    status: 409,
    server: { reason: 'AlreadyExists' },
  });
  const client = {
    create: (_: unknown, __: string, body: { metadata: { name: string } }) => {
      sent.push(['create', body.metadata.name, body]);
      return isBehind ? Promise.reject(exists) : Promise.resolve(aBatch());
    },
    get: () => Promise.resolve(known),
    patch: (...[, key, { body }, { subresource }]: Patch) => {
      sent.push([`patch ${subresource}`, key.name, body]);
      return Promise.resolve();
    },
  };
  const deps = { client, caches: { batches: { get: () => (isBehind ? undefined : known) } } };
  const { signal } = new AbortController();
  await record(change, { status, ...decision }, deps as unknown as RecordDeps, signal);
  return sent;
}

type Patch = [
  resource: unknown,
  key: { readonly name: string },
  patch: { readonly body: object },
  options: { readonly subresource: string },
];

test('a status write has the version that was read, the fields that differ, and the conditions', async () => {
  const next = { ...status, phase: 'Running', reason: 'BatchReleasing' };
  const shared = {
    reason: 'InProgress',
    message: '',
    lastTransitionTime: detectedAt,
    observedGeneration: 2,
  };
  assert.deepEqual(await recorded({ status: next }), [
    [
      'patch status',
      'c',
      {
        metadata: { uid: 'u', resourceVersion: '7' },
        status: {
          phase: 'Running',
          reason: 'BatchReleasing',
          observedGeneration: 2,
          conditions: [
            { type: 'Completed', status: 'False', ...shared },
            { type: 'Succeeded', status: 'Unknown', ...shared },
          ],
        },
      },
    ],
  ]);
});

test('an unchanged status is not written again', async () => {
  const known = aBatch({ status: judged });
  assert.deepEqual(await recorded({}), []);
  assert.deepEqual(await recorded({ batch: { index: 1, spec, status: judged } }, { known }), []);
});

test('a batch is named after its change, and is deleted with it', async () => {
  const [[verb, name, body] = []] = await recorded({ batch: { index: 1, spec } });
  assert.deepEqual([verb, name], ['create', 'c-b1']);
  const { metadata: made, spec: written } = body as ChangePodObject;
  const [owner] = made.ownerReferences ?? [];
  assert.deepEqual([owner?.kind, owner?.uid, owner?.controller], ['ChangeWorkload', 'u', true]);
  assert.deepEqual(
    [written.change, written.releasedAt],
    [{ name: 'c', uid: 'u' }, spec.releasedAt],
  );
});

test('a verdict is written to the version of the batch that was read or created', async () => {
  const batch = { index: 1, spec, status: judged };
  const verdict = [
    'patch status',
    'c-b1',
    {
      metadata: { uid: 'b', resourceVersion: '3' },
      status: { ...judged, conditions: conditions(judgedAt) },
    },
  ] as const;
  assert.deepEqual(await recorded({ batch }, { known: aBatch() }), [verdict]);
  assert.deepEqual((await recorded({ batch })).slice(1), [verdict]);
});

test('a second verdict replaces the first with its pods; a new time alone is not written', async () => {
  const known = aBatch({ status: judged });
  const again = { ...judged, judgedAt: '2026-01-01T00:02:00Z' };
  assert.deepEqual(await recorded({ batch: { index: 1, spec, status: again } }, { known }), []);
  const worse = { ...again, pods: { ...pods, unhealthy: 1 } };
  const [[, , body] = []] = await recorded({ batch: { index: 1, spec, status: worse } }, { known });
  assert.deepEqual(body && 'status' in body && body.status, {
    pods: { unhealthy: 1 },
    judgedAt: again.judgedAt,
    conditions: conditions(again.judgedAt),
  });
});

test('a batch that is not in the cache yet gets its verdict', async () => {
  const batch = { index: 1, spec, status: judged };
  const sent = await recorded({ batch }, { known: aBatch(), isBehind: true });
  assert.deepEqual(
    sent.map(([verb]) => verb),
    ['create', 'patch status'],
  );
});
