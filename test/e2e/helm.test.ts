// SPDX-License-Identifier: Apache-2.0
// What Helm says about a governed release, and what runs. Helm 3 polls and patches; Helm 4 watches and applies on the server.

import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { HELM_VERSIONS, type HelmResult, type HelmVersion } from '../helm/helm.ts';
import { aNamespace, sharedCluster, type SharedCluster } from './support/cluster.ts';
import { HelmRelease } from './support/helm-release.ts';
import {
  altershield,
  prepareCluster,
  startOperator,
  type OperatorProcess,
} from './support/operator.ts';
import { App, QUICK, activeOf, applyPolicy, isSound } from './support/story.ts';
import { imageOf } from './support/pods.ts';
import { slowWrites } from './support/slow-writes.ts';
import { stopAll } from './support/stop-all.ts';
import { watchPods } from './support/watch-pods.ts';

const REPLICAS = 4;
/** Of `altershield status --wait`. */
const EXIT_ROLLED_BACK = 6;
const PATIENTLY = ['--wait', '--timeout', '5m'];

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

describe('Helm', { concurrency: true }, () => {
  for (const version of HELM_VERSIONS) {
    describe(`version ${version}`, { concurrency: 1 }, () => {
      aRelease(version);
    });
  }
});

/** Its tests go on from one another, as the revisions of a release do. */
function aRelease(version: HelmVersion): void {
  let app: App;
  let helm: HelmRelease;

  before(async () => {
    const namespace = await aNamespace(cluster, `helm-${version}`);
    app = new App(cluster, namespace, await watchPods(cluster, namespace, 'app=checkout'));
    await app.deployment.start();
    helm = await HelmRelease.of(version, cluster, namespace);
    await applyPolicy(cluster, namespace, { ...QUICK, limits: { rollbacksPerHour: 10 } });
    succeeded(await helm.upgrade({ tag: 'v1' }, ...PATIENTLY));
    await app.until('checkout:v1', 'Success');
  });

  after(() => app.close());

  test('reports deployed when all pods of a good change are released, and no earlier', async () => {
    const { code, stdout, stderr } = await helm.upgrade({ tag: 'v2' }, ...PATIENTLY);
    const ready = app.timeline.pods.filter((pod) => isSound(pod) && imageOf(pod) === 'checkout:v2');
    assert.equal(ready.length, REPLICAS);
    assert.equal(code, 0, stderr);
    assert.match(stdout, /STATUS: deployed/);
    assert.match(stderr, /AlterShield holds this change as \S+ and releases it batch by batch/);
    const { status } = await app.until('checkout:v2', 'Success');
    assert.equal(status?.batch?.index, QUICK.release.batches.length);
  });

  test('times out on a change that is held longer than it waits, and its rollback is released at once', async () => {
    const impatiently = [helm.rollBackFlag, '--timeout', '15s'];
    const { code, stderr } = await helm.upgrade({ tag: 'noready-3' }, ...impatiently);
    assert.equal(code, 1);
    assert.match(stderr, /UPGRADE FAILED: .*context deadline exceeded/s);
    const { status, description } = await helm.newest();
    assert.deepEqual([status, description], ['deployed', 'Rollback to 2']);
    const change = await app.until('checkout:noready-3', 'RolledBack');
    assert.equal(change.status?.reason, 'RevertedByUser');
    await assertRuns('checkout:v2');
    assert.equal(app.timeline.maxNew('checkout:noready-3'), 1);
  });

  if (version === 4) {
    test('fails when a change is rolled back slowly enough to be seen, and rolls back as well', async () => {
      const end = await slowWrites(cluster, app.namespace);
      const { code, stderr } = await helm
        .upgrade({ tag: 'bad-11' }, ...[helm.rollBackFlag, ...PATIENTLY])
        .finally(end);
      assert.equal(code, 1);
      assert.match(stderr, /UPGRADE FAILED: .* rolled back .*Progress deadline exceeded/);
      const { status, description } = await helm.newest();
      assert.equal(status, 'deployed');
      assert.match(description, /^Rollback to /);
      const change = await app.until('checkout:bad-11', 'RolledBack');
      assert.equal(change.status?.verdict, 'Fail');
      await assertRuns('checkout:v2');
    });
  }

  test('runs the verified revision after AlterShield has rolled back, and altershield status reports it', async () => {
    const { code, stderr } = await helm.upgrade({ tag: 'bad-4' }, helm.rollBackFlag, ...PATIENTLY);
    await app.until('checkout:bad-4', 'RolledBack');
    const { status, description } = await helm.newest();
    assert.equal(status, 'deployed');
    // What runs is healthy again when Helm 3 looks: it does not compare it with what it has applied.
    // Helm 4 may see the failure before it is over, and rolls back as well.
    if (version === 3 || code === 0) assert.equal(code, 0, stderr);
    else assert.match(description, /^Rollback to /);
    await assertRuns('checkout:v2');
    const told = await altershield(cluster, [
      ...['status', 'deploy/checkout', '-n', app.namespace],
      ...['--wait', '--timeout', '10s'],
    ]);
    assert.equal(told.code, EXIT_ROLLED_BACK, told.stderr);
  });

  test('fails when it applies the quarantined revision again', async () => {
    const { code, stderr } = await helm.upgrade({ tag: 'bad-4' }, ...PATIENTLY);
    assert.equal(code, 1);
    assert.match(stderr, /AlterShield denies this revision of Deployment/);
    assert.equal((await helm.newest()).status, 'failed');
    await assertRuns('checkout:v2');
  });

  test('applies the next good chart without a conflict, its strategy as well', async () => {
    await helm.upgrade({ tag: 'bad-5', legacy: false, surge: 1 }, ...PATIENTLY);
    await app.until('checkout:bad-5', 'RolledBack');
    succeeded(await helm.upgrade({ tag: 'v6', legacy: false, surge: 3 }, ...PATIENTLY));
    await app.until('checkout:v6', 'Success');
    await assertRuns('checkout:v6');
    const { spec } = await app.get();
    assert.deepEqual(spec.strategy?.rollingUpdate, { maxSurge: 3, maxUnavailable: 0 });
    // Helm 3 compares with the chart that it applied last, which did not have the variable either.
    assert.equal(JSON.stringify(spec.template).includes('LEGACY'), version === 3);
  });

  test('removes what the chart of a rolled back change had removed, after helm rollback with Helm 3', async () => {
    succeeded(await helm.upgrade({ tag: 'v7', legacy: true }, ...PATIENTLY));
    await app.until('checkout:v7', 'Success');
    const { revision } = await helm.newest();
    await helm.upgrade({ tag: 'bad-8', legacy: false }, ...PATIENTLY);
    await app.until('checkout:bad-8', 'RolledBack');
    if (version === 3) succeeded(await helm.rollBack(revision, ...PATIENTLY));
    succeeded(await helm.upgrade({ tag: 'v9', legacy: false }, ...PATIENTLY));
    await app.until('checkout:v9', 'Success');
    assert.doesNotMatch(JSON.stringify((await app.get()).spec.template), /LEGACY/);
  });

  test('never had fewer ready pods than its chart allows', () => {
    const since = app.timeline.first((pod) => imageOf(pod) === 'checkout:v2')?.at;
    assert.ok(app.timeline.minReady(since) >= REPLICAS);
  });

  async function assertRuns(image: string): Promise<void> {
    await app.pods.until(
      `${REPLICAS} pods, all of ${image}`,
      ({ pods }) => {
        const sound = pods.filter(isSound);
        return sound.length === REPLICAS && activeOf(sound, image) === REPLICAS;
      },
      60_000,
    );
    assert.match(JSON.stringify((await app.get()).spec.template), new RegExp(`"${image}"`));
  }
}

function succeeded({ code, stderr }: HelmResult): void {
  assert.equal(code, 0, stderr);
}
