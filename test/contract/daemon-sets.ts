// SPDX-License-Identifier: Apache-2.0

import assert from 'node:assert/strict';
import { RESOURCES, type KubeObject } from '@altershield/kube';
import { isReady, type Pod } from '../e2e/support/pods.ts';
import { refused, withImage, type Json } from './helpers.ts';
import {
  anAgent,
  createAgents,
  ON_DELETE,
  readyAgents,
  rolling,
  type Agents,
  type DaemonSet,
} from './daemon.ts';
import { revisionLabel } from './stateful.ts';
import { behavior, until, type Behavior, type ContractTarget } from './target.ts';

const { daemonSet } = RESOURCES;
const GENERATION = 'deprecated.daemonset.template.generation';

/** Without a pod: only the API server is asked. */
async function dryRun(target: ContractTarget, spec: Json): Promise<DaemonSet> {
  const namespace = await target.namespace();
  const body = anAgent({ no: 'node' }, { spec });
  return target.admin.create<DaemonSet>(daemonSet, namespace, body, { dryRun: true });
}

const denied = (target: ContractTarget, updateStrategy: Json, message: RegExp) =>
  refused(dryRun(target, { updateStrategy }), { status: 422, reason: 'Invalid', message });

const writing: readonly Behavior[] = [
  behavior('a DaemonSet is completed with defaults when it is written', async (target) => {
    const { spec, metadata } = await dryRun(target, {});
    const { template: _, ...rest } = spec;
    assert.deepEqual(rest, {
      selector: { matchLabels: { app: 'agent' } },
      updateStrategy: {
        type: 'RollingUpdate',
        rollingUpdate: { maxUnavailable: 1, maxSurge: 0 },
      },
      revisionHistoryLimit: 10,
    });
    assert.deepEqual(metadata.annotations, { [GENERATION]: '1' });
  }),

  behavior('a DaemonSet with OnDelete keeps its bounds of a rolling update', async (target) => {
    const agents = await createAgents(target, { nodes: 0, spec: rolling(2) });
    const kept = { type: 'OnDelete', rollingUpdate: { maxUnavailable: 2, maxSurge: 0 } };
    assert.deepEqual((await agents.write(ON_DELETE)).spec.updateStrategy, kept);
    const bare = await agents.write({ updateStrategy: { rollingUpdate: null } });
    assert.deepEqual(bare.spec.updateStrategy, { type: 'OnDelete' });
    await agents.stop();
  }),

  behavior('a DaemonSet either surges or removes pods first', async (target) => {
    await denied(target, { type: 'Recreate' }, /spec\.updateStrategy/);
    const bounds = (rollingUpdate: Json): Json => ({ type: 'RollingUpdate', rollingUpdate });
    await denied(target, bounds({ maxUnavailable: 0, maxSurge: 0 }), /maxUnavailable/);
    await denied(target, bounds({ maxUnavailable: 1, maxSurge: 1 }), /maxSurge/);
    const { spec } = await dryRun(target, {
      updateStrategy: bounds({ maxUnavailable: 0, maxSurge: 1 }),
    });
    const surging = { maxUnavailable: 0, maxSurge: 1 };
    assert.deepEqual(spec.updateStrategy['rollingUpdate'], surging);
  }),

  behavior('only a new template counts as one, whoever says otherwise', async (target) => {
    const agents = await createAgents(target, { nodes: 0 });
    const count = async (): Promise<string | undefined> =>
      (await agents.get()).metadata.annotations?.[GENERATION];
    await agents.write(ON_DELETE);
    assert.equal(await count(), '1');
    await agents.write(withImage('agent:v2'));
    const metadata = { annotations: { [GENERATION]: '9' } };
    await target.admin.patch(daemonSet, agents.key, { type: 'merge', body: { metadata } });
    assert.equal(await count(), '2');
    assert.equal((await agents.get()).metadata.generation, 3);
    await agents.stop();
  }),

  behavior('a patch that only tests changes nothing, or conflicts', async (target) => {
    const agents = await createAgents(target, { nodes: 0 });
    await agents.status('no pods');
    const { metadata } = await agents.get();
    const test = (value: number) =>
      target.admin.patch(daemonSet, agents.key, {
        type: 'json',
        ops: [{ op: 'test', path: '/metadata/generation', value }],
      });
    assert.equal((await test(1)).metadata.resourceVersion, metadata.resourceVersion);
    await refused(test(2), { status: 422, reason: 'Invalid' });
    await agents.stop();
  }),
];

