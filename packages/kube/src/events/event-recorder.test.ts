// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { KubeError } from '../errors/errors.ts';
import { silentLogger } from '../runtime/logger.ts';
import { statusError, StoreClient, type StoredObject } from '@altershield/testing/object-store';
import { VirtualScheduler } from '@altershield/testing/kube/virtual-scheduler';
import type { EventSubject } from './event.ts';
import { EventRecorder, type EventRecorderOptions } from './event-recorder.ts';

const checkout: EventSubject = {
  apiVersion: 'apps/v1',
  kind: 'Deployment',
  namespace: 'shop',
  name: 'checkout',
  uid: 'd-1',
};

/** Keeps events by namespace and name as an API server would. */
class FakeEvents extends StoreClient {
  get list(): StoredObject[] {
    return this.store.entries().map(([, event]) => event);
  }
}

function setUp(options: Partial<EventRecorderOptions> = {}): {
  clock: VirtualScheduler;
  api: FakeEvents;
  recorder: EventRecorder;
  outcomes: string[];
} {
  const clock = new VirtualScheduler();
  const api = new FakeEvents();
  const outcomes: string[] = [];
  const recorder = new EventRecorder({
    client: api,
    scheduler: clock,
    log: silentLogger,
    component: 'guard',
    instance: 'guard-0',
    observe: (outcome) => outcomes.push(outcome),
    ...options,
  });
  return { clock, api, recorder, outcomes };
}

const stopped = { type: 'Warning', reason: 'Suspended', message: 'batch 1 failed' } as const;

test('an event is what kubectl describe shows', async () => {
  const { api, recorder } = setUp();
  recorder.record(checkout, stopped);
  await recorder.flush();
  const [event] = api.list;
  assert.match(event?.metadata.name ?? '', /^checkout\.[0-9a-f]{20}$/);
  assert.equal(event?.metadata.namespace, 'shop');
  assert.deepEqual(
    { ...event, metadata: undefined },
    {
      apiVersion: 'v1',
      kind: 'Event',
      metadata: undefined,
      involvedObject: { ...checkout },
      type: 'Warning',
      reason: 'Suspended',
      message: 'batch 1 failed',
      source: { component: 'guard' },
      reportingComponent: 'guard',
      reportingInstance: 'guard-0',
      firstTimestamp: '2026-01-01T00:00:00Z',
      lastTimestamp: '2026-01-01T00:00:00Z',
      count: 1,
    },
  );
});

test('the observer is optional', async () => {
  const clock = new VirtualScheduler();
  const api = new FakeEvents();
  const common = { scheduler: clock, log: silentLogger, component: 'guard' };
  const recorder = new EventRecorder({ client: api, ...common });
  recorder.record(checkout, stopped);
  await recorder.flush();
  assert.equal(api.list.length, 1);
});

test('equal events are one with a count; those that wait together take one write', async () => {
  const { clock, api, recorder, outcomes } = setUp();
  recorder.record(checkout, stopped);
  recorder.record(checkout, stopped);
  await recorder.flush();
  await clock.advance(60_000);
  recorder.record(checkout, stopped);
  await recorder.flush();
  assert.equal(api.list.length, 1);
  assert.equal(api.list[0]?.['count'], 3);
  assert.equal(api.list[0]['firstTimestamp'], '2026-01-01T00:00:00Z');
  assert.equal(api.list[0]['lastTimestamp'], '2026-01-01T00:01:00Z');
  assert.deepEqual(outcomes, ['created', 'counted']);
});

test('an event that expired on the server is created again', async () => {
  const { api, recorder } = setUp();
  recorder.record(checkout, stopped);
  await recorder.flush();
  api.store.remove(api.store.entries()[0]?.[0] ?? '');
  recorder.record(checkout, stopped);
  await recorder.flush();
  assert.equal(api.list[0]?.['count'], 1);
});

