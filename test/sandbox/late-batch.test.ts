// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Checkout } from '../support/checkout.ts';

const SOAK_MS = 40_000;

test('a late batch continues after its soak, even if pods report status meanwhile', async () => {
  const checkout = await Checkout.start({
    policy: {
      onInconclusive: 'Proceed',
      release: { batches: [1, 3, '100%'], soakSeconds: SOAK_MS / 1000 },
      checks: { podHealth: { readyDeadlineSeconds: 90 } },
    },
  });
  await checkout.apply('2', 100);
  await checkout.until('the first batch', () => checkout.pods['2'] === 1);
  checkout.sandbox.controllers.replicaSet.stop();
  const phase = (): string => checkout.changes[0]?.status?.phase ?? '';
  await checkout.until('the second is late', () => phase() === 'TimeOutPreThreshold');
  const since = checkout.scheduler.now();
  const batch = checkout.changes[0]?.status?.batch?.index ?? 0;
  const isOn = (): boolean => (checkout.changes[0]?.status?.batch?.index ?? 0) > batch;
  for (let i = 0; i < 60 && !isOn(); i += 1) {
    // Two writes of a kubelet, a moment apart: the watch has the first when the server has both.
    const path = `/api/v1/namespaces/shop/pods/${checkout.sandbox.pods({ namespace: 'shop' })[0]?.metadata.name ?? ''}/status`;
    await checkout.sandbox.call('PATCH', { path, body: { status: { message: `a${i}` } } });
    await checkout.scheduler.runFor(4);
    await checkout.sandbox.call('PATCH', { path, body: { status: { message: `b${i}` } } });
    await checkout.scheduler.runFor(996);
  }
  const ms = checkout.scheduler.now() - since;
  assert.ok(isOn() && ms < SOAK_MS + 2000, `${phase()} after ${ms} ms`);
});
