// SPDX-License-Identifier: Apache-2.0

/** A StatefulSet whose hold, or the revision that it protects, a user removes in mid-batch. */
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import type { KubeObject } from '@altershield/kube';
import { sharedCluster, type SharedCluster } from './support/cluster.ts';
import { eventually } from '@altershield/testing/eventually';
import { altershield, prepareCluster, startOperator } from './support/operator.ts';
import type { OperatorProcess } from './support/operator.ts';
import { activeOf, anApp, ourAnnotations, type App } from './support/story.ts';
import { stopAll } from './support/stop-all.ts';

const REPLICAS = 4;
const POLICY = { release: { batches: [1, '100%'], soakSeconds: 20 } };

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

/** Runs with a StatefulSet whose first batch of a change is ready. */
async function inFirstBatch(play: (app: App, spec: object) => Promise<void>): Promise<void> {
  const app = await anApp(cluster, { kind: 'StatefulSet', replicas: REPLICAS, policy: POLICY });
  try {
    const { spec } = await app.get();
    await app.setImage('checkout:v2');
    await app.untilReady('checkout:v2', 1);
    await play(app, spec);
  } finally {
    await app.close();
  }
}

const revisionsOf = async ({ namespace }: App): Promise<readonly KubeObject[]> => {
  const path = `/apis/apps/v1/namespaces/${namespace}/controllerrevisions`;
  return ((await cluster.call({ path })) as { items: readonly KubeObject[] }).items;
};

async function untilUnmarked(app: App): Promise<void> {
  await eventually(
    async () => {
      assert.deepEqual(ourAnnotations(await app.get()), []);
      return true;
    },
    { what: 'no annotation of the product', timeoutMs: 20_000 },
  );
}

test('the user’s strategy is restored although the annotation with it was removed', () =>
  inFirstBatch(async (app, written) => {
    await operator.stop();
    await app.patch({ metadata: { annotations: { 'altershield.io/hold': null } } });
    const { spec } = await app.get();
    assert.notDeepEqual({ ...spec, template: {} }, { ...written, template: {} });
    operator = await startOperator(cluster);
    const change = await app.until('checkout:v2', 'Success', 120_000);
    assert.equal(change.status?.hold, undefined);
    await app.untilReady('checkout:v2', REPLICAS);
    await untilUnmarked(app);
    assert.deepEqual((await app.get()).spec, { ...written, template: spec.template });
  }));

test('a change whose verified ControllerRevision is deleted waits for a user, who rolls it back', () =>
  inFirstBatch(async (app) => {
    const verified = (await revisionsOf(app)).find((revision) =>
      JSON.stringify(revision).includes('checkout:v1'),
    );
    const name = verified?.metadata.name ?? assert.fail('the verified revision exists');
    const path = `/apis/apps/v1/namespaces/${app.namespace}/controllerrevisions/${name}`;
    await cluster.call({ method: 'DELETE', path });
    // The controller looks again.
    await app.patch({ metadata: { labels: { touched: 'true' } } });
    const { status } = await app.untilReason('checkout:v2', ['Suspend', 'CannotMove']);
    assert.match(status?.message ?? '', /ControllerRevision .* was deleted.*altershield rollback/);
    assert.equal(activeOf(app.timeline.pods, 'checkout:v2'), 1);
    const { code } = await altershield(cluster, ['rollback', 'sts/checkout', '-n', app.namespace]);
    assert.equal(code, 0);
    await app.until('checkout:v2', 'RolledBack', 120_000);
    await app.untilReady('checkout:v1', REPLICAS);
    assert.ok((await revisionsOf(app)).some(({ metadata }) => metadata.name === name));
    await untilUnmarked(app);
  }));
