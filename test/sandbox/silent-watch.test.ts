// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { WatchLineInfo } from '@altershield/sandbox';
import { Checkout } from '../support/checkout.ts';

test('a silent pod watch is not evidence against a change', async () => {
  let isSilent = false;
  const onWatchLine = ({ path }: WatchLineInfo) =>
    isSilent && path.includes('/pods?') ? ({ kind: 'stall' } as const) : undefined;
  const policy = { checks: { podHealth: { readyDeadlineSeconds: 60 } } };
  const checkout = await Checkout.start({ policy, faults: { onWatchLine } });
  isSilent = true;
  await checkout.apply('2', 100);
  await checkout.until('the batch is out', () => checkout.pods['2'] === 1);
  await checkout.scheduler.runFor(2000);
  isSilent = false;
  await checkout.scheduler.runFor(1_200_000);
  assert.deepEqual(checkout.story, ['Success/Verified']);
});

test('a pod that fails while the pod watch is dead is found before the batch completes', async () => {
  let isDead = false;
  const onWatchLine = ({ path }: WatchLineInfo) =>
    isDead && path.includes('/pods?') ? ({ kind: 'stall' } as const) : undefined;
  const policy = { release: { batches: [1, '100%'], soakSeconds: 30 } };
  const checkout = await Checkout.start({ policy, faults: { onWatchLine } });
  await checkout.apply('2', 100);
  await checkout.until('the batch soaks', () => checkout.pods['2'] === 1 && isAllReady(checkout));
  isDead = true;
  await checkout.degrade({ restartCount: 9, version: '2' });
  isDead = false;
  await checkout.scheduler.runFor(60_000);
  assert.deepEqual(checkout.history, ['2 RolledBack RolledBack']);
  assert.equal(checkout.pods['2'], undefined);
});

test('a verdict by deadline does not wait for pod events that never arrive', async () => {
  const release = { batches: [1, '100%'], soakSeconds: 20 };
  const checks = { podHealth: { readyDeadlineSeconds: 20 } };
  const checkout = await Checkout.start({ policy: { release, checks } });
  const since = checkout.scheduler.now();
  await checkout.apply('noready-2', 100);
  await checkout.until(
    'it is taken back',
    () => checkout.history[0]?.includes('RolledBack') === true,
  );
  assert.ok(checkout.scheduler.now() - since < 25_000, `${checkout.scheduler.now() - since} ms`);
  const again = checkout.scheduler.now();
  await checkout.apply('3', 100);
  await checkout.until('the second batch', () => (checkout.pods['3'] ?? 0) > 1);
  assert.ok(checkout.scheduler.now() - again < 30_000, `${checkout.scheduler.now() - again} ms`);
});

const isAllReady = ({ sandbox }: Checkout): boolean =>
  sandbox
    .pods({ namespace: 'shop' })
    .every(({ status: { conditions = [] } }) =>
      conditions.some(({ type, status }) => type === 'Ready' && status === 'True'),
    );