test('events of different reasons, messages or objects are separate', async () => {
  const { api, recorder } = setUp();
  recorder.record(checkout, stopped);
  recorder.record(checkout, { ...stopped, reason: 'Other' });
  recorder.record(checkout, { ...stopped, message: 'batch 2 failed' });
  recorder.record({ ...checkout, uid: 'd-2' }, stopped);
  await recorder.flush();
  assert.deepEqual(
    api.list.map((event) => event['count']),
    [1, 1, 1, 1],
  );
});

test('messages are cut at 1024 bytes and cluster-scoped objects go to the default namespace', async () => {
  const { api, recorder } = setUp();
  const node = { apiVersion: 'v1', kind: 'Node', namespace: '', name: 'n'.repeat(253), uid: '' };
  recorder.record(node, { ...stopped, message: 'ü'.repeat(2000) });
  await recorder.flush();
  const [event] = api.list;
  assert.equal(event?.metadata.namespace, 'default');
  assert.match(event.metadata.name, /^n{230}\./);
  assert.ok(Buffer.byteLength(String(event['message'])) <= 1024);
  assert.ok(!('namespace' in Object(event['involvedObject'])));
});

test('a server error is retried, a denied write is not, and neither throws', async () => {
  const { clock, api, recorder, outcomes } = setUp();
  api.faults.push(statusError(500, 'InternalError'), statusError(429, 'TooManyRequests'));
  recorder.record(checkout, stopped);
  await clock.advance(10_000);
  assert.deepEqual(outcomes, ['created']);
  api.faults.push(statusError(403, 'Forbidden'));
  recorder.record(checkout, { ...stopped, reason: 'Other' });
  await clock.advance(10_000);
  assert.deepEqual(outcomes, ['created', 'dropped']);
  assert.equal(api.calls, 4);
});

test('a busy server gets no request before its Retry-After', async () => {
  const { clock, api, recorder, outcomes } = setUp();
  api.faults.push(new KubeError({ doing: 'POST', status: 429, retryAfterMs: 30_000 }));
  recorder.record(checkout, stopped);
  await clock.advance(29_000);
  assert.equal(api.calls, 1);
  await clock.advance(1_000);
  assert.deepEqual(outcomes, ['created']);
});

test('of many events the least recent are forgotten, and created again', async () => {
  const { clock, api, recorder, outcomes } = setUp({ memory: 2 });
  for (const uid of ['d-1', 'd-2', 'd-1', 'd-3', 'd-1', 'd-2']) {
    recorder.record({ ...checkout, uid }, stopped);
    await clock.advance(1_000);
  }
  assert.deepEqual(outcomes, ['created', 'created', 'counted', 'created', 'counted', 'created']);
  assert.equal(api.list.length, 4);
});

test('the number of waiting events is bounded while the server does not answer', async () => {
  const { clock, api, recorder, outcomes } = setUp({ maxPending: 5 });
  api.faults.push('silence');
  const subjects = Array.from({ length: 20 }, (_, i) => ({ ...checkout, uid: `d-${i}` }));
  for (const subject of subjects) recorder.record(subject, stopped);
  assert.equal(outcomes.filter((it) => it === 'dropped').length, 15);
  await clock.advance(20_000);
  assert.equal(api.list.length, 5, 'the silent call was given up and tried again');
});

test('a stop writes the remaining events', async () => {
  const { api, recorder } = setUp();
  const stop = new AbortController();
  const run = recorder.start(stop.signal);
  recorder.record(checkout, stopped);
  stop.abort();
  await run;
  assert.equal(api.list.length, 1);
});

test('a stop ends after its time limit when the server does not answer', async () => {
  const { clock, api, recorder, outcomes } = setUp();
  api.faults.push('silence');
  recorder.record(checkout, stopped);
  recorder.record({ ...checkout, uid: 'd-2' }, stopped);
  let ended = false;
  const run = recorder.start(AbortSignal.abort()).then(() => (ended = true));
  await clock.advance(4_900);
  assert.equal(ended, false);
  await clock.advance(200);
  await run;
  assert.deepEqual(outcomes, ['dropped', 'dropped']);
});
