// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { sleep } from '@altershield/kube';
import { VirtualScheduler } from '../scheduler/virtual.ts';
import { WorkQueue } from './work-queue.ts';

const HOUR_MS = 3_600_000;

describe('loop of a controller', () => {
  test('a key that exceeds its retries is dropped, and starts again when it is added', async () => {
    const scheduler = new VirtualScheduler({ seed: 1 });
    let tries = 0;
    const queue = new WorkQueue({
      scheduler,
      latency: { min: 1, max: 2 },
      maxRetries: 3,
      reconcile: () => {
        tries += 1;
        return Promise.reject(new Error('denied'));
      },
    });
    queue.add('shop/web');
    await scheduler.complete(sleep(scheduler, HOUR_MS), { maxMs: 2 * HOUR_MS });
    assert.equal(tries, 4);
    queue.add('shop/web');
    await scheduler.complete(sleep(scheduler, HOUR_MS), { maxMs: 2 * HOUR_MS });
    assert.equal(tries, 8);
  });
});
