// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { ChangePod } from '@altershield/api';
import { Checkout } from '../support/checkout.ts';
import { kindNamed } from '../support/kinds.ts';

const ZONE = 'topology.kubernetes.io/zone';
const POLICY = { release: { topologyKey: ZONE, soakSeconds: 30 } };

/** Labels the nodes `node-1`, `node-2`, … with their zones; '': none. */
async function setZones(checkout: Checkout, zones: readonly string[]): Promise<void> {
  for (const [i, zone] of zones.entries()) {
    const path = `/api/v1/nodes/node-${i + 1}`;
    const body = { metadata: { labels: { [ZONE]: zone === '' ? null : zone } } };
    await checkout.play(checkout.sandbox.call('PATCH', { path, body }), 100);
  }
}

async function start(zones: readonly string[], policy: object = POLICY): Promise<Checkout> {
  const kind = kindNamed('DaemonSet');
  const checkout = await Checkout.start({ kind, replicas: zones.length });
  await setZones(checkout, zones);
  await checkout.govern(policy);
  return checkout;
}

/** The nodes whose pod is of this version. */
const nodesOf = ({ sandbox }: Checkout, version: string): string[] =>
  sandbox
    .pods({ namespace: 'shop' })
    .filter(({ spec }) => JSON.stringify(spec.containers).includes(`checkout:${version}`))
    .map(({ spec }) => String(spec.nodeName))
    .sort();

const batchesOf = ({ sandbox }: Checkout): ChangePod[] =>
  sandbox.server.store.list('changepods.altershield.io') as unknown as ChangePod[];

const batch = (checkout: Checkout): string => {
  const { index, total } = checkout.changes.at(-1)?.status?.batch ?? {};
  return `${index}/${total}`;
};

test('a DaemonSet is released zone by zone, in the order of their names, nodes without one last', async () => {
  const checkout = await start(['b', 'a', '', 'b', 'a', 'b']);
  await checkout.apply('2', 25_000);
  assert.deepEqual([batch(checkout), nodesOf(checkout, '2')], ['1/3', ['node-2', 'node-5']]);
  await checkout.until('the second batch', () => batch(checkout) === '2/3');
  await checkout.scheduler.runFor(25_000);
  const ofZones = ['node-1', 'node-2', 'node-4', 'node-5', 'node-6'];
  assert.deepEqual([batch(checkout), nodesOf(checkout, '2')], ['2/3', ofZones]);
  await checkout.until('it is released', () => checkout.story[0] === 'Success/Verified');
  assert.equal(nodesOf(checkout, '2').length, 6);
  assert.deepEqual(
    batchesOf(checkout).map(({ spec }) => [spec.topologyDomain, spec.targetUnits]),
    [
      ['a', 2],
      ['b', 5],
      ['', 6],
    ],
  );
});

test('a batch replaces all stable pods of its zone, however many of other zones are updated already', async () => {
  const checkout = await start(['a', 'a', 'b', 'b']);
  const pod = checkout.sandbox
    .pods({ namespace: 'shop' })
    .find(({ spec }) => spec.nodeName === 'node-3');
  await checkout.apply('2', 200);
  const path = `/api/v1/namespaces/shop/pods/${pod?.metadata.name ?? ''}`;
  await checkout.play(checkout.sandbox.call('DELETE', { path }), 25_000);
  assert.deepEqual(
    [batch(checkout), nodesOf(checkout, '2')],
    ['1/2', ['node-1', 'node-2', 'node-3']],
  );
});

test('a bad revision reaches one zone, and its nodes are rolled back', async () => {
  const checkout = await start(['a', 'a', 'b', 'b']);
  const seen = new Set<string>();
  await checkout.apply('bad-2', 200);
  await checkout.until(
    'it is rolled back',
    () => {
      for (const node of nodesOf(checkout, 'bad-2')) seen.add(node);
      return checkout.story[0] === 'RolledBack/RolledBack';
    },
    100,
  );
  assert.deepEqual(
    [...seen].filter((node) => !['node-1', 'node-2'].includes(node)),
    [],
  );
  await checkout.scheduler.runFor(5000);
  assert.equal(nodesOf(checkout, '1').length, 4);
});

test('a node that gets its label while the change is in flight belongs to the batch of its zone', async () => {
  const checkout = await start(['a', 'b', '']);
  await checkout.apply('2', 20_000);
  assert.deepEqual(nodesOf(checkout, '2'), ['node-1']);
  await setZones(checkout, ['a', 'b', 'b']);
  await checkout.until('the second batch', () => batch(checkout).startsWith('2/'));
  await checkout.scheduler.runFor(25_000);
  assert.equal(nodesOf(checkout, '2').length, 3);
});

test('without a node that has the label, the change waits for a user and replaces no pod', async () => {
  const checkout = await start(['', '', '']);
  await checkout.apply('2', 20_000);
  assert.deepEqual(checkout.story, ['Suspend/CannotMove']);
  assert.match(checkout.changes[0]?.status?.message ?? '', /no node has the label topology/);
  assert.deepEqual(nodesOf(checkout, '2'), []);
});

test('other kinds of a policy without target.kinds are released in their batches, and the record says why', async () => {
  const checkout = await Checkout.start({ policy: POLICY });
  await checkout.apply('2', 5000);
  const [change] = checkout.changes;
  assert.equal(change?.spec.release?.strategy, 'Batch');
  assert.match(change.spec.release.reason ?? '', /not by topologyKey: the scheduler chooses/);
  assert.deepEqual(checkout.pods, { 1: 10, 2: 1 });
});
