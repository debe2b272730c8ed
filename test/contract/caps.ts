// SPDX-License-Identifier: Apache-2.0

import assert from 'node:assert/strict';
import {
  annotationOf,
  Capped,
  DESIRED,
  hashOf,
  held,
  RELEASE,
  sizeOf,
  type CappedWishes,
} from './capped.ts';
import { getWeb, withImage } from './helpers.ts';
import { behavior, until, type Behavior, type ContractTarget } from './target.ts';

const DEFAULT = { replicas: 10, surge: 3, unavailable: 2 };
const NO_SURGE = { replicas: 10, surge: 0, unavailable: 2 };
const ONE_BY_ONE = { replicas: 4, surge: 1, unavailable: 0 };
const DOUBLE = { replicas: 4, surge: 4, unavailable: 0 };
const SMALL = { replicas: 4, surge: 1, unavailable: 1 };
const SMALL_NO_SURGE = { replicas: 4, surge: 0, unavailable: 2 };

const CONTROLLER = 'system:serviceaccount:kube-system:deployment-controller';

/** A cap on v2 without a floor under v1: only the Deployment and what is made of it have the annotation. */
async function heldWithoutFloor(target: ContractTarget, wishes: CappedWishes): Promise<Capped> {
  const capped = await Capped.start(target, wishes);
  await capped.write({ [RELEASE]: capped.atRest }, withImage('web:v2'));
  await capped.get('web:v2');
  await capped.calm();
  return capped;
}

const notes: readonly Behavior[] = [
  behavior(
    'a new ReplicaSet is created with the annotations of the Deployment, and older ones keep theirs',
    async (target) => {
      const capped = await Capped.start(target, SMALL);
      await capped.write({ [RELEASE]: 'a' });
      await until(
        target,
        'the copy',
        async () => annotationOf(await capped.get('web:v1'), RELEASE) === 'a',
      );
      await capped.write({ [RELEASE]: 'b' }, withImage('web:v2'));
      const second = await capped.get('web:v2');
      const creation = capped.requests.find(
        ({ operation, name }) => operation === 'CREATE' && name === second.metadata.name,
      );
      assert.ok(creation?.object);
      assert.equal(annotationOf(creation.object, RELEASE), 'b');
      assert.equal(annotationOf(await capped.get('web:v1'), RELEASE), 'a');
      await capped.stop();
    },
  ),

  behavior(
    'an annotation removed from the Deployment stays on its ReplicaSet, and is copied again when it returns with a template',
    async (target) => {
      const capped = await Capped.start(target, SMALL);
      await capped.write({ [RELEASE]: 'a' });
      await capped.calm();
      await capped.write({ [RELEASE]: 'b' }, withImage('web:v2'));
      await capped.get('web:v2');
      await capped.write({ [RELEASE]: null });
      await capped.calm();
      assert.equal(annotationOf(await capped.get('web:v2'), RELEASE), 'b');
      await capped.annotateSet('web:v1', { [RELEASE]: 'c' });
      await capped.write({ [RELEASE]: 'a' }, withImage('web:v1'));
      await until(
        target,
        'the copy',
        async () => annotationOf(await capped.get('web:v1'), RELEASE) === 'a',
      );
      assert.equal(annotationOf(await capped.get('web:v2'), RELEASE), 'b');
      await capped.stop();
    },
  ),

  behavior(
    'the Deployment overwrites the annotations of a ReplicaSet only while it is the newest',
    async (target) => {
      const capped = await held(target, SMALL);
      await capped.annotateSet('web:v1', { [RELEASE]: 'mine' });
      await capped.annotateSet('web:v2', { [RELEASE]: 'mine' });
      await until(
        target,
        'the copy',
        async () => annotationOf(await capped.get('web:v2'), RELEASE) === capped.atRest,
      );
      assert.equal(annotationOf(await capped.get('web:v1'), RELEASE), 'mine');
      await capped.stop();
    },
  ),

  behavior(
    'a scaled ReplicaSet has the Deployment’s replicas in its annotations',
    async (target) => {
      const capped = await held(target, SMALL);
      await capped.raiseCap('web:v2', 2);
      await capped.rests(2, 'web:v2', 2);
      await capped.scale(8);
      await capped.release.ready('web:v2', 2);
      await capped.calm();
      const sized = capped.requests.filter(
        ({ object, oldObject }) => sizeOf(object) !== sizeOf(oldObject),
      );
      const said = sized.map(({ object, userInfo }) => {
        const { [DESIRED]: desired, 'deployment.kubernetes.io/max-replicas': most } =
          object?.metadata.annotations ?? {};
        return `${userInfo.username} ${desired} ${most}`;
      });
      assert.deepEqual([...new Set(said)], [`${CONTROLLER} 4 5`, `${CONTROLLER} 8 9`]);
      await capped.stop();
    },
  ),
];

