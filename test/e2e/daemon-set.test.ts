// SPDX-License-Identifier: Apache-2.0

/** What the real controller does to a DaemonSet whose change is held, and what AlterShield makes of it. */
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { sharedCluster, type SharedCluster } from './support/cluster.ts';
import { poolOf } from './support/manifests.ts';
import { prepareCluster, startOperator, type OperatorProcess } from './support/operator.ts';
import { imageOf } from './support/pods.ts';
import { stopAll } from './support/stop-all.ts';
import { activeOf, anApp, type App } from './support/story.ts';

const NODES = 3;
/** The first batch soaks for as long as a test lasts. */
const POLICY = { release: { batches: [1, '100%'], soakSeconds: 3600 } };
const V2 = 'checkout:v2';

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

const agents = (): Promise<App> =>
  anApp(cluster, { kind: 'DaemonSet', replicas: NODES, policy: POLICY });

const strategyOf = async (app: App): Promise<unknown> =>
  ((await app.get()).spec as unknown as { readonly updateStrategy: unknown }).updateStrategy;

const rolling = (maxUnavailable: number) => ({
  type: 'RollingUpdate',
  rollingUpdate: { maxUnavailable, maxSurge: 0 },
});

async function deletePod(app: App, image: string): Promise<void> {
  const pod = app.timeline.pods.find((one) => imageOf(one) === image);
  const path = `/api/v1/namespaces/${app.namespace}/pods/${pod?.metadata.name ?? ''}`;
  await cluster.call({ method: 'DELETE', path }, 'developer');
}

async function rollOut(app: App, args: readonly string[]): Promise<string> {
  const { code, stderr } = await cluster.kubectl(
    ['rollout', ...args, `ds/${app.name}`, '-n', app.namespace],
    { user: 'developer' },
  );
  assert.equal(code, 0, stderr);
  return stderr;
}

describe('a DaemonSet whose change is held', { concurrency: 2 }, () => {
  test('releases no pod but the ones of its batch; kubectl rollout undo ends it in one write', async () => {
    const app = await agents();
    try {
      await app.setImage(V2);
      await app.untilReady(V2, 1);
      assert.deepEqual(await strategyOf(app), { ...rolling(1), type: 'OnDelete' });
      await rollOut(app, ['undo']);
      assert.deepEqual(await strategyOf(app), rolling(1));
      await app.until(V2, 'RolledBack');
      await app.untilReady('checkout:v1', NODES);
      assert.equal(app.timeline.maxNew(V2), 1);
    } finally {
      await app.close();
    }
  });

  test('is rolled back when the pod of a third revision fails, to the verified one', async () => {
    const app = await agents();
    try {
      await app.setImage('checkout:slow-2');
      await app.untilReady('checkout:slow-2', 1);
      await app.setImage('checkout:crash-3');
      await app.until('checkout:crash-3', 'RolledBack');
      await app.untilReady('checkout:v1', NODES);
      assert.deepEqual(await strategyOf(app), rolling(1));
    } finally {
      await app.close();
    }
  });

  test('gets an updated pod for one that is deleted, and leaves the others alone', async () => {
    const app = await agents();
    try {
      await app.setImage(V2);
      await app.untilReady(V2, 1);
      await deletePod(app, 'checkout:v1');
      await app.untilReady(V2, 2);
      await app.patch({ spec: { updateStrategy: { rollingUpdate: { maxUnavailable: 2 } } } });
      assert.deepEqual(await strategyOf(app), { ...rolling(2), type: 'OnDelete' });
      await new Promise((resolve) => setTimeout(resolve, 3000));
      assert.equal(activeOf(app.timeline.pods, 'checkout:v1'), 1);
      assert.equal((await app.until(V2, 'Running')).status?.batch?.index, 1);
    } finally {
      await app.close();
    }
  });

  test('has fields that cannot be held: the warning and the record name them', async () => {
    const app = await agents();
    try {
      const containers = [{ name: 'app', image: V2 }];
      const tolerations = [{ key: 'gpu', operator: 'Exists' }];
      const spec = { template: { spec: { containers, tolerations } } };
      const { stderr } = await cluster.kubectl(
        ['patch', 'ds', app.name, '-n', app.namespace, '-p', JSON.stringify({ spec })],
        { user: 'developer' },
      );
      assert.match(stderr, /Warning: AlterShield holds this change/);
      assert.match(stderr, /Warning: AlterShield cannot hold tolerations/);
      const change = await app.until(V2, 'Running');
      assert.deepEqual(change.spec.notHeld, ['/spec/template/spec/tolerations']);
    } finally {
      await app.close();
    }
  });

  test('conflicts with server-side apply over the strategy type alone', async () => {
    const app = await agents();
    try {
      await app.setImage(V2);
      await app.untilReady(V2, 1);
      const labels = { app: app.name };
      const containers = [{ name: 'app', image: V2 }];
      const spec = { containers, nodeSelector: poolOf(NODES), terminationGracePeriodSeconds: 0 };
      const apply = (updateStrategy: object) =>
        cluster.kubectl(['apply', '--server-side', '-f', '-'], {
          user: 'gitops',
          input: JSON.stringify({
            ...{ apiVersion: 'apps/v1', kind: 'DaemonSet' },
            metadata: { name: app.name, namespace: app.namespace },
            spec: {
              selector: { matchLabels: labels },
              template: { metadata: { labels }, spec },
              updateStrategy,
            },
          }),
        });
      const typed = await apply({ type: 'RollingUpdate' });
      assert.match(typed.stderr, /Apply failed with 1 conflict: .*\.spec\.updateStrategy\.type/);
      const bounds = await apply({ rollingUpdate: { maxUnavailable: 1 } });
      assert.equal(bounds.code, 0, bounds.stderr);
      assert.deepEqual(await strategyOf(app), { ...rolling(1), type: 'OnDelete' });
    } finally {
      await app.close();
    }
  });
});
