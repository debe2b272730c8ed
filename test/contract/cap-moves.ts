// SPDX-License-Identifier: Apache-2.0

import assert from 'node:assert/strict';
import { RESOURCES } from '@altershield/kube';
import { imageOf as imageOfPod, isReady } from '../e2e/support/pods.ts';
import { Capped, hashOf, held, imageOf, RELEASE, type CappedWishes } from './capped.ts';
import { getWeb, web, withImage } from './helpers.ts';
import { rolling } from './protocol.ts';
import { behavior, pause, until, type Behavior } from './target.ts';

/** The default strategy: of ten, three more and two less. */
const DEFAULT = { replicas: 10, surge: 3, unavailable: 2, spec: rolling('25%', '25%') };
const NO_SURGE = { replicas: 10, surge: 0, unavailable: 2 };
const ONE_MORE = { replicas: 10, surge: 1, unavailable: 0 };
const SMALL = { replicas: 4, surge: 1, unavailable: 1 };

const CONTROLLER = 'system:serviceaccount:kube-system:deployment-controller';

type Size = readonly [replicas: number, verified: number, released: number];

const scaled = (
  name: string,
  user: CappedWishes,
  start: number,
  sizes: readonly Size[],
): Behavior =>
  behavior(
    `with ${name}, three released pods of ten keep their share while the Deployment is scaled`,
    async (target) => {
      const capped = await held(target, user);
      await capped.raiseCap('web:v2', 3);
      await capped.rests(start, 'web:v2', 3);
      for (const [replicas, verified, released] of sizes) {
        await capped.scale(replicas);
        await capped.rests(verified, 'web:v2', released);
      }
      await capped.stop();
    },
  );

const scaling: readonly Behavior[] = [
  scaled('surge and unavailability', DEFAULT, 8, [
    [20, 19, 3],
    [5, 4, 2],
    [2, 2, 1],
    [1, 1, 1],
    [10, 7, 3],
  ]),
  scaled('unavailability alone', NO_SURGE, 7, [
    [20, 17, 3],
    [5, 4, 1],
    [2, 2, 0],
    [1, 1, 0],
    [10, 7, 3],
  ]),
  scaled('surge alone', ONE_MORE, 7, [
    [20, 17, 3],
    [5, 4, 1],
    [2, 2, 1],
    [1, 1, 1],
    [10, 7, 3],
  ]),

  behavior('scaling in steps of one leaves the released pods as they are', async (target) => {
    const capped = await held(target, NO_SURGE);
    await capped.raiseCap('web:v2', 3);
    await capped.rests(7, 'web:v2', 3);
    for (const replicas of [11, 12, 13, 12, 11, 10]) {
      await capped.scale(replicas);
      await capped.rests(replicas - 3, 'web:v2', 3);
    }
    assert.equal(capped.release.timeline.maxNew('web:v2'), 3);
    await capped.stop();
  }),

  behavior(
    'a held Deployment that is scaled to zero and back has no pods until the verified ReplicaSet is scaled',
    async (target) => {
      const capped = await held(target, SMALL);
      await capped.scale(0);
      await capped.rests(0, 'web:v2', 0);
      await capped.scale(4);
      await capped.release.observed();
      await capped.calm();
      assert.deepEqual([capped.release.pods('web:v1'), capped.release.pods('web:v2')], [0, 0]);
      await capped.patchSet('web:v1', { spec: { replicas: 4 } });
      await capped.rests(4, 'web:v2', 0);
      await capped.write({ touched: 'yes' });
      await capped.rests(4, 'web:v2', 0);
      await capped.stop();
    },
  ),
];

