// SPDX-License-Identifier: Apache-2.0

import assert from 'node:assert/strict';
import { RESOURCES } from '@altershield/kube';
import { imageOf, isReady } from '../e2e/support/pods.ts';
import { getWeb, withImage, type ReplicaSet } from './helpers.ts';
import { aRelease, HUGE, rolling, type Release, type UserFields } from './protocol.ts';
import { behaviour, pause, until, type Behaviour, type ContractTarget } from './target.ts';

const USER: UserFields = { replicas: 10, surge: 2, unavailable: 1 };

const sets = async ({ target, namespace }: Release): Promise<readonly ReplicaSet[]> =>
  (await target.admin.list<ReplicaSet>(RESOURCES.replicaSet, { namespace })).items;

/** A release whose `batch` pods of a bad image have come and will not be ready. */
async function badBatch(target: ContractTarget, batch: number): Promise<Release> {
  const release = await aRelease(target, USER);
  await release.hold('web:bad');
  await release.write({ ...rolling(0, batch), paused: false });
  await release.settled({ 'web:bad': batch, 'web:v1': USER.replicas - batch });
  return release;
}

const batches = (surge: number, unavailable: number, batch: number): Behaviour =>
  behaviour(
    `a batch of ${batch} with surge ${surge} and ${unavailable} unavailable is exact, rests with what surged and keeps the capacity`,
    async (target) => {
      const release = await aRelease(target, { replicas: 10, surge, unavailable });
      await release.hold('web:v2');
      const since = release.now;
      await release.letOut('web:v2', 0, batch);
      const restedAt = release.now;
      await pause(target, 2000);
      assert.equal(release.churn(restedAt), 0);
      assert.equal(release.timeline.maxNew('web:v2'), batch);
      release.assertCapacity(since);
      await release.stop();
    },
  );

/** Zero when no bad pod waits for a good one; at the native pace nearly all of them do. */
function successorsReadyBeforeTheLastBad({ timeline }: Release, since: number): number {
  const { events } = timeline;
  const last = events.findLastIndex(
    ({ type, pod }) => type === 'DELETED' && imageOf(pod) === 'web:bad',
  );
  const young = events
    .filter(({ type, at, pod }) => type === 'ADDED' && at > since && imageOf(pod) === 'web:v1')
    .map(({ pod }) => pod.metadata.uid);
  const ready = events.slice(0, last).filter(({ pod }) => isReady(pod));
  return new Set(ready.map(({ pod }) => pod.metadata.uid).filter((uid) => young.includes(uid)))
    .size;
}

