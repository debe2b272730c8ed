// SPDX-License-Identifier: Apache-2.0

import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { ChangePod, ChangeWorkload } from '@altershield/api';
import { eventually } from '@altershield/testing/eventually';
import { Fixture } from './support/fixture.ts';
import { reportContainer, wholeSeconds } from './support/kubelet.ts';
import { waitingReason, type Pod } from './support/pods.ts';
import type { App } from './support/story.ts';

const AT_ONCE = { release: { batches: ['100%'], soakSeconds: 1 } };

const fixture = Fixture.ofFile();

describe('pods that', { concurrency: 3 }, () => {
  test('Pod Security forbids fail the change, with the text of the API server', async () => {
    const app = await fixture.newApp({ replicas: 3, policy: AT_ONCE });
    await fixture.cluster.call({
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
    const app = await fixture.newApp({
      replicas: 2,
      policy: AT_ONCE,
      wishes: { spec: { strategy } },
    });
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

  test('exceed a quota get the room of stable pods, within the user’s bounds', async () => {
    const strategy = { type: 'RollingUpdate', rollingUpdate: { maxSurge: 1, maxUnavailable: 1 } };
    const policy = { release: { batches: [1, '50%', '100%'], soakSeconds: 1 } };
    const app = await fixture.newApp({ replicas: 4, policy, wishes: { spec: { strategy } } });
    await setQuota(app, 4);
    const { spec } = await app.get();
    const since = performance.now();
    await app.setImage('checkout:v2');
    await app.until('checkout:v2', 'Success', 120_000);
    const [least, most] = [app.timeline.minReady(since), app.timeline.maxPods(since)];
    // The bound is the user's surge. The API server keeps the quota, and its count may lag.
    assert.deepEqual([least >= 3, most <= 5], [true, true], `${least} ready, ${most} pods`);
    await app.assertAtRest(spec, (await app.get()).spec.template);
    app.deployment.assertSpecKept(spec);
  });

  test('have a temporary config error do not fail the change', async () => {
    const app = await fixture.newApp({ replicas: 1, policy: AT_ONCE });
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
  await fixture.cluster.call({
    method: 'POST',
    path,
    body: { metadata, spec: { hard: { pods } } },
  });
  await eventually(
    async () => {
      const quota = (await fixture.cluster.call({ path: `${path}/small` })) as {
        readonly status?: { readonly used?: { readonly pods?: string } };
      };
      return quota.status?.used?.pods === String(pods);
    },
    { what: 'the quota to be counted', timeoutMs: 60_000 },
  );
}

/** What a kubelet writes once the Secret is there. */
function startContainer(pod: Pod): Promise<void> {
  const running = { startedAt: wholeSeconds(new Date()) };
  return reportContainer(fixture.cluster, pod, { ready: true, state: { running } });
}
