// SPDX-License-Identifier: Apache-2.0

import assert from 'node:assert/strict';
import { RESOURCES } from '@altershield/kube';
import { isReady, type Pod } from '../e2e/support/pods.ts';
import { withImage, type Json } from './helpers.ts';
import {
  aDb,
  aReadyDb,
  createDb,
  HOLD_ALL,
  minorOf,
  partition,
  revisionLabel,
  type Database,
  type SetWishes,
} from './stateful.ts';
import { behavior, pause, until, type Behavior, type ContractTarget } from './target.ts';

const { statefulSet } = RESOURCES;
const PARALLEL: Json = { podManagementPolicy: 'Parallel' };

/** The template and the partition in one write, as a release controller holds and restores them. */
const template = (tag: string, until: number): Json => ({
  ...withImage(`db:${tag}`),
  ...partition(until),
});

const isRunning = ({ status }: Pod): boolean => status.phase === 'Running';

const nameOf = async (db: Database, tag: string): Promise<string> =>
  (await db.revisions()).get(tag)?.metadata.name ?? '';

const holds: readonly Behavior[] = [
  behavior('the greatest partition holds a new template', async (target) => {
    const db = await aReadyDb(target, { replicas: 2 });
    const since = db.now;
    await db.write(template('v2', HOLD_ALL));
    const status = await db.observed();
    assert.equal(status.currentRevision, await nameOf(db, 'v1'));
    assert.equal(status.updateRevision, await nameOf(db, 'v2'));
    assert.deepEqual([status.currentReplicas, status.updatedReplicas], [2, undefined]);
    await pause(target, 2000);
    assert.equal(db.churn(since), 0);
    await db.stop();
  }),

  behavior('a status of an older generation does not count the new template', async (target) => {
    const db = await aReadyDb(target, { replicas: 1 });
    const { metadata, status } = await db.write(template('v2', HOLD_ALL));
    assert.deepEqual([metadata.generation, status.observedGeneration], [2, 1]);
    assert.equal(status.updateRevision, await nameOf(db, 'v1'));
    assert.equal((await db.observed()).updateRevision, await nameOf(db, 'v2'));
    await db.stop();
  }),

  behavior('pods created while the update is held have the current revision', async (target) => {
    const db = await aReadyDb(target, { replicas: 2 });
    await db.write(template('v2', HOLD_ALL));
    await db.observed();
    await db.scale(3);
    await db.ready('0:v1 1:v1 2:v1');
    await db.delete(1);
    await db.ready('0:v1 1:v1 2:v1');
    assert.equal(revisionLabel(db.pod(1)), await nameOf(db, 'v1'));
    await db.stop();
  }),

  behavior('at zero replicas, a held update counts as complete', async (target) => {
    const db = await aReadyDb(target, { replicas: 2 });
    await db.write(template('v2', HOLD_ALL));
    await db.observed();
    await db.scale(0);
    await until(target, 'no pod', () => Promise.resolve(db.pods.length === 0));
    const name = await nameOf(db, 'v2');
    const isCurrent = async (): Promise<boolean> =>
      (await db.get()).status.currentRevision === name;
    await until(target, 'a current revision', isCurrent);
    await db.scale(1);
    await db.ready('0:v2');
    await db.stop();
  }),

  behavior('a partition at the number of replicas does not hold a scale-up', async (target) => {
    const db = await aReadyDb(target, { replicas: 2 });
    await db.write(template('v2', 2));
    await db.observed();
    await db.calm(1000);
    await db.scale(3);
    await db.ready('0:v1 1:v1 2:v2');
    await db.stop();
  }),

  behavior(
    'a recreated StatefulSet adopts its pods, but its partition holds none of them',
    async (target) => {
      const db = await aReadyDb(target, { replicas: 2 });
      const since = db.now;
      await target.developer.delete(statefulSet, db.key, { propagationPolicy: 'Orphan' });
      await until(target, 'the StatefulSet to go', () => db.isGone());
      const wishes = { replicas: 2, image: 'db:v2', spec: partition(HOLD_ALL) };
      await target.developer.create(statefulSet, db.namespace, aDb(wishes));
      const status = await db.status('both pods', ({ readyReplicas }) => readyReplicas === 2);
      assert.equal(status.currentRevision, status.updateRevision);
      assert.equal(status.updateRevision, await nameOf(db, 'v2'));
      assert.deepEqual([status.currentReplicas, status.updatedReplicas], [undefined, undefined]);
      await pause(target, 1000);
      assert.equal(db.churn(since), 0);
      await db.delete(0);
      await db.ready('0:v2 1:v1');
      await db.stop();
    },
  ),

  behavior(
    'while held, a template can be replaced and put back without touching a pod',
    async (target) => {
      const db = await aReadyDb(target, { replicas: 2 });
      const since = db.now;
      await db.write(template('v2', HOLD_ALL));
      await db.observed();
      await db.write(withImage('db:v3'));
      const { updateRevision } = await db.observed();
      assert.equal(updateRevision, await nameOf(db, 'v3'));
      await db.write(template('v1', 0));
      const status = await db.observed();
      assert.equal(status.updateRevision, status.currentRevision);
      await pause(target, 1500);
      assert.equal(db.churn(since), 0);
      await db.stop();
    },
  ),
];

