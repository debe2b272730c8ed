// SPDX-License-Identifier: Apache-2.0

import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import type { ChangePod, ChangeWorkload } from '@altershield/api';
import { sharedCluster, type SharedCluster } from './support/cluster.ts';
import { eventually } from './support/eventually.ts';
import { prepareCluster, startOperator, type OperatorProcess } from './support/operator.ts';
import { waitingReason, type Pod } from './support/pods.ts';
import { anApp, type App, type AppOptions } from './support/story.ts';
import { stopAll } from './support/stop-all.ts';

const AT_ONCE = { release: { batches: ['100%'], soakSeconds: 1 } };

let cluster: SharedCluster;
let operator: OperatorProcess;
const apps: App[] = [];

before(async () => {
  cluster = await sharedCluster();
  await prepareCluster(cluster);
  operator = await startOperator(cluster);
});

after(() =>
  stopAll(
    () => Promise.all(apps.map((app) => app.close())),
    () => operator.stop(),
    () => cluster.stop(),
  ),
);

describe('pods that', { concurrency: 3 }, () => {
  test('Pod Security forbids fail the change, with the text of the API server', async () => {
    const app = await newApp({ replicas: 3, policy: AT_ONCE });
    await cluster.call({
      method: 'PATCH',
      path: `/api/v1/namespaces/${app.namespace}`,
      contentType: 'application/merge-patch+json',
      body: { metadata: { labels: { 'pod-security.kubernetes.io/enforce': 'baseline' } } },
    });
    const containers = [{ name: 'app', image: 'checkout:v2' }];
    await app.patch({ spec: { template: { spec: { containers, hostNetwork: true } } } });
    const change = await app.until('checkout:v2', 'RolledBack');
    assertForbidden(change, (await app.batches()).at(-1));
    assert.equal(app.timeline.everCreated('checkout:v2'), 0);
  });

  test('exceed a quota make the change inconclusive, with the text of the API server', async () => {
    const strategy = { type: 'RollingUpdate', rollingUpdate: { maxSurge: 1, maxUnavailable: 0 } };
    const app = await newApp({ replicas: 2, policy: AT_ONCE, wishes: { spec: { strategy } } });
    await setQuota(app, 2);
    await app.setImage('checkout:v2');
    const change = await app.until('checkout:v2', 'Suspend');
    assert.deepEqual(
      [change.status?.reason, change.status?.verdict],
      ['CheckInconclusive', 'Inconclusive'],
    );
    assert.match(change.status?.message ?? '', /exceeded quota: small, requested: pods=1/);
    assert.equal(app.timeline.everCreated('checkout:v2'), 0);
  });

  test('exceed a quota get the places of stable pods, within the user’s bounds', async () => {
    const strategy = { type: 'RollingUpdate', rollingUpdate: { maxSurge: 1, maxUnavailable: 1 } };
    const policy = { release: { batches: [1, '50%', '100%'], soakSeconds: 1 } };
    const app = await newApp({ replicas: 4, policy, wishes: { spec: { strategy } } });
    await setQuota(app, 4);
    const { spec } = await app.get();
    const since = performance.now();
    await app.setImage('checkout:v2');
    await app.until('checkout:v2', 'Success', 120_000);
    const [least, most] = [app.timeline.minReady(since), app.timeline.maxPods(since)];
    assert.deepEqual([least >= 3, most <= 4], [true, true], `${least} ready, ${most} pods`);
    await app.assertAtRest(spec, (await app.get()).spec.template);
    app.deployment.assertSpecKept(spec);
  });

  test('have a config error which passes do not fail the change', async () => {
    const app = await newApp({ replicas: 1, policy: AT_ONCE });
    await app.setImage('checkout:cfgerr-2');
    const isStuck = (pod: Pod): boolean => waitingReason(pod) === 'CreateContainerConfigError';
    await app.pods.until('a config error', ({ pods }) => pods.some(isStuck), 60_000);
    const stuck = app.timeline.pods.find(isStuck);
    assert.ok(stuck);
    await startContainer(stuck);
    await app.until('checkout:cfgerr-2', 'Success');
    assert.equal(app.timeline.everCreated('checkout:cfgerr-2'), 1);
  });
});

async function newApp(options: AppOptions): Promise<App> {
  const app = await anApp(cluster, options);
  apps.push(app);
  return app;
}

function assertForbidden({ status }: ChangeWorkload, batch: ChangePod | undefined): void {
  assert.match(
    status?.message ?? '',
    /updated pods are ready; the others cannot be created: .*violates PodSecurity "baseline:latest"/,
  );
  assert.ok(batch?.status);
  const [{ verdict, evidence } = { verdict: 'None', evidence: [] }] = batch.status.checks;
  assert.equal(verdict, 'Fail');
  const [{ reason, message } = { reason: 'none' }] = evidence;
  assert.equal(reason, 'FailedCreate');
  assert.match(message ?? '', /host namespaces \(hostNetwork=true\)/);
}

/** Creates a quota and waits until the control plane has counted the pods that there are. */
async function setQuota({ namespace }: App, pods: number): Promise<void> {
  const path = `/api/v1/namespaces/${namespace}/resourcequotas`;
  const metadata = { name: 'small', namespace };
  await cluster.call({ method: 'POST', path, body: { metadata, spec: { hard: { pods } } } });
  await eventually(
    async () => {
      const quota = (await cluster.call({ path: `${path}/small` })) as {
        readonly status?: { readonly used?: { readonly pods?: string } };
      };
      return quota.status?.used?.pods === String(pods);
    },
    { what: 'the quota to be counted', timeoutMs: 60_000 },
  );
}

/** What a kubelet writes once the Secret is there. */
async function startContainer({ metadata, status }: Pod): Promise<void> {
  const [container] = status.containerStatuses ?? [];
  const startedAt = `${new Date().toISOString().slice(0, 19)}Z`;
  await cluster.call({
    method: 'PATCH',
    path: `/api/v1/namespaces/${metadata.namespace}/pods/${metadata.name}/status`,
    contentType: 'application/merge-patch+json',
    body: {
      status: {
        phase: 'Running',
        containerStatuses: [{ ...container, ready: true, state: { running: { startedAt } } }],
        conditions: (status.conditions ?? []).map((condition) =>
          condition.type === 'Ready'
            ? { ...condition, status: 'True', lastTransitionTime: startedAt }
            : condition,
        ),
      },
    },
  });
}
