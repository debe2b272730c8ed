// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Client } from '../client/client.ts';
import { RESOURCES } from '../client/object.ts';
import { Controller } from '../controller/controller.ts';
import { silentLogger } from '../runtime/logger.ts';
import { VirtualScheduler } from '@altershield/testing/kube/virtual-scheduler';
import { createMetrics } from './metrics.ts';

test('the series have the names and labels that dashboards know', async () => {
  const clock = new VirtualScheduler();
  const metrics = createMetrics({ scheduler: clock });
  const queue = metrics.controller.queue?.('change');
  queue?.added();
  queue?.depth(1);
  queue?.started(20, 'shop/a');
  queue?.retried();
  await clock.advance(1_000);
  queue?.started(0, 'shop/b');
  await clock.advance(2_000);
  metrics.webhookInFlight('/v', 1);
  metrics.webhookInFlight('/v', 1);
  metrics.webhookInFlight('/v', -1);
  metrics.controller.reconciled({ controller: 'change', result: 'error', durationMs: 40 });
  metrics.client({ method: 'GET', resource: 'pods', status: 0, durationMs: 3 });
  metrics.webhook({ path: '/v', status: 200, allowed: false, durationMs: 0.4 });
  const lead = metrics.leader('lock');
  lead(true);
  metrics.certificate(1_800_000_000_000);
  metrics.events('created');
  const stats = { lists: 1, watches: 3, events: 70, failures: 2 };
  metrics.informers(() => [{ resource: RESOURCES.pod, stats }]);
  const { text, contentType } = await metrics.render();
  assert.match(contentType, /text\/plain/);
  for (const line of [
    'workqueue_depth{name="change"} 1',
    'workqueue_adds_total{name="change"} 1',
    'workqueue_retries_total{name="change"} 1',
    'workqueue_queue_duration_seconds_sum{name="change"} 0.02',
    'workqueue_unfinished_work_seconds{name="change"} 5',
    'workqueue_longest_running_processor_seconds{name="change"} 3',
    'controller_runtime_webhook_requests_in_flight{webhook="/v"} 1',
    'controller_runtime_reconcile_total{controller="change",result="error"} 1',
    'controller_runtime_reconcile_errors_total{controller="change"} 1',
    'controller_runtime_reconcile_time_seconds_sum{controller="change"} 0.04',
    'rest_client_requests_total{code="<error>",method="GET"} 1',
    'rest_client_request_duration_seconds_count{verb="GET",resource="pods"} 1',
    'controller_runtime_webhook_requests_total{webhook="/v",code="200"} 1',
    'controller_runtime_webhook_verdicts_total{webhook="/v",allowed="false"} 1',
    'leader_election_master_status{name="lock"} 1',
    'certwatcher_certificate_expiration_timestamp_seconds 1800000000',
    'event_recorder_events_total{outcome="created"} 1',
    'reflector_lists_total{name="pods"} 1',
    'reflector_watches_total{name="pods"} 3',
    'reflector_events_total{name="pods"} 70',
    'reflector_failures_total{name="pods"} 2',
  ]) {
    assert.ok(text.includes(`${line}\n`), `${line} in\n${text}`);
  }
  lead(false);
  queue?.finished(3_000, 'shop/a');
  queue?.finished(2_000, 'shop/b');
  const later = await metrics.render();
  assert.match(later.text, /leader_election_master_status\{name="lock"\} 0\n/);
  assert.match(later.text, /reflector_events_total\{name="pods"\} 70\n/);
  assert.match(later.text, /workqueue_unfinished_work_seconds\{name="change"\} 0\n/);
  assert.match(later.text, /longest_running_processor_seconds\{name="change"\} 0\n/);
});

test('the hooks fit the controller and the client', async () => {
  const scheduler = new VirtualScheduler();
  const metrics = createMetrics({ scheduler });
  const controller = new Controller({
    name: 'demo',
    scheduler,
    log: silentLogger,
    metrics: metrics.controller,
    reconcile: () => Promise.resolve(undefined),
  });
  const stop = new AbortController();
  const run = controller.start(stop.signal);
  controller.queue.add('shop/checkout');
  await scheduler.advance(1_000);
  stop.abort();
  await scheduler.advance(1_000);
  await run;
  const transport = {
    request: () => Promise.reject(new Error('refused')),
    close: () => Promise.resolve(),
  };
  const client = new Client({ transport, scheduler, fieldManager: 'x', observer: metrics.client });
  await assert.rejects(client.get(RESOURCES.pod, { namespace: 'a', name: 'b' }));
  const { text } = await metrics.render();
  assert.match(text, /reconcile_total\{controller="demo",result="success"\} 1\n/);
  assert.match(text, /workqueue_work_duration_seconds_count\{name="demo"\} 1\n/);
  assert.match(text, /rest_client_requests_total\{code="<error>",method="GET"\} 1\n/);
});

test('process metrics include event-loop lag, and registries are independent', async () => {
  const scheduler = new VirtualScheduler();
  const first = await createMetrics({ scheduler, process: true }).render();
  const second = await createMetrics({ scheduler, process: true }).render();
  for (const { text } of [first, second]) {
    assert.match(text, /nodejs_eventloop_lag_seconds/);
    assert.match(text, /process_resident_memory_bytes \d/);
  }
});
