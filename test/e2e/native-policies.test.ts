// SPDX-License-Identifier: Apache-2.0

import assert from 'node:assert/strict';
import { after, before, test, type TestContext } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { nativePolicies, type NativePolicy } from '@altershield/core';
import { sharedCluster, type SharedCluster } from './support/cluster.ts';
import { eventually } from '@altershield/testing/eventually';
import { NO_NATIVE_CLAMP, servesNativeClamp } from './support/native-clamp.ts';
import {
  altershield,
  prepareCluster,
  startOperator,
  type OperatorProcess,
} from './support/operator.ts';
import { stopAll } from './support/stop-all.ts';

const ADMISSION = '/apis/admissionregistration.k8s.io/v1';
const USER = 'system:serviceaccount:altershield-system:altershield';
const POLICIES = nativePolicies(USER);

let cluster: SharedCluster;
let operator: OperatorProcess;
/** Whether this API server can clamp by itself. */
let isServed: boolean;

const collection = ({ kind }: NativePolicy): string =>
  `${ADMISSION}/${kind.toLowerCase()}s`.replace(/ys$/, 'ies');
const path = (policy: NativePolicy): string => `${collection(policy)}/${policy.name}`;

interface StoredObject {
  readonly metadata: { readonly uid: string; readonly resourceVersion: string };
  readonly spec: object;
}
const stored = async (policy: NativePolicy): Promise<StoredObject> =>
  (await cluster.call({ path: path(policy) })) as StoredObject;
const specs = (): Promise<object[]> =>
  Promise.all(POLICIES.map(async (policy) => (await stored(policy)).spec));
const versions = (): Promise<string[]> =>
  Promise.all(POLICIES.map(async (policy) => (await stored(policy)).metadata.resourceVersion));

before(async () => {
  cluster = await sharedCluster();
  await prepareCluster(cluster);
  isServed = await servesNativeClamp(cluster);
  operator = await startOperator(cluster);
});

after(() =>
  stopAll(
    () => operator.stop(),
    () => cluster.stop(),
  ),
);

const IN_FLIGHT = 'in-flight.replicaset.altershield.io';

async function webhookNames(): Promise<readonly string[]> {
  const path = `${ADMISSION}/mutatingwebhookconfigurations/altershield`;
  const { webhooks } = (await cluster.call({ path })) as { webhooks: readonly { name: string }[] };
  return webhooks.map(({ name }) => name);
}

const clampLine = async (): Promise<string | undefined> => {
  const { stdout } = await altershield(cluster, ['version'], 'admin');
  return /^clamp +(.*)$/m.exec(stdout)?.[1];
};

test('a change in flight is held by the best means of the API server, and version reports which', async () => {
  const wanted = isServed ? 'API server (MutatingAdmissionPolicy)' : 'webhook';
  await eventually(async () => (await clampLine()) === wanted);
});

const skipUnlessServed = (t: TestContext): boolean => {
  if (!isServed) t.skip(NO_NATIVE_CLAMP);
  return !isServed;
};

test('the admission policies in the API server equal the generated ones, and are written once', async (t) => {
  if (skipUnlessServed(t)) return;
  const wanted = POLICIES.map(({ spec }) => spec);
  await eventually(async () => {
    const seen = await specs();
    assert.deepEqual(seen, JSON.parse(JSON.stringify(wanted)));
    return true;
  });
  const before = await versions();
  await operator.stop();
  operator = await startOperator(cluster, { identity: 'replica-1' });
  await sleep(3000);
  assert.deepEqual(await versions(), before);
});

test('a webhook clamps changes in flight only where the API server cannot', async () => {
  await eventually(async () => (await webhookNames()).includes(IN_FLIGHT) !== isServed);
  assert.ok((await webhookNames()).includes('at-rest.replicaset.altershield.io'));
});

test('an admission policy or binding that is edited, disabled or deleted is restored within seconds', async (t) => {
  if (skipUnlessServed(t)) return;
  const wanted = await specs();
  const contentType = 'application/merge-patch+json';
  const nowhere = { namespaceSelector: { matchLabels: { never: 'there' } } };
  for (const policy of POLICIES) {
    const isBinding = policy.kind.endsWith('Binding');
    const body = { spec: isBinding ? { matchResources: nowhere } : { matchConstraints: nowhere } };
    await cluster.call({ method: 'PATCH', path: path(policy), contentType, body });
    await eventually(async () => {
      assert.deepEqual(await specs(), wanted);
      return true;
    });
    const { uid } = (await stored(policy)).metadata;
    await cluster.call({ method: 'DELETE', path: path(policy) });
    await eventually(async () => (await stored(policy)).metadata.uid !== uid);
    assert.deepEqual(await specs(), wanted);
  }
});