const holding = (name: string, wishes: CappedWishes): Behavior =>
  behavior(
    `with ${name}, a ReplicaSet clamped to zero at creation replaces no pod, and the controller idles`,
    async (target) => {
      const capped = await Capped.start(target, wishes);
      await capped.govern();
      const since = capped.release.now;
      await capped.push('web:v2');
      assert.equal(capped.release.churn(since), 0);
      const { metadata, status } = await getWeb(target, capped.release.namespace);
      const { replicas } = wishes;
      assert.equal(status.observedGeneration, metadata.generation);
      assert.equal(status.updatedReplicas ?? 0, 0);
      assert.deepEqual(
        [status.replicas, status.readyReplicas, status.availableReplicas],
        [replicas, replicas, replicas],
      );
      assert.equal((await capped.get('web:v2')).spec.replicas, 0);
      assert.deepEqual(await capped.progress(), { status: 'True', reason: 'NewReplicaSetCreated' });
      await capped.stop();
    },
  );

const holds: readonly Behavior[] = [
  holding('surge and unavailability', DEFAULT),
  holding('unavailability alone', NO_SURGE),
  holding('surge alone', ONE_BY_ONE),
  holding('one replica', { replicas: 1, surge: 1, unavailable: 0 }),

  behavior(
    'a clamped scale-up counts as done: no stable pod is removed for it, and it is not retried',
    async (target) => {
      const capped = await heldWithoutFloor(target, SMALL);
      assert.deepEqual([capped.release.pods('web:v1'), capped.release.pods('web:v2')], [4, 0]);
      const { metadata } = await capped.get('web:v2');
      const tried = capped.requests.filter(
        ({ operation, name, object }) =>
          operation === 'UPDATE' && name === metadata.name && sizeOf(object) === 1,
      );
      assert.ok(tried.length > 0);
      await capped.stop();
    },
  ),

  behavior(
    'without surge and without a floor, stable pods are removed although no updated pod may be created',
    async (target) => {
      const capped = await heldWithoutFloor(target, SMALL_NO_SURGE);
      assert.deepEqual([capped.release.pods('web:v1'), capped.release.pods('web:v2')], [2, 0]);
      await capped.stop();
    },
  ),

  behavior(
    'a touch of a held Deployment or of its ReplicaSets makes the controller try again',
    async (target) => {
      const capped = await held(target, SMALL);
      const tries = async (touch: () => Promise<unknown>): Promise<void> => {
        const before = capped.requests.length;
        await touch();
        await until(target, 'another try', () =>
          Promise.resolve(
            capped.requests
              .slice(before)
              .some(({ object, oldObject }) => sizeOf(object) === 1 && sizeOf(oldObject) === 0),
          ),
        );
        await capped.calm();
      };
      await tries(() => capped.write({ touched: 'yes' }));
      await tries(() => capped.annotateSet('web:v1', { touched: 'yes' }));
      await tries(() => capped.annotateSet('web:v2', { noticed: 'yes' }));
      assert.deepEqual([capped.release.pods('web:v1'), capped.release.pods('web:v2')], [4, 0]);
      await capped.stop();
    },
  ),

  behavior('Recreate keeps all pods above a floor and creates nothing yet', async (target) => {
    const capped = await Capped.start(target, SMALL);
    await capped.release.write({ strategy: { type: 'Recreate', rollingUpdate: null } });
    await capped.govern();
    const since = capped.release.now;
    await capped.release.write(withImage('web:v2'));
    await capped.release.observed();
    await capped.calm();
    assert.equal(capped.release.churn(since), 0);
    assert.equal(await capped.find('web:v2'), undefined);
    await capped.annotateSet('web:v1', { [RELEASE]: `${capped.verified}/any/4/4` });
    const second = await capped.get('web:v2');
    assert.equal(capped.release.pods('web:v1'), 0);
    await capped.calm();
    assert.equal(capped.release.pods('web:v2'), 0);
    await capped.write({ [RELEASE]: `${capped.verified}/${hashOf(second)}/4/4` });
    await capped.release.ready('web:v2', 4);
    assert.equal(capped.release.timeline.maxPods(since), 4);
    await capped.progressing('NewReplicaSetAvailable');
    await capped.stop();
  }),

  behavior('a third template is held as well, and takes no pod from the second', async (target) => {
    const capped = await held(target, SMALL);
    await capped.raiseCap('web:v2', 1);
    await capped.rests(3, 'web:v2', 1);
    const since = capped.release.now;
    await capped.push('web:v3');
    assert.equal(capped.release.churn(since), 0);
    assert.equal((await capped.get('web:v3')).spec.replicas, 0);
    await capped.stop();
  }),
];