export const releases: readonly Behaviour[] = [
  behaviour('a held change moves no pod', async (target) => {
    const release = await aRelease(target, { replicas: 4, surge: 1, unavailable: 0 });
    const since = release.now;
    await release.hold('web:v2');
    await pause(target, 3000);
    assert.equal(release.churn(since), 0);
    assert.equal((await sets(release)).length, 1);
    await release.stop();
  }),

  batches(2, 1, 5),
  batches(3, 0, 5),
  batches(0, 2, 5),
  batches(1, 0, 1),
  batches(3, 0, 2),

  behaviour(
    'three batches and the restoring write release everything, the last one sheds what surged',
    async (target) => {
      const release = await aRelease(target, USER);
      const since = release.now;
      await release.hold('web:v2');
      let surged = 0;
      for (const [previous, batch] of [
        [0, 1],
        [1, 5],
        [5, 10],
      ] as const) {
        surged = await release.letOut('web:v2', previous, batch);
        assert.equal(release.timeline.maxNew('web:v2'), batch);
      }
      const restoredAt = release.now;
      await release.restore();
      const { spec } = await until(target, 'all pods to be available', async () => {
        const found = await getWeb(target, release.namespace);
        const progress = found.status.conditions?.find(({ type }) => type === 'Progressing');
        const isDone =
          found.status.availableReplicas === 10 && progress?.reason === 'NewReplicaSetAvailable';
        return isDone && found;
      });
      assert.equal(spec.paused, undefined);
      await release.settled({ 'web:v2': 10, 'web:v1': 0 });
      assert.equal(release.churn(restoredAt), surged);
      release.assertCapacity(since);
      await release.stop();
    },
  ),

  behaviour(
    'while pods cannot become available the Progressing condition is absent',
    async (target) => {
      const release = await aRelease(target, { replicas: 4, surge: 1, unavailable: 1 });
      await release.write({ ...withImage('web:v2'), ...HUGE, ...rolling(0, 2) });
      await release.ready('web:v2', 2);
      const status = await until(target, 'the counts', async () => {
        const found = await getWeb(target, release.namespace);
        return found.status.readyReplicas === 4 && found.status;
      });
      assert.deepEqual([status.availableReplicas, status.unavailableReplicas], [2, 2]);
      assert.deepEqual(
        status.conditions?.map(({ type, status: is }) => [type, is]),
        [['Available', 'True']],
      );
      await release.stop();
    },
  ),

  behaviour('restoring the fields half-way releases everything', async (target) => {
    const release = await aRelease(target, { replicas: 4, surge: 1, unavailable: 1 });
    await release.hold('web:v2');
    const since = release.now;
    await release.letOut('web:v2', 0, 2);
    await release.restore();
    await release.settled({ 'web:v2': 4, 'web:v1': 0 });
    release.assertCapacity(since);
    await release.stop();
  }),

  behaviour('lowering surge or unavailability takes no new pod back', async (target) => {
    const release = await aRelease(target, { replicas: 6, surge: 0, unavailable: 3 });
    await release.write({ ...withImage('web:v2'), ...HUGE, ...rolling(0, 3) });
    await release.ready('web:v2', 3);
    await release.write(rolling(0, 1));
    await pause(target, 3000);
    assert.deepEqual([release.pods('web:v2'), release.pods('web:v1')], [3, 3]);
    await release.stop();
  }),

  behaviour(
    'a third template that comes while paused waits; one that is let out replaces the unverified pods first',
    async (target) => {
      const release = await aRelease(target, { replicas: 6, surge: 0, unavailable: 1 });
      await release.write({ ...withImage('web:v2'), ...HUGE, ...rolling(0, 3) });
      await release.ready('web:v2', 3);
      await release.write({ paused: true });
      await release.observed();
      const since = release.now;
      await release.write({ ...withImage('web:v3'), ...rolling(0, 1) });
      await pause(target, 2000);
      assert.equal(release.churn(since), 0);
      await release.write({ paused: false });
      await release.ready('web:v3', 1);
      await pause(target, 1000);
      assert.deepEqual(
        ['web:v1', 'web:v2', 'web:v3'].map((image) => release.pods(image)),
        [3, 2, 1],
      );
      await release.stop();
    },
  ),

  behaviour(
    'one write rolls a bad batch back at once, without a ready pod less',
    async (target) => {
      const release = await badBatch(target, 4);
      const [first] = (await sets(release)).filter(({ spec }) => spec.replicas === 6);
      const since = release.now;
      const fields = { ...release.restored(), ...rolling(USER.surge, USER.unavailable + 4) };
      await release.write({ ...withImage('web:v1'), ...fields });
      await release.settled({ 'web:bad': 0 });
      await release.ready('web:v1', 10);
      assert.ok(successorsReadyBeforeTheLastBad(release, since) < 4);
      assert.ok(release.timeline.minReady(since) >= 6);
      const [active] = (await sets(release)).filter(({ spec }) => spec.replicas === 10);
      assert.equal(active?.metadata.uid, first?.metadata.uid);
      const calm = release.now;
      await release.write(rolling(USER.surge, USER.unavailable));
      await pause(target, 2000);
      assert.equal(release.churn(calm), 0);
      await release.stop();
    },
  ),

  behaviour('a rollback from paused takes the same write', async (target) => {
    const release = await badBatch(target, 3);
    await release.write({ paused: true });
    await release.observed();
    const fields = { ...release.restored(), ...rolling(USER.surge, USER.unavailable + 3) };
    await release.write({ ...withImage('web:v1'), ...fields });
    await release.settled({ 'web:bad': 0, 'web:v1': 10 });
    await release.stop();
  }),

  // Whether it gets stuck depends on which controller is faster: both happen on a real control plane.
  behaviour(
    'taking back the template alone is finished by writing the fields, stuck or not',
    async (target) => {
      const release = await aRelease(target, { replicas: 6, surge: 0, unavailable: 1 });
      await release.write({ ...withImage('web:v2'), ...HUGE, ...rolling(0, 3) });
      await release.ready('web:v2', 3);
      await release.write(withImage('web:v1'));
      await pause(target, 2000);
      await release.write(release.restored());
      await release.settled({ 'web:v2': 0, 'web:v1': 6 });
      await release.stop();
    },
  ),

  behaviour('an old pod that dies in the middle comes back as an old one', async (target) => {
    const release = await aRelease(target, { replicas: 4, surge: 0, unavailable: 2 });
    await release.write({ ...withImage('web:v2'), ...HUGE, ...rolling(0, 2) });
    await release.ready('web:v2', 2);
    const victim = release.timeline.pods.find(({ spec }) => spec.containers[0]?.image === 'web:v1');
    assert.ok(victim);
    const { name } = victim.metadata;
    await target.admin.delete(RESOURCES.pod, { namespace: release.namespace, name });
    await until(target, 'its successor', () =>
      Promise.resolve(release.timeline.everCreated('web:v1') === 5 && release.pods('web:v1') === 2),
    );
    assert.equal(release.timeline.maxNew('web:v2'), 2);
    await release.stop();
  }),

  behaviour(
    'only the ReplicaSet of the present template gets the new minReadySeconds',
    async (target) => {
      const release = await aRelease(target, { replicas: 2, surge: 0, unavailable: 1 });
      await release.write({ ...withImage('web:v2'), ...HUGE, ...rolling(0, 1) });
      await release.ready('web:v2', 1);
      const seconds = (await sets(release)).map(({ spec }) => spec.minReadySeconds ?? 0).sort();
      assert.deepEqual(seconds, [0, 2147483646]);
      await release.stop();
    },
  ),

  behaviour('Recreate is held by a pause and replaces all pods at once', async (target) => {
    const release = await aRelease(target, { replicas: 3, surge: 1, unavailable: 1 });
    await release.write({ strategy: { type: 'Recreate', rollingUpdate: null } });
    await release.write({ ...withImage('web:v2'), paused: true });
    const since = release.now;
    await pause(target, 1500);
    assert.equal(release.churn(since), 0);
    await release.write({ paused: false });
    await release.settled({ 'web:v1': 0, 'web:v2': 3 });
    assert.equal(release.timeline.minReady(since), 0);
    assert.equal(release.timeline.maxPods(since), 3);
    await release.stop();
  }),

  behaviour(
    'without history the old ReplicaSet goes as soon as everything is new and paused',
    async (target) => {
      const release = await aRelease(
        target,
        { replicas: 2, surge: 0, unavailable: 2 },
        { spec: { revisionHistoryLimit: 0 } },
      );
      await release.write({ ...withImage('web:v2'), ...HUGE, ...rolling(0, 2) });
      await release.ready('web:v2', 2);
      await pause(target, 500);
      assert.equal((await sets(release)).length, 2);
      await release.write({ paused: true });
      await until(
        target,
        'the old ReplicaSet to go',
        async () => (await sets(release)).length === 1,
      );
      await release.stop();
    },
  ),
];