const otherClients: readonly Behavior[] = [
  behavior(
    'the controller reverts another client’s size of the only ReplicaSet',
    async (target) => {
      const capped = await Capped.start(target, SMALL);
      await capped.patchSet('web:v1', { spec: { replicas: 3 } });
      await until(target, 'the size to come back', async () => {
        const shrunk = capped.requests.some(({ userInfo }) => userInfo.username !== CONTROLLER);
        return shrunk && (await capped.get('web:v1')).spec.replicas === 4;
      });
      await capped.rests(4, 'web:v2', 0);
      await capped.stop();
    },
  ),

  behavior(
    'the controller keeps another client’s size of the verified ReplicaSet while the updated one is capped',
    async (target) => {
      const capped = await held(target, SMALL);
      const value = `${capped.verified}/${hashOf(await capped.get('web:v2'))}/1/4`;
      await capped.annotateSet('web:v1', { [RELEASE]: value });
      await capped.patchSet('web:v1', { spec: { replicas: 3 } });
      await capped.rests(3, 'web:v2', 0);
      await capped.write({ touched: 'yes' });
      await capped.rests(3, 'web:v2', 0);
      await capped.stop();
    },
  ),

  behavior(
    'a stable pod that dies while updated pods are capped is replaced by a stable one',
    async (target) => {
      const capped = await held(target, SMALL);
      await capped.raiseCap('web:v2', 1);
      await capped.rests(3, 'web:v2', 1);
      const before = capped.release.timeline.everCreated('web:v1');
      const victim = capped.release.timeline.pods.find((pod) => imageOfPod(pod) === 'web:v1');
      assert.ok(victim);
      const { name } = victim.metadata;
      await target.admin.delete(RESOURCES.pod, { namespace: capped.release.namespace, name });
      await until(target, 'its successor', () =>
        Promise.resolve(capped.release.timeline.everCreated('web:v1') === before + 1),
      );
      await capped.rests(3, 'web:v2', 1);
      assert.equal(capped.release.timeline.maxNew('web:v2'), 1);
      await capped.stop();
    },
  ),

  behavior('the scale subresource of a ReplicaSet bypasses the clamp', async (target) => {
    const capped = await held(target, SMALL);
    const { name } = (await capped.get('web:v2')).metadata;
    const key = { namespace: capped.release.namespace, name };
    const patch = { type: 'merge', body: { spec: { replicas: 1 } } } as const;
    await target.admin.patch(RESOURCES.replicaSet, key, patch, { subresource: 'scale' });
    await capped.rests(4, 'web:v2', 1);
    await capped.stop();
  }),

  behavior(
    'without surge, a third template gets no pod until the pods of the second are gone',
    async (target) => {
      const capped = await held(target, { replicas: 4, surge: 0, unavailable: 1 });
      await capped.raiseCap('web:v2', 1);
      await capped.rests(3, 'web:v2', 1);
      await capped.push('web:v3');
      await capped.raiseCap('web:v3', 1);
      await capped.calm();
      assert.equal(capped.release.pods('web:v3'), 0);
      await capped.patchSet('web:v2', { spec: { replicas: 0 } });
      await capped.rests(3, 'web:v3', 1);
      assert.equal(capped.release.pods('web:v2'), 0);
      await capped.stop();
    },
  ),
];

/** Zero when no bad pod waits for a good one; at the native pace nearly all of them do. */
function successorsReadyBeforeTheLastBad({ release }: Capped, since: number): number {
  const { events } = release.timeline;
  const last = events.findLastIndex(
    ({ type, pod }) => type === 'DELETED' && imageOfPod(pod) === 'web:bad',
  );
  const young = events
    .filter(({ type, at, pod }) => type === 'ADDED' && at > since && imageOfPod(pod) === 'web:v1')
    .map(({ pod }) => pod.metadata.uid);
  const ready = events.slice(0, last).filter(({ pod }) => isReady(pod));
  return new Set(ready.map(({ pod }) => pod.metadata.uid).filter((uid) => young.includes(uid)))
    .size;
}

const reverting = (name: string, user: CappedWishes, verified: number, bad: number): Behavior =>
  behavior(
    `with ${name}, a revert of the template alone removes all ${bad} bad pods first, and no ready one beyond the bounds`,
    async (target) => {
      const capped = await held(target, user, 'web:bad');
      await capped.raiseCap('web:bad', bad);
      await capped.release.settled({ 'web:v1': verified, 'web:bad': bad });
      await capped.calm();
      const since = capped.release.now;
      await capped.release.write(withImage('web:v1'));
      await capped.rests(user.replicas, 'web:bad', 0);
      assert.ok(successorsReadyBeforeTheLastBad(capped, since) < bad);
      capped.release.assertCapacity(since);
      await capped.progressing('NewReplicaSetAvailable');
      await capped.stop();
    },
  );