const { controllerRevision } = RESOURCES;

/** `kubectl delete controllerrevision`, and a write that makes the controller look. */
async function deleteRevision(db: Database, tag: string): Promise<string> {
  const name = await nameOf(db, tag);
  await db.target.admin.delete(controllerRevision, { ...db.key, name });
  const body = { metadata: { annotations: { deleted: tag } } };
  await db.target.developer.patch(statefulSet, db.key, { type: 'merge', body });
  return name;
}

const lostRevisions: readonly Behavior[] = [
  behavior(
    'the revision of the present template is created again, under the same name',
    async (target) => {
      const db = await halfWay(target);
      const since = db.now;
      const name = await deleteRevision(db, 'v2');
      await until(target, 'the revision', async () => (await nameOf(db, 'v2')) === name);
      await db.calm(1000);
      const { currentRevision, updateRevision } = await db.observed();
      assert.deepEqual([currentRevision, updateRevision], [await nameOf(db, 'v1'), name]);
      await db.delete(2);
      await db.ready('0:v1 1:v2 2:v2');
      assert.deepEqual(db.created(since), [2]);
      await db.stop();
    },
  ),

  behavior(
    'without the current revision, the partition keeps pods, but they come back updated',
    async (target) => {
      const db = await halfWay(target);
      const since = db.now;
      await db.write(partition(HOLD_ALL));
      await db.observed();
      await deleteRevision(db, 'v1');
      const name = await nameOf(db, 'v2');
      await db.status('another current revision', (one) => one.currentRevision === name);
      await db.calm(1000);
      assert.equal(await nameOf(db, 'v1'), '');
      assert.equal(db.shape, '0:v1 1:v2 2:v2');
      await db.delete(0);
      await db.ready('0:v2 1:v2 2:v2');
      assert.deepEqual(db.created(since), [0]);
      await db.stop();
    },
  ),

  behavior(
    'the template of a deleted revision gets the same name: its pods are not replaced',
    async (target) => {
      const db = await halfWay(target);
      const name = await deleteRevision(db, 'v1');
      const lost = await nameOf(db, 'v2');
      await db.status('another current revision', (one) => one.currentRevision === lost);
      const { uid } = db.pod(0).metadata;
      await db.write(template('v1', 0));
      await db.ready('0:v1 1:v1 2:v1');
      assert.equal(await nameOf(db, 'v1'), name);
      assert.equal(db.pod(0).metadata.uid, uid);
      await db.stop();
    },
  ),

  behavior(
    'at rest, no pod is replaced when the revision is deleted, and it is created again at the next look',
    async (target) => {
      const db = await aReadyDb(target, { replicas: 2 });
      const since = db.now;
      const name = await nameOf(db, 'v1');
      await target.admin.delete(controllerRevision, { ...db.key, name });
      await db.calm(1000);
      await db.write({ replicas: 3 });
      await db.ready('0:v1 1:v1 2:v1');
      assert.equal(await nameOf(db, 'v1'), name);
      assert.deepEqual(db.created(since), [2]);
      await db.stop();
    },
  ),
];

/** Pods are replaced one at a time: all but one are ready throughout. */
function assertOneByOne(db: Database, since: number, replicas: number): void {
  assert.equal(db.timeline.minReady(since), replicas - 1);
  assert.equal(db.timeline.maxPods(since), replicas);
}