const ownersOf = ({ metadata }: { readonly metadata: Partial<KubeObject['metadata']> }) =>
  metadata.ownerReferences?.map(({ kind, name, uid, controller }) => [kind, name, uid, controller]);

const running: readonly Behavior[] = [
  behavior(
    'a pod of a DaemonSet is labeled with its revision and pinned to its node',
    async (target) => {
      const agents = await readyAgents(target, { nodes: 1 });
      const { metadata, spec } = await agents.get();
      const revision = (await agents.revisions()).get('v1');
      const hash = revision?.metadata.labels?.['controller-revision-hash'] ?? '';
      assert.equal(revision?.metadata.name, `agent-${hash}`);
      assert.deepEqual(revision.metadata.labels, {
        app: 'agent',
        'controller-revision-hash': hash,
      });
      assert.deepEqual(revision.data.spec.template, { ...spec.template, $patch: 'replace' });
      assert.deepEqual(ownersOf(revision), [['DaemonSet', 'agent', metadata.uid, true]]);
      const pod = agents.pod(0);
      assert.deepEqual(pod.metadata.labels, {
        app: 'agent',
        'controller-revision-hash': hash,
        'pod-template-generation': '1',
      });
      assert.deepEqual(ownersOf(pod), [['DaemonSet', 'agent', metadata.uid, true]]);
      const { affinity } = pod.spec as unknown as { readonly affinity: Json };
      assert.match(JSON.stringify(affinity), new RegExp(`"metadata.name".*"${agents.names[0]}"`));
      await agents.stop();
    },
  ),

  behavior('the status of a DaemonSet counts its nodes', async (target) => {
    const agents = await readyAgents(target, { nodes: 2 });
    const { metadata, status } = await agents.get();
    assert.deepEqual(status, {
      observedGeneration: metadata.generation,
      currentNumberScheduled: 2,
      desiredNumberScheduled: 2,
      numberMisscheduled: 0,
      numberReady: 2,
      updatedNumberScheduled: 2,
      numberAvailable: 2,
    });
    await agents.stop();
  }),

  behavior('a node that is wanted gets its pod, and loses it when it is not', async (target) => {
    const agents = await readyAgents(target, { nodes: 1 });
    await agents.want(1, true);
    await agents.ready('0:v1 1:v1');
    await agents.want(0, false);
    await agents.ready('1:v1');
    await agents.status('one node', ({ desiredNumberScheduled: n }) => n === 1);
    await agents.stop();
  }),

  behavior(
    'revisions of a DaemonSet that pods have are kept, others by the limit',
    async (target) => {
      const agents = await readyAgents(target, { nodes: 2, spec: { revisionHistoryLimit: 0 } });
      await agents.write({ ...withImage('agent:v2'), ...ON_DELETE });
      await agents.status('the revision');
      await agents.delete(0);
      await agents.ready('0:v2 1:v1');
      assert.deepEqual([...(await agents.revisions()).keys()].sort(), ['v1', 'v2']);
      await agents.write(rolling(1));
      await agents.ready('0:v2 1:v2');
      await until(target, 'v1 to go', async () => (await agents.revisions()).size === 1);
      await agents.stop();
    },
  ),
];

const bad = ({ spec }: Pod): boolean => spec.containers[0]?.image === 'agent:noready';

/** Two of three pods of a template that never becomes ready, held by OnDelete. */
async function broken(target: ContractTarget): Promise<Agents> {
  const agents = await readyAgents(target);
  await agents.write({ ...withImage('agent:noready'), ...ON_DELETE });
  await agents.status('the revision');
  for (const node of [0, 1]) {
    await agents.delete(node);
    await agents.settled('the broken pod', (pods) => pods.filter(bad).length === node + 1);
  }
  return agents;
}

