// SPDX-License-Identifier: Apache-2.0

/** A DaemonSet that is released zone by zone, with the real controller and scheduler. */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { altershield } from './support/operator.ts';
import { Fixture } from './support/fixture.ts';
import { imageOf } from './support/pods.ts';
import type { App } from './support/story.ts';

const ZONE = 'topology.kubernetes.io/zone';
const POLICY = { release: { topologyKey: ZONE, soakSeconds: 2 } };
const NODES = 4;
/** Zones of the nodes, the first one last by its name. */
const ZONES = ['zone-b', 'zone-a', 'zone-b', 'zone-a'];
const V2 = 'checkout:v2';

const fixture = Fixture.ofFile();

async function agents(): Promise<App> {
  const app = await fixture.newApp({ kind: 'DaemonSet', replicas: NODES, policy: POLICY });
  for (const [i, zone] of ZONES.entries()) {
    await fixture.cluster.call({
      method: 'PATCH',
      path: `/api/v1/nodes/pool-of-${NODES}-${i + 1}`,
      contentType: 'application/merge-patch+json',
      body: { metadata: { labels: { [ZONE]: zone } } },
    });
  }
  return app;
}

/** The zone of every pod of an image that there ever was, in the order in which they came. */
function zonesOf(app: App, image: string): readonly (string | undefined)[] {
  const zones = new Map<string, string | undefined>();
  for (const { pod } of app.timeline.events) {
    const { nodeName } = pod.spec;
    if (imageOf(pod) !== image || nodeName === undefined || zones.has(pod.metadata.uid)) continue;
    zones.set(pod.metadata.uid, ZONES[Number(nodeName.split('-').at(-1)) - 1]);
  }
  return [...zones.values()];
}

describe('a DaemonSet with topologyKey', { concurrency: 2 }, () => {
  test('is released in one batch for each zone, in the order of their names', async () => {
    const app = await agents();
    await app.setImage(V2);
    const { spec } = await app.until(V2, 'Success', 120_000);
    assert.equal(spec.release?.strategy, 'Batch');
    assert.deepEqual(zonesOf(app, V2), ['zone-a', 'zone-a', 'zone-b', 'zone-b']);
    const batches = await app.batches();
    assert.deepEqual(
      batches.map((batch) => [batch.spec.topologyDomain, batch.spec.targetUnits]),
      [
        ['zone-a', 2],
        ['zone-b', 4],
      ],
    );
    const { stdout } = await altershield(app.cluster, [
      'why',
      `ds/${app.name}`,
      '-n',
      app.namespace,
    ]);
    assert.match(stdout, /1 of 2 {2}2 pods with nodes of zone-a/);
  });

  test('is rolled back before a bad revision reaches the second zone', async () => {
    const app = await agents();
    await app.setImage('checkout:crash-2');
    await app.until('checkout:crash-2', 'RolledBack', 120_000);
    await app.untilReady('checkout:v1', NODES);
    assert.deepEqual([...new Set(zonesOf(app, 'checkout:crash-2'))], ['zone-a']);
  });
});
