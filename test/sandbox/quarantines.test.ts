// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Checkout } from '../support/checkout.ts';
import { deploymentManifest } from '../support/manifests.ts';
import { ALICE } from '../support/simulation.ts';

const QUICK = { release: { batches: [1, '100%'], soakSeconds: 5 } };
const SLOW = { release: { batches: [1, '100%'], soakSeconds: 60 } };
const HOUR_MS = 3_600_000;

/** A version, with the mark of a restart or without. */
const applied = (checkout: Checkout, version: string, mark: string | undefined, ms: number) => {
  const base = deploymentManifest({ image: `shop/checkout:${version}` });
  const restarted = mark === undefined ? {} : { 'kubectl.kubernetes.io/restartedAt': mark };
  const metadata = { ...base.spec.template.metadata, annotations: { a: 'b', ...restarted } };
  const template = { ...base.spec.template, metadata };
  const manifest = { ...base, spec: { ...base.spec, template } };
  return checkout.play(checkout.sandbox.apply(manifest as never, ALICE), ms);
};

/** What got past admission while nobody was there is refused by a second record. */
async function refuseAgain(checkout: Checkout): Promise<void> {
  await checkout.applyUnseen('bad-2');
  assert.deepEqual(checkout.history, Array(2).fill('bad-2 RolledBack RolledBack'));
}

/** Versions 2 and 3 ended well, one after the other. */
async function withTwoMore(policy: object): Promise<Checkout> {
  const checkout = await Checkout.start({ policy });
  await applied(checkout, '2', undefined, 60_000);
  await applied(checkout, '3', undefined, 60_000);
  return checkout;
}

test('a manually rolled-back revision is no longer a rollback target, with or without a restart annotation', async () => {
  const limits = { quarantineSeconds: 3600 };
  const checkout = await withTwoMore({ ...QUICK, limits });
  await applied(checkout, '2', 'now', 60_000);
  assert.deepEqual([checkout.version, checkout.changes.at(-1)?.spec.operation], ['2', 'Revert']);
  await checkout.decide(3, 'RollBack', 60_000);
  assert.equal(checkout.version, '3');
  await checkout.scheduler.runFor(2 * HOUR_MS);
  await applied(checkout, '2', undefined, 1500);
  assert.deepEqual([checkout.isHeld, checkout.pods['2']], [true, 1]);
});

test('a revert that failed is held when it is applied without its restart annotation', async () => {
  const checkout = await withTwoMore(QUICK);
  await applied(checkout, '2', 'now', 3000);
  await checkout.degrade({ restartCount: 4, ready: false, version: '2' });
  await checkout.scheduler.runFor(60_000);
  assert.equal(checkout.history.at(-1), '2 Failed CheckFailed');
  await applied(checkout, '3', undefined, 60_000);
  await applied(checkout, '2', undefined, 1500);
  assert.deepEqual([checkout.isHeld, checkout.pods['2']], [true, 1]);
});

test('a revert that kept its restart annotation is released at once, even if no operator saw it', async () => {
  const checkout = await withTwoMore(QUICK);
  checkout.killOperator();
  await applied(checkout, '2', 'now', 1000);
  await checkout.startOperator();
  assert.deepEqual([checkout.changes.at(-1)?.spec.operation, checkout.isHeld], ['Revert', false]);
});

test('lifting a quarantine allows the revision, however often it was quarantined', async () => {
  const checkout = await Checkout.start({ policy: QUICK });
  await checkout.apply('bad-2', 60_000);
  await refuseAgain(checkout);
  await checkout.decide(2, 'Lift', 2000);
  await checkout.apply('bad-2', 300);
  assert.equal(checkout.version, 'bad-2');
});

test('a lifted quarantine stays lifted when its record is old', async () => {
  const limits = { historyLimit: 2, historyTTLSeconds: 3600 * 24 * 30 };
  const checkout = await Checkout.start({ policy: { ...QUICK, limits } });
  await checkout.apply('bad-2', 60_000);
  await refuseAgain(checkout);
  await checkout.decide(2, 'Lift', 2000);
  await checkout.scheduler.runFor(2 * HOUR_MS);
  for (const version of ['3', '4', '5', '6']) await checkout.apply(version, 120_000);
  await checkout.apply('bad-2', 300);
  assert.equal(checkout.version, 'bad-2');
});

test('an expired lift does not reinstate an older quarantine', async () => {
  const limits = { quarantineSeconds: 24 * 3600 };
  const checkout = await Checkout.start({ policy: { ...QUICK, limits } });
  await checkout.apply('bad-2', 60_000);
  await checkout.govern({ ...QUICK, limits: { quarantineSeconds: 3600 } });
  await refuseAgain(checkout);
  await checkout.decide(2, 'Lift', 2000);
  await checkout.scheduler.runFor(2 * HOUR_MS);
  await checkout.apply('bad-2', 300);
  assert.equal(checkout.version, 'bad-2');
});

test('a revision rolled back by a user after a lift is quarantined, whatever the sequence of its record', async () => {
  const checkout = await Checkout.start({ policy: QUICK });
  await checkout.apply('2', 60_000);
  await checkout.apply('3', 60_000);
  await checkout.apply('2', 60_000);
  await checkout.decide(3, 'RollBack', 60_000);
  assert.equal(checkout.version, '3');
  await checkout.decide(3, 'Lift', 2000);
  await checkout.apply('2', 60_000);
  assert.equal(checkout.history.at(-1), '2 Success Verified');
  await checkout.decide(1, 'RollBack', 60_000);
  assert.equal(checkout.version, '1');
  await checkout.apply('2', 2000).catch(() => undefined);
  assert.equal(checkout.version, '1');
});

test('a manually rolled-back revision is no rollback target, even if a newer revision superseded the rollback', async () => {
  const limits = { quarantineSeconds: 3600 };
  const checkout = await Checkout.start({ policy: { ...QUICK, limits } });
  await checkout.apply('2', 60_000);
  await checkout.apply('3', 60_000);
  await checkout.apply('2', 60_000);
  await checkout.decide(3, 'RollBack', 100);
  await checkout.apply('4', 120_000);
  assert.deepEqual(checkout.history.slice(2), ['2 Superseded Superseded', '4 Success Verified']);
  await checkout.scheduler.runFor(2 * HOUR_MS);
  await checkout.apply('2', 1500);
  assert.deepEqual([checkout.isHeld, checkout.pods['2']], [true, 1]);
});

test('a user can revert to a verified revision despite an older quarantine', async () => {
  const checkout = await Checkout.start({ policy: { ...SLOW, limits: { rollbacksPerHour: 1 } } });
  await checkout.apply('2', 200_000);
  await checkout.apply('3', 200_000);
  await checkout.decide(2, 'RollBack', 60_000);
  await checkout.apply('bad-4', 60_000);
  checkout.killOperator();
  await checkout.apply('3', 700_000);
  await checkout.startOperator();
  await checkout.scheduler.runFor(60_000);
  assert.equal(checkout.story.at(-1), 'Suspend/RollbackLimit');
  await checkout.decide(4, 'Resume', 300_000);
  assert.equal(checkout.history.at(-1), '3 Success Verified');
  await checkout.apply('5', 20_000);
  await checkout.decide(5, 'RollBack', 60_000);
  assert.deepEqual([checkout.version, checkout.story.at(-1)], ['3', 'RolledBack/RolledBack']);
});