const inBatches = (policy: string, spec: Json): Behavior =>
  behavior(`${policy}, each partition releases exactly the ordinals from it on`, async (target) => {
    const db = await aReadyDb(target, { replicas: 4, spec });
    const since = db.now;
    await db.write(template('v2', HOLD_ALL));
    await db.observed();
    await db.write(partition(3));
    await db.ready('0:v1 1:v1 2:v1 3:v2');
    await db.calm(1000);
    await db.write(partition(1));
    await db.ready('0:v1 1:v2 2:v2 3:v2');
    const status = await db.status('all ready', ({ readyReplicas }) => readyReplicas === 4);
    assert.deepEqual([status.currentReplicas, status.updatedReplicas], [1, 3]);
    assert.equal(status.currentRevision, await nameOf(db, 'v1'));
    await db.write(partition(0));
    await db.ready('0:v2 1:v2 2:v2 3:v2');
    assert.deepEqual(db.created(since), [3, 2, 1, 0]);
    assertOneByOne(db, since, 4);
    const name = await nameOf(db, 'v2');
    const complete = await db.status('the release', (one) => one.currentRevision === name);
    assert.deepEqual([complete.currentReplicas, complete.updatedReplicas], [4, 4]);
    await db.stop();
  });

/** Two of three pods updated and ready. */
async function halfWay(target: ContractTarget, tag = 'v2', spec: Json = {}): Promise<Database> {
  const db = await aReadyDb(target, { replicas: 3, spec });
  await db.write(template(tag, 1));
  await db.ready(`0:v1 1:${tag} 2:${tag}`);
  return db;
}

const batches: readonly Behavior[] = [
  inBatches('in order', {}),
  inBatches('in parallel', PARALLEL),

  behavior('the next pod is updated only when the one above it is available', async (target) => {
    const db = await aReadyDb(target, { replicas: 2, spec: { minReadySeconds: 3 } });
    const since = db.now;
    await db.write(withImage('db:v2'));
    await db.ready('0:v2 1:v2');
    const isUpdated = (pod: Pod): boolean => pod.spec.containers[0]?.image === 'db:v2';
    const ready = db.timeline.first((pod) => isUpdated(pod) && isReady(pod), since);
    const gone = db.timeline.first(
      ({ metadata }, { type }) => metadata.name === 'db-0' && type === 'DELETED',
    );
    // Of the 3 s, time stamps in whole seconds may take one, and a slow watch some more.
    assert.ok((gone?.at ?? 0) - (ready?.at ?? Infinity) >= 1000);
    await db.stop();
  }),

  behavior('raising the partition replaces no updated pod', async (target) => {
    const db = await halfWay(target);
    await db.write(partition(HOLD_ALL));
    await db.observed();
    await db.calm();
    assert.equal(db.shape, '0:v1 1:v2 2:v2');
    await db.stop();
  }),

  behavior(
    'below the partition a deleted pod comes back with the current revision',
    async (target) => {
      const db = await halfWay(target);
      await db.write(partition(2));
      await db.observed();
      await db.delete(1);
      await db.ready('0:v1 1:v1 2:v2');
      await db.stop();
    },
  ),

  behavior('a third template is released at once to the ordinals of the second', async (target) => {
    const db = await halfWay(target);
    const since = db.now;
    await db.write(withImage('db:v3'));
    await db.ready('0:v1 1:v3 2:v3');
    assert.deepEqual(db.created(since), [2, 1]);
    const { currentRevision } = await db.observed();
    assert.equal(currentRevision, await nameOf(db, 'v1'));
    await db.stop();
  }),

  behavior(
    'a scale-up in the middle of a batch creates updated pods, a scale-down removes them first',
    async (target) => {
      const db = await halfWay(target);
      await db.scale(4);
      await db.ready('0:v1 1:v2 2:v2 3:v2');
      await db.scale(1);
      await db.ready('0:v1');
      await db.scale(2);
      await db.ready('0:v1 1:v2');
      await db.stop();
    },
  ),

  behavior('a partition counts from the first ordinal, whatever its number', async (target) => {
    const db = await createDb(target, { replicas: 2, spec: { ordinals: { start: 3 } } });
    await db.ready('3:v1 4:v1');
    await db.write(template('v2', 1));
    await db.ready('3:v1 4:v2');
    await db.delete(3);
    await db.ready('3:v1 4:v2');
    await db.stop();
  }),

  behavior('OrderedReady: an unready pod below the partition stops the update', async (target) => {
    const db = await aReadyDb(target, { replicas: 2 });
    await db.setReady(0, false);
    await db.write(template('v2', 1));
    await db.observed();
    await db.calm();
    await db.setReady(0, true);
    await db.ready('0:v1 1:v2');
    await db.stop();
  }),

  behavior(
    'Parallel: an unready pod below the partition stops the update from 1.37 on',
    async (target) => {
      const db = await aReadyDb(target, { replicas: 2, spec: PARALLEL });
      await db.setReady(0, false);
      await db.write(template('v2', 1));
      await db.observed();
      if ((await minorOf(target)) >= 37) await db.calm();
      else await db.settled('the updated pod', () => db.shape === '0:v1 1:v2');
      await db.setReady(0, true);
      await db.ready('0:v1 1:v2');
      await db.stop();
    },
  ),

  behavior('without rollingUpdate settings, all pods are updated', async (target) => {
    const db = await aReadyDb(target, { replicas: 2 });
    await db.write({ ...withImage('db:v2'), updateStrategy: { rollingUpdate: null } });
    await db.ready('0:v2 1:v2');
    await db.stop();
  }),

  behavior(
    'revisions in use by pods are kept even if the history limit is zero',
    async (target) => {
      const db = await halfWay(target, 'v2', { revisionHistoryLimit: 0 });
      assert.deepEqual([...(await db.revisions()).keys()].sort(), ['v1', 'v2']);
      await db.write(template('v2', 0));
      await db.ready('0:v2 1:v2 2:v2');
      await db.status('the release', (one) => one.currentRevision === one.updateRevision);
      await until(target, 'the old revision to go', async () => (await db.revisions()).size === 1);
      assert.ok((await db.revisions()).has('v2'));
      await db.stop();
    },
  ),
];