const reverts: readonly Behavior[] = [
  reverting('surge and unavailability', { replicas: 10, surge: 3, unavailable: 2 }, 8, 3),
  reverting('unavailability alone', NO_SURGE, 8, 2),
  reverting('surge alone', ONE_MORE, 10, 1),

  behavior(
    'a revert of the template of a held change moves no pod, and is complete',
    async (target) => {
      const capped = await held(target, SMALL);
      const since = capped.release.now;
      await capped.release.write(withImage('web:v1'));
      await capped.progressing('NewReplicaSetAvailable');
      await capped.calm();
      assert.equal(capped.release.churn(since), 0);
      await capped.stop();
    },
  ),

  behavior(
    'without history a template that comes back makes a ReplicaSet of the same name and hash',
    async (target) => {
      const capped = await Capped.start(target, { ...SMALL, spec: { revisionHistoryLimit: 0 } });
      const first = await capped.get('web:v1');
      await capped.release.write(withImage('web:v2'));
      await until(
        target,
        'the old ReplicaSet to go',
        async () => (await capped.find('web:v1')) === undefined,
      );
      await capped.release.write(withImage('web:v1'));
      const again = await capped.get('web:v1');
      assert.notEqual(again.metadata.uid, first.metadata.uid);
      assert.deepEqual([again.metadata.name, hashOf(again)], [first.metadata.name, hashOf(first)]);
      await capped.stop();
    },
  ),

  behavior('a template whose ReplicaSet name is taken gets another hash', async (target) => {
    const capped = await held(target, SMALL);
    const { metadata, spec } = await capped.get('web:v2');
    await capped.release.write(withImage('web:v1'));
    await capped.calm();
    const { namespace } = capped.release;
    await target.admin.delete(RESOURCES.replicaSet, { namespace, name: metadata.name });
    const labels = { app: 'other' };
    const body = {
      apiVersion: 'apps/v1',
      kind: 'ReplicaSet',
      metadata: { name: metadata.name, labels },
      spec: {
        replicas: 0,
        selector: { matchLabels: labels },
        template: { ...spec.template, metadata: { labels } },
      },
    };
    await target.admin.create(RESOURCES.replicaSet, namespace, body);
    await capped.release.write(withImage('web:v2'));
    const again = await until(target, 'another ReplicaSet', async () =>
      (await capped.sets()).find(
        (set) => imageOf(set) === 'web:v2' && set.metadata.name !== metadata.name,
      ),
    );
    assert.notEqual(hashOf(again), metadata.labels?.['pod-template-hash']);
    assert.equal(again.metadata.name, `web-${hashOf(again)}`);
    await capped.stop();
  }),
];

/** Says that a hold makes progress, an hour later than it last did. */
async function postpone({ target, release }: Capped): Promise<void> {
  const { metadata, status } = await getWeb(target, release.namespace);
  const { conditions = [] } = status;
  const current = conditions.find(({ type }) => type === 'Progressing');
  const later = Date.parse(current?.lastUpdateTime ?? '') + 3_600_000;
  const condition = {
    ...current,
    status: 'True',
    reason: 'Held',
    message: 'held at 0 of 4',
    lastUpdateTime: new Date(later).toISOString().replace('.000Z', 'Z'),
  };
  const others = conditions.filter((one) => one !== current);
  const { resourceVersion } = metadata;
  const body = { metadata: { resourceVersion }, status: { conditions: [...others, condition] } };
  const patch = { type: 'merge', body } as const;
  await target.admin.patch(RESOURCES.deployment, web(release.namespace), patch, {
    subresource: 'status',
  });
}

const deadlines: readonly Behavior[] = [
  behavior(
    'a hold exceeds its progress deadline, and raising the cap clears the failure',
    async (target) => {
      const capped = await held(target, { ...SMALL, spec: { progressDeadlineSeconds: 4 } });
      await capped.progressing('ProgressDeadlineExceeded');
      assert.equal((await capped.progress()).status, 'False');
      await capped.raiseCap('web:v2', 1);
      await capped.progressing('ReplicaSetUpdated');
      assert.equal((await capped.progress()).status, 'True');
      await capped.stop();
    },
  ),

  behavior(
    'a condition with a future update time postpones the deadline until there is progress',
    async (target) => {
      const capped = await held(target, { ...SMALL, spec: { progressDeadlineSeconds: 5 } });
      await postpone(capped);
      await pause(target, 10_000);
      assert.deepEqual(await capped.progress(), { status: 'True', reason: 'Held' });
      await capped.raiseCap('web:v2', 4);
      await capped.progressing('NewReplicaSetAvailable');
      await capped.stop();
    },
  ),
];

const pauses: readonly Behavior[] = [
  behavior(
    'a cap raised while the user has paused the Deployment releases nothing until it is resumed',
    async (target) => {
      const capped = await held(target, SMALL);
      await capped.release.write({ paused: true });
      await capped.release.observed();
      const since = capped.release.now;
      await capped.raiseCap('web:v2', 1);
      await capped.calm();
      assert.equal(capped.release.churn(since), 0);
      await capped.release.write({ paused: false });
      await capped.rests(3, 'web:v2', 1);
      await capped.stop();
    },
  ),

  behavior(
    'a template applied while paused is held when the Deployment is resumed',
    async (target) => {
      const capped = await Capped.start(target, SMALL);
      await capped.govern();
      await capped.release.write({ paused: true });
      await capped.release.write(withImage('web:v2'));
      await capped.release.observed();
      assert.equal(await capped.find('web:v2'), undefined);
      const since = capped.release.now;
      await capped.release.write({ paused: false });
      await capped.get('web:v2');
      await capped.calm();
      assert.equal(capped.release.churn(since), 0);
      await capped.stop();
    },
  ),
];

/** What users and other clients do while a release is capped. */
export const capMoves: readonly Behavior[] = [
  ...scaling,
  ...otherClients,
  ...reverts,
  ...deadlines,
  ...pauses,
];