const releases: readonly Behavior[] = [
  behavior('OnDelete holds a new template of a DaemonSet', async (target) => {
    const agents = await readyAgents(target);
    await agents.write({ ...withImage('agent:v2'), ...ON_DELETE });
    const status = await agents.status('the revision');
    assert.deepEqual([status.updatedNumberScheduled, status.numberAvailable], [undefined, 3]);
    await agents.calm();
    await agents.stop();
  }),

  behavior('held, a deleted or failed pod and a new node get the new template', async (target) => {
    const agents = await readyAgents(target, { nodes: 2 });
    await agents.write({ ...withImage('agent:v2'), ...ON_DELETE });
    await agents.status('the revision');
    await agents.delete(0);
    await agents.ready('0:v2 1:v1');
    const hash = revisionLabel(agents.pod(0));
    const revision = (await agents.revisions()).get('v2');
    assert.equal(revision?.metadata.labels?.['controller-revision-hash'], hash);
    await agents.fail(1);
    await agents.ready('0:v2 1:v2');
    await agents.want(2, true);
    await agents.ready('0:v2 1:v2 2:v2');
    await agents.stop();
  }),

  behavior('held, a node selector takes effect at once', async (target) => {
    const agents = await readyAgents(target);
    const nodeSelector = { [agents.label]: 'true', nobody: 'has-it' };
    await agents.write({ ...ON_DELETE, template: { spec: { nodeSelector } } });
    await agents.settled('no pod', (pods) => pods.length === 0);
    await agents.stop();
  }),

  behavior('given back, the strategy releases the rest within its bounds', async (target) => {
    const agents = await readyAgents(target);
    await agents.write({ ...withImage('agent:v2'), ...ON_DELETE });
    await agents.status('the revision');
    await agents.delete(0);
    await agents.ready('0:v2 1:v1 2:v1');
    const { uid } = agents.pod(0).metadata;
    const since = agents.now;
    await agents.write({ updateStrategy: { type: 'RollingUpdate' } });
    await agents.ready('0:v2 1:v2 2:v2');
    assert.equal(agents.pod(0).metadata.uid, uid, 'an updated pod is not touched');
    assert.equal(agents.timeline.minReady(since), 2);
    await agents.stop();
  }),

  behavior('given back when all pods are updated, the strategy touches none', async (target) => {
    const agents = await readyAgents(target, { nodes: 1 });
    await agents.write({ ...withImage('agent:v2'), ...ON_DELETE });
    await agents.status('the revision');
    await agents.delete(0);
    await agents.ready('0:v2');
    await agents.write({ updateStrategy: { type: 'RollingUpdate' } });
    await agents.calm();
    await agents.stop();
  }),

  behavior('rolled back in one write, all broken pods are replaced at once', async (target) => {
    const agents = await broken(target);
    const since = agents.now;
    await agents.write({ ...withImage('agent:v1'), updateStrategy: { type: 'RollingUpdate' } });
    await agents.ready('0:v1 1:v1 2:v1');
    const events = agents.timeline.events.filter(({ at }) => at > since);
    const ready = events.findIndex(
      ({ pod }) => !bad(pod) && isReady(pod) && pod.spec.nodeName !== agents.names[2],
    );
    const gone = events.filter(({ type }, at) => type === 'DELETED' && at < ready);
    assert.equal(gone.length, 2, 'both are gone before the first is ready again');
    const revision = (await agents.revisions()).get('v1');
    assert.equal(revision?.revision, 3, 'an earlier revision is used again');
    await agents.stop();
  }),

  behavior('a rolling update replaces outdated pods that are not ready first', async (target) => {
    const agents = await broken(target);
    const since = agents.now;
    await agents.write({ ...withImage('agent:v3'), updateStrategy: { type: 'RollingUpdate' } });
    await agents.ready('0:v3 1:v3 2:v3');
    const events = agents.timeline.events.filter(({ at }) => at > since);
    const isNew = ({ spec }: Pod): boolean => spec.containers[0]?.image === 'agent:v3';
    const ready = events.findIndex(({ pod }) => isNew(pod) && isReady(pod));
    const gone = events.filter(({ type }, at) => type === 'DELETED' && at < ready);
    assert.deepEqual(
      gone.map(({ pod }) => pod.spec.nodeName).sort(),
      agents.names.slice(0, 2),
      'the two broken ones, which count as unavailable',
    );
    await agents.stop();
  }),

  behavior('a third template of a held DaemonSet is held as well', async (target) => {
    const agents = await readyAgents(target, { nodes: 2 });
    await agents.write({ ...withImage('agent:v2'), ...ON_DELETE });
    await agents.status('the revision');
    await agents.delete(0);
    await agents.ready('0:v2 1:v1');
    await agents.write(withImage('agent:v3'));
    await agents.status('the revision');
    await agents.calm();
    await agents.stop();
  }),
];

/** DaemonSets, and how a release controller moves them by OnDelete. */
export const daemonSets: readonly Behavior[] = [...writing, ...running, ...releases];
