// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Checkout } from '../support/checkout.ts';

const AUDIT = { mode: 'Audit', release: { soakSeconds: 1 } };

test('what changed before any policy governed it is no change to the next leader', async () => {
  const checkout = await Checkout.start();
  const standby = checkout.simulation.startReplica();
  await checkout.scheduler.runFor(1000);
  await checkout.apply('2', 60_000);
  await checkout.govern({});
  checkout.killOperator();
  standby.lead();
  await checkout.scheduler.runFor(60_000);
  assert.deepEqual(checkout.chronicle, []);
});

test('what a leader did not live to record is found by the next', async () => {
  const checkout = await Checkout.start({ policy: AUDIT });
  const standby = checkout.simulation.startReplica();
  await checkout.scheduler.runFor(1000);
  checkout.killOperator();
  await checkout.apply('2', 60_000);
  standby.lead();
  await checkout.scheduler.runFor(60_000);
  assert.deepEqual(checkout.chronicle, ['2 Success Verified']);
});