/** One of two pods of a template that never becomes ready. */
async function broken(target: ContractTarget, wishes: Partial<SetWishes> = {}): Promise<Database> {
  const db = await aReadyDb(target, { replicas: 2, ...wishes });
  await db.write(template('noready', 1));
  const isBroken = (pod: Pod): boolean => pod.spec.containers[0]?.image === 'db:noready';
  await db.settled('the broken pod', (pods) => pods.some((pod) => isBroken(pod) && isRunning(pod)));
  return db;
}

async function putBack(db: Database): Promise<void> {
  await db.write(template('v1', 0));
  const { updateRevision } = await db.observed();
  assert.equal(updateRevision, await nameOf(db, 'v1'));
}

const rollbacks: readonly Behavior[] = [
  behavior(
    'healthy pods are rolled back one by one, and no other pod is touched',
    async (target) => {
      const db = await halfWay(target);
      const since = db.now;
      await db.write(template('v1', 0));
      await db.ready('0:v1 1:v1 2:v1');
      assert.deepEqual(db.created(since), [2, 1]);
      assertOneByOne(db, since, 3);
      await db.stop();
    },
  ),

  behavior('an earlier template reuses its revision under a new number', async (target) => {
    const db = await halfWay(target);
    const before = (await db.revisions()).get('v1');
    await db.write(template('v1', 0));
    await db.ready('0:v1 1:v1 2:v1');
    const after = (await db.revisions()).get('v1');
    assert.equal(after?.metadata.uid, before?.metadata.uid);
    assert.deepEqual([before?.revision, after?.revision], [1, 3]);
    assert.equal(revisionLabel(db.pod(2)), after?.metadata.name);
    await db.stop();
  }),

  behavior(
    'an OrderedReady StatefulSet stays stuck on a broken pod until the pod is deleted',
    async (target) => {
      const db = await broken(target);
      const { uid } = db.pod(1).metadata;
      await putBack(db);
      await db.calm(6000);
      assert.equal(db.pod(1).metadata.uid, uid);
      await db.delete(1);
      await db.ready('0:v1 1:v1');
      await db.stop();
    },
  ),

  behavior('a Parallel StatefulSet replaces its broken pods by itself', async (target) => {
    const db = await broken(target, { spec: PARALLEL });
    await putBack(db);
    await db.ready('0:v1 1:v1');
    await db.stop();
  }),

  behavior(
    'a deleted broken pod is created broken again unless its template was reverted',
    async (target) => {
      const db = await broken(target);
      const { uid } = db.pod(1).metadata;
      await db.delete(1);
      await db.settled('its successor', (pods) => pods.length === 2);
      assert.notEqual(db.pod(1).metadata.uid, uid);
      assert.equal(db.shape, '0:v1 1:noready');
      await db.write(partition(HOLD_ALL));
      await db.observed();
      await db.delete(1);
      await db.ready('0:v1 1:v1');
      await db.stop();
    },
  ),
];

