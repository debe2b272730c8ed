// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { FaultPlan } from '@altershield/sandbox';
import { Checkout } from '../support/checkout.ts';

/** The API server takes its time with the first record that says this. */
function slowRecord(says: string): { faults: FaultPlan; isUnderWay: () => boolean } {
  let met = false;
  const beforeCall: FaultPlan['beforeCall'] = ({ method, path, body = '' }) => {
    if (met || method !== 'PATCH' || !path.includes('changeworkloads')) return undefined;
    if (!body.includes(says)) return undefined;
    met = true;
    return { kind: 'delay', ms: 1500 };
  };
  return { faults: { beforeCall }, isUnderWay: () => met };
}

test('a fix applied while a rollback is being recorded is not overwritten by it', async () => {
  const { faults, isUnderWay } = slowRecord('RollingBack');
  const checkout = await Checkout.start({ policy: { release: { batches: [1, '100%'] } }, faults });
  await checkout.apply('bad-2', 100);
  await checkout.until('the rollback is being recorded', isUnderWay);
  await checkout.apply('fix-3', 400);
  await checkout.scheduler.runFor(120_000);
  assert.equal(checkout.version, 'fix-3');
  assert.deepEqual(checkout.story, ['Superseded/Superseded', 'Success/Verified']);
});

test('a bad change applied while the previous one is being closed does not lose its hold', async () => {
  const { faults, isUnderWay } = slowRecord('"Success"');
  const checkout = await Checkout.start({ policy: { release: { batches: [1, '100%'] } }, faults });
  await checkout.apply('2', 100);
  await checkout.until('the change is being closed', isUnderWay);
  await checkout.apply('bad-3', 400);
  let most = 0;
  for (let i = 0; i < 6000; i += 1) {
    await checkout.scheduler.runFor(10);
    if (checkout.version === 'bad-3') assert.ok(checkout.isHeld, 'held as long as it is there');
    most = Math.max(most, checkout.pods['bad-3'] ?? 0);
  }
  assert.equal(most, 1);
  assert.deepEqual(checkout.history, ['2 Success Verified', 'bad-3 RolledBack RolledBack']);
});

test('an evicted stable pod does not keep a batch from completing', async () => {
  const checkout = await Checkout.start({
    policy: { release: { batches: [1, '100%'], soakSeconds: 5 } },
  });
  await checkout.apply('2', 500);
  const [old] = checkout.sandbox.pods({ namespace: 'shop' });
  const path = `/api/v1/namespaces/shop/pods/${old?.metadata.name ?? ''}/status`;
  const body = { status: { phase: 'Failed', reason: 'Evicted', message: 'low on memory' } };
  await checkout.play(checkout.sandbox.call('PATCH', { path, body }), 120_000);
  assert.deepEqual(checkout.story, ['Success/Verified']);
});

test('a revert to a revision that was verified earlier is released at once', async () => {
  const checkout = await Checkout.start({
    policy: { release: { batches: [1, '100%'], soakSeconds: 60 } },
  });
  await checkout.apply('2', 300_000);
  assert.deepEqual(checkout.story, ['Success/Verified']);
  await checkout.apply('1', 15_000);
  assert.equal(checkout.pods['2'] ?? 0, 0);
  assert.equal(checkout.isHeld, false);
  assert.equal(checkout.changes.at(-1)?.spec.operation, 'Revert');
  await checkout.scheduler.runFor(120_000);
  assert.deepEqual(checkout.story, ['Success/Verified', 'Success/Verified']);
});
