// SPDX-License-Identifier: Apache-2.0
// Helm with the hook of docs/pipelines.md: its exit code and its history tell how the change ended.

import assert from 'node:assert/strict';
import { cp, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { bundleCommandLine } from '../../tools/bundle.ts';
import { HELM_VERSIONS, type HelmResult, type HelmVersion } from '../helm/helm.ts';
import { aNamespace, sharedCluster, type SharedCluster } from './support/cluster.ts';
import { CHART, HelmRelease } from './support/helm-release.ts';
import { prepareCluster, startOperator, type OperatorProcess } from './support/operator.ts';
import { PodRunner } from './support/pod-runner.ts';
import { stopAll } from './support/stop-all.ts';
import { App, QUICK, applyPolicy } from './support/story.ts';
import { watchPods } from './support/watch-pods.ts';

/** A pod of this image runs until the test says how it ended. */
const HOOK_IMAGE = 'altershield:jobrun';
const REPLICAS = 4;
const ROLLED_BACK = 6;
/** For how long the hook takes an earlier change for its own, because clocks differ. */
const TOLERANCE_MS = 60_000;

let cluster: SharedCluster;
let operator: OperatorProcess;
let dir: string;

before(async () => {
  cluster = await sharedCluster();
  await prepareCluster(cluster);
  operator = await startOperator(cluster);
  dir = await mkdtemp(join(tmpdir(), 'altershield-chart-'));
  await cp(CHART, join(dir, 'chart'), { recursive: true });
  await writeFile(join(dir, 'chart/templates/change.yaml'), await hookOfDocs());
  await bundleCommandLine(join(dir, 'cli'));
});

after(() =>
  stopAll(
    () => operator.stop(),
    () => cluster.stop(),
    () => rm(dir, { recursive: true, force: true }),
  ),
);

/** The template as the documentation shows it. */
async function hookOfDocs(): Promise<string> {
  const page = await readFile(new URL('../../docs/pipelines.md', import.meta.url), 'utf8');
  const [, template] = /```yaml\n(apiVersion: batch\/v1\n[^]*?)```/.exec(page) ?? [];
  return template ?? assert.fail('docs/pipelines.md shows no hook');
}

describe('Helm with a hook that waits for the change', { concurrency: true }, () => {
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
  let runner: PodRunner;

  const upgrade = (tag: string, surge = 2): Promise<HelmResult> =>
    helm.upgrade(
      { tag, surge, 'altershield.image': HOOK_IMAGE },
      ...[helm.rollBackFlag, '--timeout', '5m'],
    );

  before(async () => {
    const namespace = await aNamespace(cluster, `hook-${version}`);
    app = new App(cluster, namespace, await watchPods(cluster, namespace, 'app=checkout'));
    await app.deployment.start();
    runner = new PodRunner(
      ...[cluster, namespace, 'checkout-change', join(dir, 'cli/altershield.mjs')],
    );
    await runner.start();
    await allowReading(namespace);
    helm = await HelmRelease.of(version, cluster, namespace, join(dir, 'chart'));
    await applyPolicy(cluster, namespace, QUICK);
    const { code, stderr } = await upgrade('v1');
    assert.equal(code, 0, stderr);
    await app.until('checkout:v1', 'Success');
  });

  after(() =>
    stopAll(
      () => runner.stop(),
      () => app.close(),
    ),
  );

  test('an upgrade succeeds when its change has succeeded, the last soak included', async () => {
    const { code, stderr } = await upgrade('v2');
    const change = (await app.changes()).at(-1);
    assert.equal(code, 0, `${stderr}${JSON.stringify(runner.ran)}`);
    assert.deepEqual(change?.spec.to.images, ['checkout:v2']);
    assert.equal(change.status?.phase, 'Success');
    assert.equal(runner.ran.at(-1)?.code, 0);
    assert.equal((await helm.newest()).status, 'deployed');
  });

  test('an upgrade fails when AlterShield rolls its change back, and the history names the release that runs', async () => {
    const { code } = await upgrade('bad-3');
    assert.equal(code, 1);
    await app.until('checkout:bad-3', 'RolledBack');
    const { status, description } = await helm.newest();
    assert.deepEqual([status, description], ['deployed', 'Rollback to 2']);
    await app.untilReady('checkout:v2', REPLICAS);
    // Helm 4 sometimes sees the failure of the rollout itself, before it runs hooks.
    if (version === 3) assert.equal(runner.ran.at(-1)?.code, ROLLED_BACK);
  });

  test('a later upgrade that changes no pod succeeds', async () => {
    const change = await app.until('checkout:bad-3', 'RolledBack');
    const seen = Date.parse(change.spec.detectedAt);
    await sleep(Math.max(0, seen + TOLERANCE_MS + 2000 - Date.now()));
    const { code, stderr } = await upgrade('v2', 3);
    assert.equal(code, 0, `${stderr}${JSON.stringify(runner.ran)}`);
    assert.match(runner.ran.at(-1)?.output ?? '', /nothing to wait for/);
    assert.equal((await app.get()).spec.strategy?.rollingUpdate?.maxSurge, 3);
  });
}

/** As docs/pipelines.md says. */
async function allowReading(namespace: string): Promise<void> {
  const account = ['create', 'serviceaccount', 'change-reader', '-n', namespace];
  const binding = [
    ...['create', 'rolebinding', 'change-reader', '-n', namespace, '--clusterrole=view'],
    `--serviceaccount=${namespace}:change-reader`,
  ];
  for (const args of [account, binding]) {
    const { code, stderr } = await cluster.kubectl(args);
    assert.equal(code, 0, stderr);
  }
}
