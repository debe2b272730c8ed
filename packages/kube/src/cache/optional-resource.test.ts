// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { FakeApi, refusal } from '@altershield/testing/kube/fake-api';
import { VirtualScheduler } from '@altershield/testing/kube/virtual-scheduler';
import { Client } from '../client/client.ts';
import { RESOURCES } from '../client/object.ts';
import { silentLogger } from '../runtime/logger.ts';
import { InformerFactory } from './factory.ts';

test('a resource that is not served is empty, and is found and lost as its CRD comes and goes', async () => {
  const api = new FakeApi();
  const scheduler = new VirtualScheduler(1);
  const client = new Client({ transport: api, scheduler, fieldManager: 'test' });
  const informers = new InformerFactory({ client, scheduler, log: silentLogger });
  const informer = informers.informer(RESOURCES.configMap, {
    namespace: 'shop',
    isOptional: true,
  });
  let isServed = false;
  api.intercept = () => (isServed ? undefined : refusal(404, 'NotFound'));
  const stop = new AbortController();
  const ended = informers.start(stop.signal);
  await scheduler.advance(10_000);
  assert.deepEqual([informer.synced, informer.lastError, informer.size], [true, undefined, 0]);
  assert.equal(api.watches.length, 0);
  api.put('a');
  isServed = true;
  await scheduler.advance(60_000);
  assert.equal(informer.size, 1);
  assert.equal(api.watches.length, 1);
  isServed = false;
  api.cut();
  await scheduler.advance(60_000);
  assert.equal(informer.size, 0);
  isServed = true;
  await scheduler.advance(60_000);
  assert.equal(informer.size, 1);
  stop.abort(new Error('end'));
  await scheduler.advance(0);
  await ended;
  assert.equal(scheduler.timers, 0);
});