interface Rests {
  readonly name: string;
  readonly user: { replicas: number; surge: number; unavailable: number };
  /** Pods of v1 that rest beside so many of v2. */
  readonly rests: readonly (readonly [verified: number, released: number])[];
}

const releasing = ({ name, user, rests }: Rests): Behavior =>
  behavior(
    `with ${name}, each cap releases exactly its number of pods, and removing it replaces none`,
    async (target) => {
      const capped = await held(target, user);
      const { timeline } = capped.release;
      const since = capped.release.now;
      for (const [verified, released] of rests) {
        await capped.raiseCap('web:v2', released);
        await capped.rests(verified, 'web:v2', released);
        assert.equal(timeline.maxNew('web:v2'), released);
      }
      await capped.progressing('NewReplicaSetAvailable');
      capped.release.assertCapacity(since);
      const endedAt = capped.release.now;
      await capped.write({
        [RELEASE]: `${hashOf(await capped.get('web:v2'))}//0/${user.replicas}`,
      });
      await capped.calm();
      assert.equal(capped.release.churn(endedAt), 0);
      assert.deepEqual(await capped.progress(), {
        status: 'True',
        reason: 'NewReplicaSetAvailable',
      });
      await capped.stop();
    },
  );

const batches: readonly Behavior[] = [
  releasing({
    name: 'surge and unavailability',
    user: DEFAULT,
    rests: [
      [10, 1],
      [7, 3],
      [0, 10],
    ],
  }),
  releasing({
    name: 'unavailability alone',
    user: NO_SURGE,
    rests: [
      [9, 1],
      [7, 3],
      [0, 10],
    ],
  }),
  releasing({
    name: 'surge alone',
    user: ONE_BY_ONE,
    rests: [
      [3, 1],
      [2, 2],
      [0, 4],
    ],
  }),
  releasing({
    name: 'twice the pods',
    user: DOUBLE,
    rests: [
      [4, 1],
      [4, 2],
      [0, 4],
    ],
  }),
];

/** How the Deployment controller goes about when admission clamps the sizes of its ReplicaSets. */
export const caps: readonly Behavior[] = [...notes, ...holds, ...batches];
