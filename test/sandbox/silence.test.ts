// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { WatchLineInfo } from '@altershield/sandbox';
import { Checkout } from '../support/checkout.ts';

test('a watch of pods that fell silent is no evidence against a change', async () => {
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
