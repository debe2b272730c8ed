// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Checkout } from '../support/checkout.ts';

const QUICKLY = { batches: ['100%'], soakSeconds: 0 };
const DAY_MS = 86_400_000;

const records = ({ changes }: Checkout): string[] =>
  changes.map(({ spec }) => (spec.to.images ?? []).join().replace('shop/checkout:', ''));

/** Names of the changes that batches are left of. */
const batches = ({ sandbox }: Checkout): string[] =>
  (
    sandbox.server.store.list('changepods.altershield.io') as unknown as {
      spec: { change: { name: string } };
    }[]
  ).map(({ spec }) => spec.change.name);

test('the newest changes are kept with their batches, up to the policy’s historyLimit', async () => {
  const checkout = await Checkout.start({
    policy: { release: QUICKLY, limits: { historyLimit: 2 } },
  });
  for (const version of ['2', '3', '4', '5']) await checkout.apply(version, 60_000);
  assert.deepEqual(records(checkout), ['4', '5']);
  assert.deepEqual(
    [...new Set(batches(checkout))],
    ['deployment-checkout-3', 'deployment-checkout-4'],
  );
});

test('records are deleted when their TTL expires, without another event; the newest is kept', async () => {
  const policy = { release: QUICKLY, limits: { historyTTLSeconds: 3 * 86_400 } };
  const checkout = await Checkout.start({ policy });
  for (const version of ['2', '3']) await checkout.apply(version, 60_000);
  await checkout.scheduler.runFor(3 * DAY_MS - 600_000);
  assert.deepEqual(records(checkout), ['2', '3']);
  await checkout.scheduler.runFor(600_000);
  assert.deepEqual(records(checkout), ['3']);
  assert.deepEqual([...new Set(batches(checkout))], ['deployment-checkout-2']);
});

test('a record with an active quarantine outlives its TTL, and is deleted when the quarantine ends', async () => {
  const limits = { historyTTLSeconds: 3600, quarantineSeconds: 7200 };
  const checkout = await Checkout.start({ policy: { release: QUICKLY, limits } });
  await checkout.apply('bad-2', 60_000);
  await checkout.apply('3', 60_000);
  await checkout.scheduler.runFor(3_600_000);
  assert.deepEqual(records(checkout), ['bad-2', '3']);
  await assert.rejects(checkout.apply('bad-2', 1000), /denies this revision/);
  await checkout.scheduler.runFor(3_600_000);
  assert.deepEqual(records(checkout), ['3']);
});
