// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { ChangeWorkload } from '@altershield/api';
import { Checkout } from '../support/checkout.ts';
import { ALICE } from '../support/simulation.ts';

const NAMED = { target: { kinds: ['Pod', 'ReplicaSet'] } };
const PODS = '/api/v1/namespaces/shop/pods';
const SETS = '/apis/apps/v1/namespaces/shop/replicasets';
const container = (image: string) => ({ name: 'app', image });
const labels = { app: 'tool' };

const pod = { metadata: { name: 'tool', labels }, spec: { containers: [container('tool:1')] } };
const replicaSet = {
  metadata: { name: 'tools', labels },
  spec: {
    replicas: 1,
    selector: { matchLabels: labels },
    template: { metadata: { labels }, spec: { containers: [container('tool:1')] } },
  },
};

const call = (
  checkout: Checkout,
  method: 'POST' | 'PATCH',
  path: string,
  body: unknown,
): Promise<unknown> =>
  checkout.play(
    checkout.simulation.client(ALICE).raw(method, `${path}?fieldManager=kubectl-run`, body, {
      ...(method === 'PATCH' ? { contentType: 'application/json-patch+json' } : {}),
    }),
    2000,
  );

const told = ({ spec, status }: ChangeWorkload): unknown[] => [
  ...[spec.target.kind, spec.target.name, spec.operation, spec.actor.user],
  ...[status?.phase, status?.reason, spec.diff.map(({ to }) => to).join()],
];

test('a pod without a controller is recorded when it is created and when it is edited, and runs on', async () => {
  const checkout = await Checkout.start({ policy: NAMED });
  await call(checkout, 'POST', PODS, pod);
  await call(checkout, 'PATCH', `${PODS}/tool`, [
    { op: 'replace', path: '/spec/containers/0/image', value: 'tool:2' },
  ]);
  assert.deepEqual(checkout.changes.map(told), [
    ['Pod', 'tool', 'Create', 'alice', 'Success', 'RecordedOnly', ''],
    ['Pod', 'tool', 'Update', 'alice', 'Success', 'RecordedOnly', 'tool:2'],
  ]);
  const [image] = checkout.sandbox
    .pods({ namespace: 'shop' })
    .filter(({ metadata }) => metadata.name === 'tool')
    .map(({ spec }) => spec.containers[0]?.image);
  assert.equal(image, 'tool:2');
});

test('a ReplicaSet without a controller is recorded, its scale and its pods are not', async () => {
  const checkout = await Checkout.start({ policy: NAMED });
  await call(checkout, 'POST', SETS, replicaSet);
  await call(checkout, 'PATCH', `${SETS}/tools`, [
    { op: 'replace', path: '/spec/replicas', value: 3 },
  ]);
  await call(checkout, 'PATCH', `${SETS}/tools`, [
    { op: 'replace', path: '/spec/template/spec/containers/0/image', value: 'tool:2' },
  ]);
  assert.deepEqual(checkout.changes.map(told), [
    ['ReplicaSet', 'tools', 'Create', 'alice', 'Success', 'RecordedOnly', ''],
    ['ReplicaSet', 'tools', 'Update', 'alice', 'Success', 'RecordedOnly', 'tool:2'],
  ]);
});

test('with two replicas, whichever is asked, a change is recorded once with its user', async () => {
  for (const seed of [1, 2, 3, 4]) {
    const checkout = await Checkout.start({ policy: NAMED, replicas: 1, seed });
    const standby = checkout.simulation.startReplica({ identity: 'replica-2' });
    await checkout.scheduler.runFor(2000);
    await call(checkout, 'POST', PODS, pod);
    assert.deepEqual(
      checkout.changes.map(({ spec }) => spec.actor.user),
      ['alice'],
      `seed ${seed}`,
    );
    standby.kill();
  }
});

test('a policy that does not name the kinds records nothing, and neither does one for other labels', async () => {
  for (const policy of [
    {},
    { target: { kinds: ['Pod'], selector: { matchLabels: { app: 'other' } } } },
  ]) {
    const checkout = await Checkout.start({ policy, replicas: 1 });
    await call(checkout, 'POST', PODS, pod);
    await call(checkout, 'POST', SETS, replicaSet);
    assert.deepEqual(checkout.changes.map(told), []);
  }
});
