// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ANNOTATIONS } from '@altershield/api';
import { Checkout } from '../support/checkout.ts';

test('a held change whose record is deleted is recorded again and completed', async () => {
  const checkout = await Checkout.start({ policy: { release: { soakSeconds: 30 } } });
  await checkout.apply('2', 5000);
  await checkout.record('DELETE', { sequence: 1 }, 200_000);
  assert.deepEqual(checkout.history, ['2 Success Verified']);
  assert.equal(checkout.isHeld, false);
});

test('the batches of a change that is recorded again are not deleted with the old record', async () => {
  const checkout = await Checkout.start({
    policy: { release: { batches: [1, '100%'], soakSeconds: 30 } },
  });
  await checkout.apply('2', 10_000);
  checkout.sandbox.controllers.garbageCollector.stop();
  await checkout.record('DELETE', { sequence: 1 }, 100_000);
  checkout.sandbox.controllers.garbageCollector.start();
  await checkout.scheduler.runFor(1000);
  assert.deepEqual(checkout.history, ['2 Success Verified']);
  const batches = checkout.sandbox.server.store.list('changepods.altershield.io');
  const owners = batches.map(({ metadata }) => metadata.ownerReferences?.[0]?.uid);
  const { uid } = checkout.changes[0]?.metadata ?? {};
  assert.deepEqual(owners, [uid, uid]);
});

for (const [what, policy] of [
  ['rolls at its own pace', { release: { strategy: 'Rolling', soakSeconds: 60 } }],
  ['is only observed', { mode: 'Audit', release: { soakSeconds: 60 } }],
] as const) {
  test(`a change that ${what} is recorded again when its record is deleted, even if it is fully released and soaks`, async () => {
    const checkout = await Checkout.start({ policy });
    await checkout.apply('2', 40_000);
    assert.deepEqual(checkout.pods, { '2': 10 });
    await checkout.record('DELETE', { sequence: 1 }, 120_000);
    assert.deepEqual(checkout.history, ['2 Success Verified']);
  });
}

for (const mode of ['Enforce', 'Audit']) {
  test(`a held change that lost its annotation and its record while no operator ran is recorded again (${mode})`, async () => {
    const checkout = await Checkout.start({ policy: { release: { soakSeconds: 30 } } });
    await checkout.apply('2', 5000);
    checkout.killOperator();
    await checkout.editRelease(null, 1000);
    await checkout.record('DELETE', { sequence: 1 });
    await checkout.govern({ mode });
    await checkout.scheduler.runFor(600_000);
    assert.equal(checkout.pods['2'], 1);
    await checkout.startOperator();
    await checkout.scheduler.runFor(200_000);
    assert.deepEqual(checkout.history, ['2 Success Verified']);
    assert.deepEqual([checkout.pods, checkout.isHeld], [{ '2': 10 }, false]);
  });
}

test('a record that loses its signature while the webhook is down is replaced', async () => {
  const checkout = await Checkout.start({ policy: { release: { soakSeconds: 30 } } });
  await checkout.apply('2', 5000);
  checkout.killOperator();
  const body = { metadata: { annotations: { [ANNOTATIONS.signature]: null } } };
  await checkout.record('PATCH', { sequence: 1, body });
  await checkout.startOperator();
  await checkout.scheduler.runFor(200_000);
  assert.equal(checkout.changes.at(-1)?.status?.reason, 'Verified');
  assert.equal(checkout.isHeld, false);
});

test('users can add annotations to a record, but not remove or edit those of the operator', async () => {
  const checkout = await Checkout.start({ policy: {} });
  await checkout.apply('2', 5000);
  const edits = [
    { annotations: { [ANNOTATIONS.signature]: null } },
    { labels: { 'altershield.io/target-uid': 'another' } },
  ];
  for (const metadata of edits) {
    const edit = checkout.record('PATCH', { sequence: 1, body: { metadata } });
    await assert.rejects(
      edit,
      /only labels and annotations that are not of altershield.io can be edited/,
    );
  }
  await checkout.record('PATCH', { sequence: 1, body: { metadata: { labels: { team: 'a' } } } });
});

test('a revision that is applied again and again is not rolled back endlessly', async () => {
  const limits = { historyLimit: 1, quarantineSeconds: 0, rollbacksPerHour: 3 };
  const checkout = await Checkout.start({
    policy: { release: { batches: [1, '100%'], soakSeconds: 1 }, limits },
  });
  for (let i = 0; i < 6; i += 1) await checkout.apply('bad', 60_000);
  assert.equal(checkout.history.at(-1), 'bad Suspend RollbackLimit');
  assert.equal(checkout.history.length, 4);
});

test('records of a deleted workload are deleted when their TTL expires', async () => {
  const limits = { historyTTLSeconds: 60 };
  const checkout = await Checkout.start({
    policy: { release: { batches: ['100%'], soakSeconds: 1 }, limits },
  });
  await checkout.apply('2', 60_000);
  assert.deepEqual(checkout.history, ['2 Success Verified']);
  const path = '/apis/apps/v1/namespaces/shop/deployments/checkout';
  await checkout.play(checkout.sandbox.call('DELETE', { path }), 120_000);
  assert.deepEqual(checkout.history, []);
});
