// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { InPlaceEdit } from '@altershield/api';
import type { CallInfo, UserInfo } from '@altershield/sandbox';
import { Checkout } from '../support/checkout.ts';
import { kindNamed } from '../support/kinds.ts';
import { ALICE } from '../support/simulation.ts';

const SLOW = { release: { batches: [1, '100%'], soakSeconds: 600 } };
const QUICK = { release: { batches: ['100%'], soakSeconds: 1 } };
const VPA: UserInfo = { username: 'system:serviceaccount:kube-system:vpa-updater' };

const podsOf = ({ sandbox }: Checkout): string[] =>
  sandbox.pods({ namespace: 'shop' }).map(({ metadata }) => metadata.name);

const image = (version: string) => [
  { op: 'replace', path: '/spec/containers/0/image', value: version },
];

/** A user edits the image of pods, as `kubectl edit pod` does. */
async function editPods(
  checkout: Checkout,
  names: readonly string[],
  { version = 'shop/checkout:hot', user = ALICE, ms = 1000, dryRun = false } = {},
): Promise<void> {
  const client = checkout.simulation.client(user, 'kubectl-edit');
  const contentType = 'application/json-patch+json';
  const edits = names.map((name) => {
    const path = `/api/v1/namespaces/shop/pods/${name}?fieldManager=kubectl-edit${dryRun ? '&dryRun=All' : ''}`;
    return client.raw('PATCH', path, image(version), { contentType });
  });
  await checkout.play(Promise.all(edits), ms);
}

const editsOf = (checkout: Checkout): readonly InPlaceEdit[] =>
  checkout.changes.at(-1)?.status?.inPlaceEdits ?? [];

const HOT = { path: 'containers[app].image', from: 'shop/checkout:2', to: 'shop/checkout:hot' };

for (const kind of ['Deployment', 'StatefulSet', 'DaemonSet']) {
  test(`${kind}: a pod edited in place is in the record of the change in flight within a second, with its user`, async () => {
    const checkout = await Checkout.start({ kind: kindNamed(kind), policy: SLOW, replicas: 3 });
    await checkout.apply('2', 10_000);
    const [pod = ''] = checkout.sandbox
      .pods({ namespace: 'shop' })
      .filter(({ spec }) => JSON.stringify(spec).includes('checkout:2'))
      .map(({ metadata }) => metadata.name);
    await editPods(checkout, [pod]);
    const [edit] = editsOf(checkout);
    const { names, count, diff, actor, by } = edit ?? assert.fail('no edit');
    assert.deepEqual({ names, count, by }, { names: [pod], count: 1, by: 'User' });
    assert.deepEqual(diff, [HOT]);
    assert.deepEqual(
      [actor.user, actor.fieldManager, actor.stamped],
      ['alice', 'kubectl-edit', true],
    );
    assert.equal(checkout.changes.at(-1)?.status?.phase, 'Running');
    assert.ok(checkout.events.includes('EditedInPlace'));
  });
}

test('an edit of many pods is one entry, written far less often than there are pods', async () => {
  let writes = 0;
  const beforeCall = ({ write, body = '' }: CallInfo): undefined => {
    if (write > 0 && body.includes('inPlaceEdits')) writes += 1;
  };
  const checkout = await Checkout.start({ policy: QUICK, faults: { beforeCall } });
  await checkout.apply('2', 60_000);
  await editPods(checkout, podsOf(checkout), { ms: 5000 });
  const [edit, ...others] = editsOf(checkout);
  assert.deepEqual([edit?.count, edit?.names.length, others.length], [10, 10, 0]);
  assert.ok(writes <= 3, `${writes} writes`);
});

test('edits by the VerticalPodAutoscaler are not called edits of a user', async () => {
  const checkout = await Checkout.start({ policy: QUICK });
  await checkout.apply('2', 60_000);
  await editPods(checkout, podsOf(checkout).slice(0, 1), { user: VPA });
  assert.deepEqual(
    editsOf(checkout).map(({ by, actor }) => [by, actor.user]),
    [['Controller', VPA.username]],
  );
});

test('an edit that admission did not see is recorded with its field manager', async () => {
  const checkout = await Checkout.start({ policy: QUICK });
  await checkout.apply('2', 60_000);
  checkout.sandbox.server.store.remove(
    'validatingwebhookconfigurations.admissionregistration.k8s.io',
    { namespace: '', name: 'altershield' },
  );
  await editPods(checkout, podsOf(checkout).slice(0, 1));
  const [{ actor, by } = assert.fail('no edit')] = editsOf(checkout);
  const expected = { user: '', fieldManager: 'kubectl-edit', stamped: false };
  assert.deepEqual([actor, by], [expected, 'User']);
});

test('the template of a ReplicaSet edited under its Deployment is recorded, and the Deployment runs on', async () => {
  const checkout = await Checkout.start({ policy: QUICK, replicas: 2 });
  await checkout.apply('2', 60_000);
  const sets = checkout.sandbox.server.store.list('replicasets.apps', 'shop');
  const current = sets.find(({ spec }) => JSON.stringify(spec).includes('checkout:2'));
  const name = current?.metadata.name ?? '';
  const path = `/apis/apps/v1/namespaces/shop/replicasets/${name}?fieldManager=kubectl-edit`;
  const body = [
    { op: 'replace', path: '/spec/template/spec/containers/0/image', value: 'shop/checkout:hot' },
  ];
  const client = checkout.simulation.client(ALICE, 'kubectl-edit');
  const contentType = 'application/json-patch+json';
  await checkout.play(client.raw('PATCH', path, body, { contentType }), 1000);
  const [edit = assert.fail('no edit')] = editsOf(checkout);
  assert.deepEqual(
    [edit.kind, edit.names, edit.diff, edit.actor.user],
    ['ReplicaSet', [name], [HOT], 'alice'],
  );
});

test('with two replicas, whichever is asked, an edit is recorded once with its user', async () => {
  for (const seed of [1, 2, 3, 4]) {
    const checkout = await Checkout.start({ policy: QUICK, replicas: 4, seed });
    const standby = checkout.simulation.startReplica({ identity: 'replica-2' });
    await checkout.apply('2', 60_000);
    await editPods(checkout, podsOf(checkout), { ms: 3000 });
    assert.deepEqual(
      editsOf(checkout).map(({ count, actor }) => [count, actor.user]),
      [[4, 'alice']],
    );
    standby.kill();
  }
});

test('a dry run, an edit of a label and the rollout itself leave no trace', async () => {
  const checkout = await Checkout.start({ policy: QUICK });
  await checkout.apply('2', 60_000);
  const [pod = ''] = podsOf(checkout);
  await editPods(checkout, [pod], { dryRun: true });
  const path = `/api/v1/namespaces/shop/pods/${pod}`;
  const body = { metadata: { labels: { a: 'b' } } };
  await checkout.play(checkout.sandbox.call('PATCH', { path, body, user: ALICE }), 2000);
  await checkout.apply('3', 60_000);
  assert.deepEqual(
    checkout.changes.map(({ status }) => status?.inPlaceEdits),
    [undefined, undefined],
  );
});