const OnDelete: Json = { updateStrategy: { type: 'OnDelete', rollingUpdate: null } };

const onDelete: readonly Behavior[] = [
  behavior('with OnDelete only pods that are deleted are updated', async (target) => {
    const db = await aReadyDb(target, { replicas: 2 });
    await db.write({ ...withImage('db:v2'), ...OnDelete });
    await db.observed();
    await db.calm();
    await db.delete(0);
    await db.ready('0:v2 1:v1');
    await db.stop();
  }),

  behavior('changing OnDelete to a partition replaces no pod below it', async (target) => {
    const db = await aReadyDb(target, { replicas: 2 });
    await db.write({ ...withImage('db:v2'), ...OnDelete });
    await db.observed();
    await db.write(partition(HOLD_ALL));
    await db.observed();
    await db.calm(1500);
    await db.delete(0);
    await db.ready('0:v1 1:v1');
    await db.stop();
  }),

  behavior(
    'with OnDelete the last updated pod completes the update only from 1.37 on',
    async (target) => {
      const db = await aReadyDb(target, { replicas: 1 });
      await db.write({ ...withImage('db:v2'), ...OnDelete });
      await db.observed();
      await db.delete(0);
      await db.ready('0:v2');
      const tag = (await minorOf(target)) >= 37 ? 'v2' : 'v1';
      const name = await nameOf(db, tag);
      await db.status(
        'the updated pod',
        ({ updatedReplicas, readyReplicas }) => updatedReplicas === 1 && readyReplicas === 1,
      );
      await pause(target, 500);
      assert.equal((await db.get()).status.currentRevision, name);
      await db.stop();
    },
  ),
];

const withMax = (maxUnavailable: number, from: number): Json => ({
  updateStrategy: { type: 'RollingUpdate', rollingUpdate: { partition: from, maxUnavailable } },
});

/** Before 1.37 the field is dropped, and pods go one by one whatever it says. */
const unavailability: readonly Behavior[] = [
  behavior('maxUnavailable replaces several pods at once from 1.37 on', async (target) => {
    const db = await aReadyDb(target, { replicas: 4, spec: PARALLEL });
    const since = db.now;
    await db.write({ ...withImage('db:v2'), ...withMax(2, 2) });
    await db.ready('0:v1 1:v1 2:v2 3:v2');
    const atOnce = (await minorOf(target)) >= 37 ? 2 : 1;
    assert.equal(db.timeline.minReady(since), 4 - atOnce);
    await db.stop();
  }),

  behavior(
    'OrderedReady: missing pods are not created while another one is broken',
    async (target) => {
      const db = await aReadyDb(target, { replicas: 3 });
      const isKept = (await minorOf(target)) >= 37;
      await db.write({ ...withImage('db:noready'), ...withMax(2, 1) });
      const shape = isKept ? '0:v1 1:noready' : '0:v1 1:v1 2:noready';
      await db.settled(shape, () => db.shape === shape);
      await db.calm();
      await putBack(db);
      await db.calm();
      await db.delete(isKept ? 1 : 2);
      await db.ready('0:v1 1:v1 2:v1');
      await db.stop();
    },
  ),

  behavior('Parallel: a released unready pod is replaced first from 1.37 on', async (target) => {
    const wishes = { replicas: 3, image: 'db:noready', spec: PARALLEL };
    const db = await createDb(target, wishes);
    await db.settled('three pods that run', (pods) => pods.filter(isRunning).length === 3);
    const since = db.now;
    await db.write(template('v2', 1));
    await db.settled('two ready pods', (pods) => pods.filter(isReady).length === 2);
    const [first] = db.timeline.events.filter(({ at, pod }) => at > since && isReady(pod));
    const created = db.timeline.events.filter(
      ({ at, type }) => type === 'ADDED' && at > since && at < (first?.at ?? 0),
    );
    assert.equal(created.length, (await minorOf(target)) >= 37 ? 2 : 1);
    assert.equal(db.shape, '0:noready 1:v2 2:v2');
    await db.stop();
  }),
];

/** How a release controller moves a StatefulSet by its partition, and what it meets there. */
export const statefulReleases: readonly Behavior[] = [
  ...holds,
  ...batches,
  ...rollbacks,
  ...onDelete,
  ...lostRevisions,
  ...unavailability,
];
