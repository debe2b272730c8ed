// SPDX-License-Identifier: Apache-2.0

import assert from 'node:assert/strict';
import { RESOURCES } from '@altershield/kube';
import { getWeb, withImage, type ReplicaSet } from './helpers.ts';
import { aRelease, HUGE, rolling, type Release } from './protocol.ts';
import { behavior, pause, until, type Behavior } from './target.ts';

const sets = async ({ target, namespace }: Release): Promise<readonly ReplicaSet[]> =>
  (await target.admin.list<ReplicaSet>(RESOURCES.replicaSet, { namespace })).items;

/** What users' own fields and pauses do to a rollout, without any cap. */
export const releases: readonly Behavior[] = [
  behavior(
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

  behavior('lowering surge or unavailability removes no updated pod', async (target) => {
    const release = await aRelease(target, { replicas: 6, surge: 0, unavailable: 3 });
    await release.write({ ...withImage('web:v2'), ...HUGE, ...rolling(0, 3) });
    await release.ready('web:v2', 3);
    await release.write(rolling(0, 1));
    await pause(target, 3000);
    assert.deepEqual([release.pods('web:v2'), release.pods('web:v1')], [3, 3]);
    await release.stop();
  }),

  behavior(
    'a third template applied while paused waits; resumed, it replaces the pods of the second first',
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

  behavior(
    'only the ReplicaSet of the current template gets the new minReadySeconds',
    async (target) => {
      const release = await aRelease(target, { replicas: 2, surge: 0, unavailable: 1 });
      await release.write({ ...withImage('web:v2'), ...HUGE, ...rolling(0, 1) });
      await release.ready('web:v2', 1);
      const seconds = (await sets(release)).map(({ spec }) => spec.minReadySeconds ?? 0).sort();
      assert.deepEqual(seconds, [0, 2147483646]);
      await release.stop();
    },
  ),

  behavior('Recreate is held by a pause and replaces all pods at once', async (target) => {
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

  behavior(
    'without history, the old ReplicaSet is deleted once all pods are updated, even while paused',
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
