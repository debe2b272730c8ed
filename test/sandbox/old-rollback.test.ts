// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Checkout } from '../support/checkout.ts';

test('the rollback of an older change is not recorded as a user’s change', async () => {
  const checkout = await Checkout.start({
    policy: { release: { batches: ['50%', '100%'], soakSeconds: 10 } },
  });
  await checkout.apply('2', 90_000);
  await checkout.apply('bad3', 60_000);
  assert.deepEqual(checkout.history, ['2 Success Verified', 'bad3 RolledBack RolledBack']);
  const before = checkout.deployment.metadata.generation ?? 0;
  await checkout.approve(1, { decision: 'RollBack', reason: 'it leaks' }, { ms: 10_000 });
  const writes = (checkout.deployment.metadata.generation ?? 0) - before;
  assert.ok(writes < 10, `${writes} writes in ten seconds`);
  await checkout.scheduler.runFor(60_000);
  assert.equal(checkout.history.length, 2);
  await checkout.apply('4', 60_000);
  assert.deepEqual([checkout.history.at(-1), checkout.history.length], ['4 Success Verified', 3]);
});

test('the sequence of a deleted record is not reused, so that later records take precedence', async () => {
  const checkout = await Checkout.start({
    policy: { release: { batches: ['50%', '100%'], soakSeconds: 10 } },
  });
  await checkout.apply('2', 90_000);
  await checkout.apply('bad3', 60_000);
  await checkout.decide(1, 'RollBack', 60_000);
  assert.equal(checkout.version, '1');
  await checkout.record('DELETE', { sequence: 2 });
  await checkout.apply('4', 120_000);
  assert.deepEqual(checkout.history, ['2 RolledBack RolledBack', '4 Success Verified']);
});
