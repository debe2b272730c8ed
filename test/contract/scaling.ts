// SPDX-License-Identifier: Apache-2.0

import assert from 'node:assert/strict';
import { RESOURCES } from '@altershield/kube';
import { web, withImage, type ReplicaSet } from './helpers.ts';
import { aRelease, HUGE, rolling, type Release } from './protocol.ts';
import { behavior, pause, until, type Behavior, type ContractTarget } from './target.ts';

/** Ten replicas, `fresh` of them new and ready, the rest old. */
async function halfWay(
  target: ContractTarget,
  fresh: number,
  unavailable: number | string,
): Promise<Release> {
  const release = await aRelease(target, { replicas: 10, surge: 0, unavailable: 2 });
  await release.write({ ...withImage('web:v2'), ...HUGE, ...rolling(0, unavailable) });
  await release.settled({ 'web:v1': 10 - fresh, 'web:v2': fresh });
  await release.ready('web:v2', fresh);
  return release;
}

async function scale({ target, namespace }: Release, replicas: number): Promise<void> {
  const patch = { type: 'merge', body: { spec: { replicas } } } as const;
  await target.admin.patch(RESOURCES.deployment, web(namespace), patch, { subresource: 'scale' });
}

interface Case {
  readonly unavailable: number | string;
  readonly isPaused: boolean;
  /** To how many replicas, and then how many old and new pods there are. */
  readonly outcomes: readonly (readonly [replicas: number, old: number, fresh: number])[];
}

const scaled = ({ unavailable, isPaused, outcomes }: Case): Behavior[] =>
  outcomes.map(([replicas, old, fresh]) => {
    const state = isPaused ? 'paused' : `running with ${unavailable} unavailable`;
    const name = `ten replicas, half of them new, ${state}, scaled to ${replicas} are ${old} old and ${fresh} new`;
    return behavior(name, async (target) => {
      const release = await halfWay(target, 5, unavailable);
      if (isPaused) await release.write({ paused: true });
      await release.observed();
      await scale(release, replicas);
      await release.settled({ 'web:v1': old, 'web:v2': fresh });
      await pause(target, 1500);
      assert.deepEqual([release.pods('web:v1'), release.pods('web:v2')], [old, fresh]);
      await release.stop();
    });
  });

const setsByImage = async ({
  target,
  namespace,
}: Release): Promise<ReadonlyMap<string, ReplicaSet>> => {
  const { items } = await target.admin.list<ReplicaSet>(RESOURCES.replicaSet, { namespace });
  const imageOf = ({ spec }: ReplicaSet): string => {
    const { containers } = spec.template['spec'] as { containers: { image: string }[] };
    return containers[0]?.image ?? '';
  };
  return new Map(items.map((set) => [imageOf(set), set]));
};

export const scaling: readonly Behavior[] = [
  ...scaled({
    unavailable: 5,
    isPaused: false,
    outcomes: [
      [20, 10, 10],
      [13, 6, 7],
      [4, 0, 4],
      [2, 0, 2],
      [1, 0, 1],
    ],
  }),
  ...scaled({
    unavailable: '50%',
    isPaused: false,
    outcomes: [
      [20, 10, 10],
      [4, 2, 2],
      [2, 1, 1],
      [1, 0, 1],
    ],
  }),
  ...scaled({
    unavailable: 5,
    isPaused: true,
    outcomes: [
      [20, 10, 10],
      [13, 6, 7],
      [4, 2, 2],
      [2, 1, 1],
      [1, 0, 1],
    ],
  }),

  behavior(
    'one large scale-up also doubles the updated pods; single steps keep their number',
    async (target) => {
      const release = await halfWay(target, 2, 2);
      for (let replicas = 11; replicas <= 14; replicas += 1) {
        await scale(release, replicas);
        await release.settled({ 'web:v1': replicas - 2, 'web:v2': 2 });
      }
      await release.stop();
      const jump = await halfWay(target, 2, 2);
      await scale(jump, 20);
      await jump.settled({ 'web:v1': 16, 'web:v2': 4 });
      await jump.stop();
    },
  ),

  behavior('patching the ReplicaSets restores the exact number of updated pods', async (target) => {
    const release = await halfWay(target, 2, 2);
    await scale(release, 20);
    await release.settled({ 'web:v1': 16, 'web:v2': 4 });
    const resize = async (image: string, replicas: number): Promise<void> => {
      const set = (await setsByImage(release)).get(image);
      assert.ok(set);
      const key = { namespace: release.namespace, name: set.metadata.name };
      await target.admin.patch(RESOURCES.replicaSet, key, {
        type: 'merge',
        body: { spec: { replicas } },
      });
    };
    await resize('web:v1', 18);
    await resize('web:v2', 2);
    await release.settled({ 'web:v1': 18, 'web:v2': 2 });
    await release.write({ minReadySeconds: 2147483645 });
    await pause(target, 2000);
    assert.deepEqual([release.pods('web:v1'), release.pods('web:v2')], [18, 2]);
    await release.stop();
  }),

  behavior(
    'replicas and template in one paused write scale the stable pods only',
    async (target) => {
      const release = await aRelease(target, { replicas: 4, surge: 1, unavailable: 1 });
      await release.write({ ...withImage('web:v2'), ...HUGE, paused: true, replicas: 6 });
      await release.ready('web:v1', 6);
      assert.equal(release.pods('web:v2'), 0);
      await release.stop();
    },
  ),

  behavior('the controller recovers from an interruption without excess pods', async (target) => {
    const release = await halfWay(target, 4, 4);
    const since = release.now;
    await release.write(rolling(0, 6));
    await until(target, 'six new pods', () => Promise.resolve(release.pods('web:v2') === 6));
    await release.ready('web:v2', 6);
    assert.equal(release.timeline.maxNew('web:v2', since), 6);
    await release.stop();
  }),
];
