// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Checkout } from '../support/checkout.ts';
import { ALICE, OPERATOR } from '../support/simulation.ts';

const QUICK = { release: { batches: [1, '100%'], soakSeconds: 5 } };
const SLOW = { release: { batches: [1, '100%'], soakSeconds: 60 } };
const HOUR_MS = 3_600_000;

/** One pod was restarted this often in its life, and is ready. */
async function wearOut(checkout: Checkout, restartCount: number): Promise<void> {
  const [pod] = checkout.sandbox.pods({ namespace: 'shop' });
  const path = `/api/v1/namespaces/shop/pods/${pod?.metadata.name ?? ''}/status`;
  const status = pod?.status as { containerStatuses?: object[] } | undefined;
  const containerStatuses = status?.containerStatuses?.map((c) => ({ ...c, restartCount }));
  await checkout.play(
    checkout.sandbox.call('PATCH', { path, body: { status: { containerStatuses } } }),
    1000,
  );
}

const destinations = ({ changes }: Checkout): string[] =>
  changes.map(({ spec }) => `${spec.from?.images.join() ?? ''} → ${spec.to.images.join()}`);

test('a hotfix that fails after an undo goes back to what the undo put back', async () => {
  for (const soaking of [20_000, 200_000]) {
    const checkout = await Checkout.start({ policy: SLOW });
    await checkout.apply('2', 300_000);
    await checkout.apply('1', soaking);
    await checkout.apply('bad-3', 60_000);
    assert.equal(destinations(checkout).at(-1), 'shop/checkout:1 → shop/checkout:bad-3');
    assert.deepEqual([checkout.version, checkout.pods], ['1', { '1': 10 }]);
    await checkout.apply('1', 1000);
    await checkout.apply('fix-4', 1000);
    await checkout.apply('1', 15_000);
    assert.deepEqual([checkout.version, checkout.pods, checkout.isHeld], ['1', { '1': 10 }, false]);
  }
});

test('an operator that starts again takes nothing back that has run well for days', async () => {
  const checkout = await Checkout.start({ policy: QUICK });
  await checkout.apply('2', 60_000);
  checkout.killOperator();
  await checkout.apply('3', 60_000);
  await checkout.scheduler.runFor(120 * HOUR_MS);
  await wearOut(checkout, 4);
  await checkout.startOperator();
  await checkout.scheduler.runFor(60_000);
  assert.deepEqual(checkout.pods, { '3': 10 });
  assert.deepEqual(checkout.chronicle, ['2 Success Verified', '3 Success Verified']);
});

test('what a person took back stays back when its records are gone', async () => {
  const limits = { recordSeconds: 3600, quarantineSeconds: 3600 };
  const checkout = await Checkout.start({ policy: { ...QUICK, limits } });
  await checkout.apply('2', 60_000);
  await checkout.apply('bad-3', 60_000);
  const body = { spec: { decision: { action: 'RollBack', reason: 'it leaks' } } };
  await checkout.record('PATCH', { sequence: 1, body }, 60_000);
  assert.equal(checkout.version, '1');
  await checkout.scheduler.runFor(3 * HOUR_MS);
  await wearOut(checkout, 4);
  const path = '/apis/apps/v1/namespaces/shop/deployments/checkout';
  const scale = checkout.sandbox.call('PATCH', { path, body: { spec: { replicas: 11 } } });
  await checkout.play(scale, 60_000);
  assert.deepEqual([checkout.version, checkout.pods], ['1', { '1': 11 }]);
  assert.deepEqual(
    checkout.story.filter((s) => s !== 'RolledBack/RolledBack'),
    [],
  );
});

test('clocks of replicas that differ make no records', async () => {
  const checkout = await Checkout.start({ policy: QUICK });
  await checkout.apply('bad-2', 60_000);
  const rolledBackAt = new Date(checkout.scheduler.now() + 20_000).toISOString();
  const path =
    '/apis/altershield.io/v1alpha1/namespaces/shop/changeworkloads/deployment-checkout-1/status';
  const merge = { contentType: 'application/merge-patch+json' };
  const former = checkout.simulation.client(OPERATOR);
  await checkout.play(former.raw('PATCH', path, { status: { rolledBackAt } }, merge), 100);
  await checkout.apply('3', 120_000);
  assert.deepEqual(checkout.chronicle, ['bad-2 RolledBack RolledBack', '3 Success Verified']);
});

test('a manifest exported while held brings none of our fields along when it is a way back', async () => {
  const checkout = await Checkout.start({ policy: QUICK });
  await checkout.apply('2', 300);
  const { spec, metadata } = checkout.deployment;
  await checkout.scheduler.runFor(60_000);
  await checkout.apply('3', 60_000);
  const { name, namespace, annotations } = metadata;
  const head = { apiVersion: 'apps/v1', kind: 'Deployment' };
  const exported = { ...head, metadata: { name, namespace, annotations }, spec };
  await checkout.play(checkout.sandbox.apply(exported as never, ALICE), 60_000);
  assert.deepEqual([checkout.isHeld, checkout.pods], [false, { '2': 10 }]);
  assert.equal(checkout.deployment.spec.minReadySeconds ?? 0, 0);
  assert.deepEqual(checkout.story, Array(3).fill('Success/Verified'));
});
