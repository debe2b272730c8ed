// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Checkout } from '../support/checkout.ts';

const RELEASE = { batches: [1, '100%'], soakSeconds: 2 };
const SUSPECTED = 'Suspend/SlowToBecomeReady';

test('a slow pod is told early, and the change goes on by itself once the pod is ready', async () => {
  const checkout = await Checkout.start({ policy: { release: RELEASE } });
  await checkout.apply('slow-2', 1000);
  await checkout.until('the pod is suspected', () => checkout.story[0] === SUSPECTED);
  assert.equal(checkout.pods['slow-2'], 1, 'no further pod is released');
  await checkout.until('the change ends', () => checkout.story[0] === 'Success/Verified');
  assert.ok(checkout.events.includes('ChangeSuspended'));
});

test('a pod that never becomes ready is suspected long before its deadline, and fails there', async () => {
  const policy = { release: RELEASE, checks: { podHealth: { readyDeadlineSeconds: 60 } } };
  const checkout = await Checkout.start({ policy });
  const start = checkout.scheduler.now();
  await checkout.apply('noready-2', 1000);
  await checkout.until('the pod is suspected', () => checkout.story[0] === SUSPECTED);
  assert.ok(checkout.scheduler.now() - start < 15_000);
  await checkout.until('the change ends', () => checkout.story[0] === 'RolledBack/RolledBack');
  assert.ok(checkout.scheduler.now() - start >= 60_000);
});

test('by policy a slow pod fails at once, or only at its deadline', async () => {
  const storyWith = async (slowPods: string): Promise<string | undefined> => {
    const policy = { release: RELEASE, checks: { podHealth: { slowPods } } };
    const checkout = await Checkout.start({ policy });
    await checkout.apply('slow-2', 60_000);
    return checkout.story[0];
  };
  assert.equal(await storyWith('Fail'), 'RolledBack/RolledBack');
  assert.equal(await storyWith('Ignore'), 'Success/Verified');
});
