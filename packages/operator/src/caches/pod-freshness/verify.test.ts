// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { ListOptions } from '@altershield/kube';
import type { PodObject } from '../../objects.ts';
import type { Workload } from '../../kinds/followed-kind.ts';
import { verifyPodCache } from './verify.ts';

const NOW = 1_000_000;
const { signal } = new AbortController();

const RESOURCE = { kind: 'Deployment' };
const REPLICA_SETS = { kind: 'ReplicaSet' };

const deployment = {
  metadata: { namespace: 'shop', name: 'checkout', uid: 'd', resourceVersion: '5' },
  spec: { selector: { matchLabels: { app: 'checkout' } } },
};

const older = (object: { readonly metadata: object }) => ({
  ...object,
  metadata: { ...object.metadata, resourceVersion: '4' },
});

const replicaSet = {
  metadata: {
    ...{ namespace: 'shop', name: 'rs-1', uid: 'rs-1', resourceVersion: '5' },
    ownerReferences: [{ uid: 'd' }],
  },
};

/** Its node is lost: it leaves, and does not go. */
const stuck = (name: string, owner: string): PodObject => {
  const { metadata, ...rest } = pod(name, '6', owner);
  return { ...rest, metadata: { ...metadata, deletionTimestamp: '2026-01-01T00:00:00Z' } };
};

const pod = (name: string, resourceVersion = '5', owner = 'rs-1', kind = 'ReplicaSet'): PodObject =>
  ({
    metadata: {
      ...{ namespace: 'shop', name, uid: name, resourceVersion },
      ownerReferences: [{ kind, name: owner, uid: owner, controller: true }],
    },
  }) as unknown as PodObject;

interface Scene {
  readonly ours: readonly PodObject[];
  readonly theirs: readonly PodObject[];
  /** Seconds since the watches said anything. */
  readonly silentFor?: number;
  /** What the caches have, where it is not what the server has. */
  readonly workloadCopy?: object;
  readonly replicaSetCopy?: object;
}

async function ask({ ours, theirs, silentFor = 0, ...copies }: Scene) {
  const { workloadCopy = deployment, replicaSetCopy = replicaSet } = copies;
  const asked: (ListOptions | undefined)[] = [];
  const reopened: string[] = [];
  const informer = (name: string) => ({
    currentAsOf: NOW - silentFor * 1000,
    restartWatch: () => reopened.push(name),
  });
  const caches = {
    pods: {
      ...informer('pods'),
      get: ({ name }: { name: string }) => ours.find((p) => p.metadata.name === name),
      byIndex: (_: string, uid: string) =>
        ours.filter((p) => p.metadata.ownerReferences?.[0]?.uid === uid),
    },
  };
  const replicaSets = {
    ...informer('replicaSets'),
    resource: REPLICA_SETS,
    get: ({ name }: { name: string }) => ({ 'rs-of-another': {}, 'rs-1': replicaSetCopy })[name],
  };
  const objects = { ...informer('deployments'), resource: RESOURCE, get: () => workloadCopy };
  const kind = {
    objects,
    ownedInformers: [replicaSets],
    restartSilentWatches: () => {
      if (silentFor > 5) reopened.push('silent');
    },
    podOwners: { kind: 'ReplicaSet', informer: replicaSets },
    podOwnerUids: () => new Set(['rs-1', 'rs-2']),
  };
  const workload = { kind, object: deployment } as unknown as Workload;
  const client = {
    get: () => Promise.resolve(deployment),
    list: (resource: unknown, options?: ListOptions) => {
      if (resource === REPLICA_SETS)
        return Promise.resolve({ items: [replicaSet], resourceVersion: '9' });
      asked.push(options);
      const half = Math.ceil(theirs.length / 2);
      const isFirst = options?.continue === '';
      const items = isFirst ? theirs.slice(0, half) : theirs.slice(half);
      return Promise.resolve({ items, resourceVersion: '9', ...(isFirst && { continue: 'more' }) });
    },
  };
  const deps = { client, caches, scheduler: { now: () => NOW } } as unknown as Parameters<
    typeof verifyPodCache
  >[1];
  return { currentAsOf: await verifyPodCache(workload, deps, signal), asked, reopened };
}

test('our copy is complete up to now when the server has nothing else', async () => {
  const ours = [pod('a'), pod('b', '7', 'rs-2')];
  const { currentAsOf, asked, reopened } = await ask({ ours, theirs: ours, silentFor: 60 });
  assert.equal(currentAsOf, NOW);
  assert.deepEqual(reopened, []);
  assert.deepEqual(
    asked.map((o) => [o?.namespace, o?.labelSelector, o?.continue]),
    [
      ['shop', 'app=checkout', ''],
      ['shop', 'app=checkout', 'more'],
    ],
  );
});

const cases: readonly (readonly [string, Scene, boolean])[] = [
  ['a pod changed', { ours: [pod('a', '5')], theirs: [pod('a', '6')] }, false],
  ['a pod came', { ours: [pod('a')], theirs: [pod('a'), pod('b')] }, false],
  ['a pod went', { ours: [pod('a'), pod('b')], theirs: [pod('a')] }, false],
  ['a revision came', { ours: [pod('a')], theirs: [pod('a'), pod('b', '6', 'rs-3')] }, false],
  [
    'a pod of a revision that is deleted does not go',
    { ours: [pod('a')], theirs: [pod('a'), stuck('s', 'rs-of-yesterday')] },
    true,
  ],
  ['ours is newer', { ours: [pod('a', '10')], theirs: [pod('a', '9')] }, true],
  ['ours came later', { ours: [pod('a'), pod('b', '10')], theirs: [pod('a')] }, true],
  [
    'others share the labels',
    {
      ours: [pod('a')],
      theirs: [pod('a'), pod('j', '6', 'j', 'Job'), pod('o', '6', 'rs-of-another')],
    },
    true,
  ],
];

test('a silent watch that missed the workload or a revision is opened anew', async () => {
  const pods = { ours: [pod('a')], theirs: [pod('a')], silentFor: 6 };
  for (const copy of [{ workloadCopy: older(deployment) }, { replicaSetCopy: older(replicaSet) }]) {
    const { currentAsOf, reopened } = await ask({ ...pods, ...copy });
    assert.deepEqual([currentAsOf, reopened], [undefined, ['silent']]);
  }
});

for (const [what, scene, isComplete] of cases) {
  test(`${what}: ${isComplete ? 'complete' : 'not known, and a silent watch is opened anew'}`, async () => {
    const lagging = await ask({ ...scene, silentFor: 1 });
    // Up to the last word of the watches that are not asked.
    assert.deepEqual(
      [lagging.currentAsOf, lagging.reopened],
      [isComplete ? NOW - 1000 : undefined, []],
    );
    const silent = await ask({ ...scene, silentFor: 6 });
    assert.deepEqual(silent.reopened, isComplete ? [] : ['silent']);
  });
}
