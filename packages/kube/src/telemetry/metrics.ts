// SPDX-License-Identifier: Apache-2.0
import { Counter, Gauge, Histogram, Registry, collectDefaultMetrics } from 'prom-client';
import type { ClientObserver } from '../client/rest-client.ts';
import type { ControllerMetrics } from '../controller/controller.ts';
import type { Scheduler } from '../runtime/scheduler.ts';
import type { AdmissionObservation } from '../webhook/server.ts';
import { reflectorSeries, type Counted } from './reflector-series.ts';
import { QueueSeries } from './queue-series.ts';

export interface MetricsOptions {
  readonly scheduler: Scheduler;
  /** Memory, CPU, garbage collection and event-loop lag of this process. Default false. */
  readonly process?: boolean;
}

/** Every series of the machinery, in the names that dashboards know, with the hooks that feed them. */
export interface Metrics {
  /** For series of one's own. */
  readonly registry: Registry;
  /** Option `metrics` of controllers. */
  readonly controller: ControllerMetrics;
  /** Option `observer` of clients. */
  readonly client: ClientObserver;
  /** Option `observe` of admission servers. */
  readonly webhook: (observation: AdmissionObservation) => void;
  /** Option `inFlight` of admission servers. */
  readonly webhookInFlight: (path: string, step: 1 | -1) => void;
  /** Option `observe` of leader electors. */
  readonly leader: (name: string) => (leading: boolean) => void;
  /** Expiry of the serving certificate, milliseconds since the epoch. */
  readonly certificate: (expiresAt: number) => void;
  /** Counts what these informers do; to be called once. */
  readonly informers: (all: () => Iterable<Counted>) => void;
  /** Option `observe` of event recorders. */
  readonly events: (outcome: string) => void;
  /** The text format, and the content type that names it. */
  render(): Promise<{ readonly contentType: string; readonly text: string }>;
}

const SECONDS = [0.001, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60];
const FAST_SECONDS = [0.0001, 0.00025, 0.0005, 0.001, 0.002, 0.005, 0.01, 0.05, 0.25, 1, 5];

/** Every 10 ms, which is the default, costs a third of a second of CPU a minute. */
const LAG_PRECISION_MS = 100;

/** Creates a new registry; there is no global one. */
export function createMetrics({ scheduler, process = false }: MetricsOptions): Metrics {
  const registry = new Registry();
  if (process) {
    collectDefaultMetrics({ register: registry, eventLoopMonitoringPrecision: LAG_PRECISION_MS });
  }
  return {
    registry,
    controller: controllerHooks(registry, new QueueSeries(registry, scheduler)),
    client: clientHook(registry),
    webhook: webhookHook(registry),
    webhookInFlight: inFlightHook(registry),
    leader: leaderHook(registry),
    certificate: certificateHook(registry),
    informers: (all) => {
      reflectorSeries(registry, all);
    },
    events: eventsHook(registry),
    render: async () => ({ contentType: registry.contentType, text: await registry.metrics() }),
  };
}

function controllerHooks(registry: Registry, queues: QueueSeries): ControllerMetrics {
  const registers = [registry];
  const total = new Counter({
    name: 'controller_runtime_reconcile_total',
    help: 'Reconciles by controller and result.',
    labelNames: ['controller', 'result'],
    registers,
  });
  const errors = new Counter({
    name: 'controller_runtime_reconcile_errors_total',
    help: 'Reconciles that failed, by controller.',
    labelNames: ['controller'],
    registers,
  });
  const time = new Histogram({
    name: 'controller_runtime_reconcile_time_seconds',
    help: 'Duration of reconciles by controller.',
    labelNames: ['controller'],
    buckets: SECONDS,
    registers,
  });
  const active = new Gauge({
    name: 'controller_runtime_active_workers',
    help: 'Busy workers by controller.',
    labelNames: ['controller'],
    registers,
  });
  return {
    reconciled: ({ controller, result, durationMs }) => {
      total.inc({ controller, result });
      if (FAILED.has(result)) errors.inc({ controller });
      time.observe({ controller }, durationMs / 1000);
    },
    active: (controller, workers) => {
      active.set({ controller }, workers);
    },
    queue: (name) => queues.hooks(name),
  };
}

const FAILED: ReadonlySet<string> = new Set(['error', 'terminal_error']);

function clientHook(registry: Registry): ClientObserver {
  const total = new Counter({
    name: 'rest_client_requests_total',
    help: 'API requests by status code (<error>: no answer) and method.',
    labelNames: ['code', 'method'],
    registers: [registry],
  });
  const time = new Histogram({
    name: 'rest_client_request_duration_seconds',
    help: 'Time to the response headers by method and resource.',
    labelNames: ['verb', 'resource'],
    buckets: SECONDS,
    registers: [registry],
  });
  return ({ method, resource, status, durationMs }) => {
    total.inc({ code: status === 0 ? '<error>' : String(status), method });
    time.observe({ verb: method, resource }, durationMs / 1000);
  };
}

function webhookHook(registry: Registry): (observation: AdmissionObservation) => void {
  const total = new Counter({
    name: 'controller_runtime_webhook_requests_total',
    help: 'Admission reviews by path and HTTP status.',
    labelNames: ['webhook', 'code'],
    registers: [registry],
  });
  const verdicts = new Counter({
    name: 'controller_runtime_webhook_verdicts_total',
    help: 'Admission verdicts by path and whether the write was allowed.',
    labelNames: ['webhook', 'allowed'],
    registers: [registry],
  });
  const time = new Histogram({
    name: 'controller_runtime_webhook_latency_seconds',
    help: 'Time from the last byte of an admission review to its response.',
    labelNames: ['webhook'],
    buckets: FAST_SECONDS,
    registers: [registry],
  });
  return ({ path, status, allowed, durationMs }) => {
    total.inc({ webhook: path, code: String(status) });
    if (allowed !== undefined) verdicts.inc({ webhook: path, allowed: String(allowed) });
    time.observe({ webhook: path }, durationMs / 1000);
  };
}

function inFlightHook(registry: Registry): (path: string, step: 1 | -1) => void {
  const gauge = new Gauge({
    name: 'controller_runtime_webhook_requests_in_flight',
    help: 'Admission reviews in progress, by path.',
    labelNames: ['webhook'],
    registers: [registry],
  });
  return (webhook, step) => {
    gauge.inc({ webhook }, step);
  };
}

function leaderHook(registry: Registry): (name: string) => (leading: boolean) => void {
  const gauge = new Gauge({
    name: 'leader_election_master_status',
    help: '1 while this replica is the leader, by lease.',
    labelNames: ['name'],
    registers: [registry],
  });
  return (name) => (leading) => {
    gauge.set({ name }, leading ? 1 : 0);
  };
}

function certificateHook(registry: Registry): (expiresAt: number) => void {
  const gauge = new Gauge({
    name: 'certwatcher_certificate_expiration_timestamp_seconds',
    help: 'Expiry of the serving certificate, in seconds since the epoch.',
    registers: [registry],
  });
  return (expiresAt) => {
    gauge.set(expiresAt / 1000);
  };
}

function eventsHook(registry: Registry): (outcome: string) => void {
  const total = new Counter({
    name: 'event_recorder_events_total',
    help: 'Events by outcome: created, counted, dropped.',
    labelNames: ['outcome'],
    registers: [registry],
  });
  return (outcome) => {
    total.inc({ outcome });
  };
}
