// SPDX-License-Identifier: Apache-2.0

/** Metric checks on a real control plane, with real Prometheus servers that scrape pods under load. */
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import type { ChangePolicy, CheckResult, MetricSource } from '@altershield/api';
import { eventually } from '@altershield/testing/eventually';
import { Exporter, type Served } from '../support/exporter.ts';
import { HoloInsight } from '../support/holoinsight.ts';
import { Prometheus, buildPrometheus3, skipReason } from '../support/prometheus.ts';
import { sharedCluster, type SharedCluster } from './support/cluster.ts';
import { prepareCluster, startOperator, type OperatorProcess } from './support/operator.ts';
import { imageOf, isActive } from './support/pods.ts';
import { stopAll } from './support/stop-all.ts';
import { anApp, applyPolicy, isSound, type App } from './support/story.ts';

const OURS = '/apis/altershield.io/v1alpha1';
const TIMEOUT_MS = 180_000;
const NORMAL = 0.1;

let cluster: SharedCluster;
let operator: OperatorProcess;
let exporter: Exporter;
const apps: App[] = [];

/**
 * The pods of every app. Those of `checkout:errors-…` fail twice as often; as soon as one of
 * `checkout:alike-…` is ready, all pods of its app do, as if what they call had trouble.
 */
const served = (): Served[] =>
  apps.flatMap(({ namespace, timeline: { pods } }) => {
    const isAlike = pods.some((pod) => imageOf(pod).includes('alike') && isSound(pod));
    return pods.filter(isActive).map((pod) => ({
      ...{ namespace, pod: pod.metadata.name },
      errorRatio: isAlike || imageOf(pod).includes('errors') ? 2 * NORMAL : NORMAL,
    }));
  });

const requests = (more = ''): string =>
  `sum(rate(http_requests_total{namespace="$namespace",pod=~"$pods"${more}}[4s]))`;
const RATIO = `${requests(',code=~"5.."')} / ${requests()}`;

/** A policy whose only metric is the error ratio. */
const policyWith = (metric: object): Readonly<Record<string, unknown>> => ({
  release: { batches: [1, '100%'], soakSeconds: 1 },
  checks: {
    signals: { mode: 'Disabled' },
    metrics: [
      {
        ...{ name: 'errors', query: RATIO, intervalSeconds: 2, observeSeconds: 6, consecutive: 2 },
        ...{ source: 'main', deadlineSeconds: 120 },
        ...metric,
      },
    ],
  },
});

before(async () => {
  cluster = await sharedCluster();
  await prepareCluster(cluster);
  operator = await startOperator(cluster);
  exporter = await Exporter.start(served);
});

after(() =>
  stopAll(
    () => Promise.all(apps.map((app) => app.close())),
    () => {
      exporter.stop();
    },
    () => operator.stop(),
    () => cluster.stop(),
  ),
);

/** A metric with a limit of the user. */
const LIMITED = { max: 1.5 * NORMAL };

async function newApp(source: object, metric: object = LIMITED): Promise<App> {
  const app = await anApp(cluster, { replicas: 3, policy: policyWith(metric) });
  apps.push(app);
  await applySource(app, source);
  return app;
}

const sourcePath = ({ namespace }: Pick<App, 'namespace'>): string =>
  `${OURS}/namespaces/${namespace}/metricsources/main`;

/** What the metric said about the first batch. */
async function resultOf(app: App): Promise<CheckResult> {
  const [batch] = await app.batches();
  const result = batch?.status?.checks.find(({ name }) => name === 'errors');
  assert.ok(result, JSON.stringify(batch?.status));
  return result;
}

const outcomeOf = async (app: App): Promise<readonly unknown[]> => {
  const { verdict, reason } = await resultOf(app);
  return [verdict, reason];
};

async function applySource(app: App, spec: object): Promise<void> {
  await cluster.call({
    method: 'PATCH',
    path: `${sourcePath(app)}?fieldManager=test&force=true`,
    contentType: 'application/apply-patch+yaml',
    body: {
      apiVersion: 'altershield.io/v1alpha1',
      kind: 'MetricSource',
      metadata: { name: 'main', namespace: app.namespace },
      spec,
    },
  });
}

interface Ready {
  readonly status: string;
  readonly reason: string;
  readonly message: string;
}

/** Waits until the condition Ready is as told, and gives it. */
const readyIs = (path: string, status: string, message = /./): Promise<Ready> =>
  eventually(
    async () => {
      const object = (await cluster.call({ path })) as MetricSource | ChangePolicy;
      const ready = object.status?.conditions?.find(({ type }) => type === 'Ready');
      assert.equal(ready?.status, status, ready?.message);
      assert.match(ready.message, message);
      return ready;
    },
    { what: `Ready to be ${status}`, timeoutMs: 90_000 },
  );

const SERVERS: Readonly<Record<string, () => Promise<string>>> = {
  'the Prometheus 2 of Debian': () => Promise.resolve('prometheus'),
  'Prometheus 3': () => buildPrometheus3((line) => process.stderr.write(`# ${line}\n`)),
};

