// SPDX-License-Identifier: Apache-2.0

/** StatefulSets with `podManagementPolicy: Parallel`, some of whose pods may be unavailable at a time. */
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { sharedCluster, type SharedCluster } from './support/cluster.ts';
import { prepareCluster, startOperator, type OperatorProcess } from './support/operator.ts';
import { activeOf, anApp, type App } from './support/story.ts';
import { stopAll } from './support/stop-all.ts';

const REPLICAS = 6;
const MAX_UNAVAILABLE = 2;
const BATCHES = [1, '50%', '100%'] as const;
const POLICY = {
  release: { batches: BATCHES, soakSeconds: 2 },
  checks: { podHealth: { readyDeadlineSeconds: 20 } },
};
const SPEC = {
  podManagementPolicy: 'Parallel',
  updateStrategy: { type: 'RollingUpdate', rollingUpdate: { maxUnavailable: MAX_UNAVAILABLE } },
};

let cluster: SharedCluster;
let operator: OperatorProcess;

before(async () => {
  cluster = await sharedCluster();
  await prepareCluster(cluster);
  operator = await startOperator(cluster);
});

after(() =>
  stopAll(
    () => operator.stop(),
    () => cluster.stop(),
  ),
);

async function inParallel(play: (app: App, spec: object) => Promise<void>): Promise<void> {
  const app = await anApp(cluster, {
    ...{ kind: 'StatefulSet', replicas: REPLICAS, policy: POLICY },
    wishes: { spec: SPEC },
  });
  try {
    await play(app, (await app.get()).spec);
  } finally {
    await app.close();
  }
}

/** Where the feature is disabled, the API server drops `maxUnavailable`: one pod at a time. */
const allowedUnavailable = (spec: object): number =>
  JSON.stringify(spec).includes('maxUnavailable') ? MAX_UNAVAILABLE : 1;

test('a good change is released in its batches, within maxUnavailable', () =>
  inParallel(async (app, written) => {
    const since = performance.now();
    await app.setImage('checkout:v2');
    await app.until('checkout:v2', 'Success', 180_000);
    await app.untilReady('checkout:v2', REPLICAS);
    const batches = await app.batches();
    assert.deepEqual(
      batches.map(({ spec }) => spec.targetUnits),
      [1, 3, 6],
    );
    for (const { spec, status } of batches) {
      assert.equal(status?.pods?.updated, spec.targetUnits, `pods of batch ${spec.batch}`);
    }
    const least = app.timeline.minReady(since);
    assert.ok(least >= REPLICAS - allowedUnavailable(written), `${least} ready`);
    const { spec } = await app.get();
    assert.deepEqual(spec, { ...written, template: spec.template });
  }));

test('a bad change costs the pods of its batch, and all of them come back', () =>
  inParallel(async (app, written) => {
    const since = performance.now();
    await app.setImage('checkout:noready-2');
    await app.until('checkout:noready-2', 'RolledBack', 120_000);
    await app.untilReady('checkout:v1', REPLICAS);
    assert.equal(app.timeline.maxNew('checkout:noready-2'), 1);
    assert.equal(activeOf(app.timeline.pods, 'checkout:noready-2'), 0);
    const least = app.timeline.minReady(since);
    assert.ok(least >= REPLICAS - allowedUnavailable(written), `${least} ready`);
    assert.deepEqual((await app.get()).spec, written);
  }));
