// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { aDeployment, aPolicy, aTemplate } from '../testing/builders.ts';
import { World } from '../testing/world.ts';
import { statusOf } from './status.ts';

/** Everything moves but time. */
function settle(world: World): void {
  for (let i = 0; i < 400; i += 1) {
    const moved = [
      world.operator(),
      world.cluster.syncDeployment(),
      world.cluster.syncSets(),
      world.cluster.becomeReady(3),
    ];
    if (!moved.some(Boolean)) return;
  }
  throw new Error('it never comes to rest');
}

function scaledDown(batches: number[], replicas: number, meanwhile: (w: World) => void): World {
  const rollingUpdate = { maxSurge: '50%', maxUnavailable: '25%' };
  const deployment = aDeployment({
    spec: { replicas: 100, strategy: { type: 'RollingUpdate', rollingUpdate } },
  });
  const world = new World(deployment, aPolicy({ release: { batches, soakSeconds: 600 } }));
  world.userWrites((d) => ({ ...d, spec: { ...d.spec, template: aTemplate('b') } }));
  settle(world);
  meanwhile(world);
  settle(world);
  world.userWrites((d) => ({ ...d, spec: { ...d.spec, replicas } }));
  settle(world);
  return world;
}

const pods = ({ cluster }: World): number => cluster.sets.reduce((sum, s) => sum + s.replicas, 0);

test('a suspended change that is scaled down keeps no more than the owner’s surge', () => {
  const world = scaledDown([50], 8, (w) => {
    // A person's decision, or a rollback that may not be: it stops at rest, with what surged.
    const [change] = w.changes;
    if (change !== undefined)
      w.changes[0] = {
        ...change,
        status: { ...statusOf(change), phase: 'Suspend', reason: 'RollbackLimit' },
      };
  });
  assert.ok(pods(world) <= 8 + 4, `${pods(world)} pods`);
});

test('a change that is scaled down into its last batch keeps no more than the owner’s surge', () => {
  const world = scaledDown([50], 8, () => undefined);
  assert.ok(pods(world) <= 8 + 4, `${pods(world)} pods`);
});