for (const [name, program] of Object.entries(SERVERS)) {
  describe(`with ${name}`, { skip: skipReason() }, () => {
    let prometheus: Prometheus;
    const source = (): object => ({ prometheus: { url: prometheus.url } });

    before(async () => {
      prometheus = await Prometheus.start(exporter.address, await program());
    });

    after(() => prometheus.stop());

    test('a change that doubles the error ratio is rolled back in its first batch', async () => {
      const app = await newApp(source());
      await readyIs(sourcePath(app), 'True');
      const image = 'checkout:errors-2';
      await app.setImage(image);
      await app.until(image, 'RolledBack', TIMEOUT_MS);
      assert.deepEqual(await outcomeOf(app), ['Fail', 'AboveMaximum']);
      const { metric } = await resultOf(app);
      const values = metric?.charts.find(({ of }) => of === 'Updated')?.values ?? [];
      assert.ok(values.some((value) => Math.abs(value - 2 * NORMAL) < NORMAL / 4));
      assert.equal(app.timeline.maxNew(image), 1);
    });

    test('without a limit, pods that got worse than before and than stable pods are told from all that did', async () => {
      const compared = { intervalSeconds: 1, observeSeconds: 15 };
      const guilty = await newApp(source(), compared);
      const innocent = await newApp(source(), compared);
      for (const { namespace } of [guilty, innocent]) {
        await readyIs(sourcePath({ namespace }), 'True');
        const history = `count_over_time(sum(http_requests_total{namespace="${namespace}"})[60s:1s])`;
        await prometheus.until(`${history} >= 35`);
      }
      await guilty.setImage('checkout:errors-2');
      await innocent.setImage('checkout:alike-2');
      await guilty.until('checkout:errors-2', 'RolledBack', TIMEOUT_MS);
      assert.deepEqual(await outcomeOf(guilty), ['Fail', 'Worsened']);
      assert.equal(guilty.timeline.maxNew('checkout:errors-2'), 1);
      const change = await innocent.until('checkout:alike-2', 'Suspend', TIMEOUT_MS);
      assert.equal(change.status?.reason, 'CheckInconclusive');
      assert.deepEqual(await outcomeOf(innocent), ['Inconclusive', 'AlsoInStable']);
    });

    test('a policy says which of its queries the source does not accept, or answers with nothing', async () => {
      const app = await newApp(source(), { query: 'sum(rate(http_requests_total[1m])' });
      const path = `${OURS}/namespaces/${app.namespace}/changepolicies/guard`;
      const { reason } = await readyIs(
        path,
        'False',
        /^check errors: the query sum.*400.*parse error/,
      );
      assert.equal(reason, 'InvalidQuery');
      const misspelled = 'sum(rate(http_request_total{namespace="$namespace"}[1m]))';
      await applyPolicy(cluster, app.namespace, policyWith({ query: misspelled }));
      await readyIs(path, 'True', /^check errors: the query returned nothing for .*checkout/);
      await applyPolicy(cluster, app.namespace, policyWith({}));
      await readyIs(path, 'True', /^the policy matches 1 /);
    });

    test('Prometheus that is killed in mid-batch changes nothing but the wait', async () => {
      const app = await newApp(source(), { ...LIMITED, observeSeconds: 20, deadlineSeconds: 600 });
      await readyIs(sourcePath(app), 'True');
      const image = 'checkout:v2';
      await app.setImage(image);
      await app.untilReady(image, 1, TIMEOUT_MS);
      await prometheus.kill();
      await readyIs(sourcePath(app), 'False', /cannot reach the metric source at http/);
      // Twice: it waits on, and is not done with an answer from before.
      for (let said = 0; said < 2; said += 1) {
        await operator.said('could not read what a check asks for', operator.lines.length);
      }
      assert.equal(app.timeline.maxNew(image), 1);
      await prometheus.restart();
      const change = await app.until(image, 'Success', 2 * TIMEOUT_MS);
      assert.equal(change.status?.verdict, 'Pass');
      await readyIs(sourcePath(app), 'True');
    });
  });
}

describe('with HoloInsight', { skip: skipReason() }, () => {
  let prometheus: Prometheus;
  let holoinsight: HoloInsight;

  before(async () => {
    prometheus = await Prometheus.start(exporter.address);
    holoinsight = await HoloInsight.start({ prometheus: prometheus.url, accessKey: 'key-1' });
  });

  after(() =>
    stopAll(
      () => {
        holoinsight.stop();
      },
      () => prometheus.stop(),
    ),
  );

  test('its access key is in a Secret that the operator may read once the user permits it', async () => {
    const app = await newApp({
      holoinsight: { url: holoinsight.url, accessKeySecretRef: { name: 'holo' } },
    });
    await readyIs(
      sourcePath(app),
      'False',
      /may not read Secret .*holo; permit it: kubectl create/,
    );
    const { message } = await readyIs(sourcePath(app), 'False');
    const [, commands = ''] = message.split('permit it: ');
    for (const command of commands.split(' && ')) {
      const { code, stderr } = await cluster.kubectl(command.split(' ').slice(1));
      assert.equal(code, 0, stderr);
    }
    const secret = { apiVersion: 'v1', kind: 'Secret', metadata: { name: 'holo' } };
    await cluster.call({
      method: 'POST',
      path: `/api/v1/namespaces/${app.namespace}/secrets`,
      body: { ...secret, stringData: { accessKey: 'key-1' } },
    });
    await readyIs(sourcePath(app), 'True');
    const image = 'checkout:errors-2';
    await app.setImage(image);
    await app.until(image, 'RolledBack', TIMEOUT_MS);
  });
});
