// SPDX-License-Identifier: Apache-2.0
// The operator with the kubeconfig of a user: it must hold the changes of that user, too.

import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { sharedCluster, type SharedCluster } from './support/cluster.ts';
import { eventually } from '@altershield/testing/eventually';
import { launchOperator, prepareCluster, startOperator } from './support/operator.ts';
import { stopAll } from './support/stop-all.ts';
import { QUICK, anApp, applyPolicy } from './support/story.ts';

const NAMESPACE = 'altershield-system';
const ACCOUNT = `system:serviceaccount:${NAMESPACE}:altershield`;

let cluster: SharedCluster;

before(async () => {
  cluster = await sharedCluster();
  await prepareCluster(cluster);
});

after(() => stopAll(() => cluster.stop()));

test('a change by the user who started the operator is held at admission', async () => {
  const operator = await startOperator(cluster, { kubeconfig: cluster.kubeconfig('admin') });
  const app = await anApp(cluster, { policy: QUICK });
  try {
    const { as } = await operator.said('acting as the service account of the operator');
    assert.equal(as, ACCOUNT);
    await app.setImage('shop/checkout:2', 'admin');
    const [change] = await eventually(async () => {
      const changes = (await app.changes()).filter(({ spec }) => spec.operation === 'Update');
      assert.equal(changes.length, 1);
      return changes;
    });
    assert.equal(change?.spec.detectedBy, 'Admission');
    assert.equal(change.spec.actor.user, 'kubernetes-admin');
  } finally {
    await stopAll(
      () => app.close(),
      () => operator.stop(),
    );
  }
});

test('a change that the API server could not send to the webhook causes a warning with a hint', async () => {
  // It listens on 127.0.0.1, and is registered where nothing listens.
  const operator = await startOperator(cluster, { args: ['--webhook-url-host', '127.0.0.2'] });
  const app = await anApp(cluster, { policy: undefined });
  try {
    await applyPolicy(cluster, app.namespace, QUICK);
    // Within ten seconds of its registration, an API server may not know the webhook yet.
    await sleep(12_000);
    await app.setImage('checkout:v2');
    const { hint, workload } = await operator.said(
      'a change bypassed admission although the webhook is registered',
    );
    assert.equal(workload, `Deployment.apps/${app.namespace}/checkout`);
    assert.match(String(hint), /may not reach https:\/\/127\.0\.0\.2:\d+: give --webhook-url-host/);
  } finally {
    await stopAll(
      () => app.close(),
      () => operator.stop(),
    );
  }
});

test('a user without the impersonate permission gets a warning with a hint; the documented permission is enough', async () => {
  const kubeconfig = cluster.kubeconfig('developer');
  const denied = launchOperator(cluster, { kubeconfig });
  const { hint } = await denied.said(
    'acting as the user of the kubeconfig: changes by this user are not held at admission',
  );
  assert.match(String(hint), /let alice impersonate .*docs\/laptop\.md/);
  assert.equal(await denied.ended(), 1);
  for (const command of [
    `create role impersonate-altershield -n ${NAMESPACE} --verb=impersonate --resource=serviceaccounts --resource-name=altershield`,
    `create rolebinding impersonate-altershield -n ${NAMESPACE} --role=impersonate-altershield --user=alice`,
  ]) {
    const { code, stderr } = await cluster.kubectl(command.split(' '));
    assert.equal(code, 0, stderr);
  }
  const allowed = await startOperator(cluster, { kubeconfig });
  const { user } = await allowed.said('connected');
  await allowed.stop();
  assert.equal(user, ACCOUNT);
});
