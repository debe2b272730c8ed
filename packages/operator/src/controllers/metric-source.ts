// SPDX-License-Identifier: Apache-2.0
import { METRIC_SOURCES, type MetricSourceReason } from '@altershield/api';
import { mergePatch } from '@altershield/core';
import {
  Controller,
  keyOf,
  keyOfObject,
  keyString,
  type ControllerMetrics,
  type Logger,
  type Result,
  type Scheduler,
  type WriteThroughClient,
} from '@altershield/kube';
import type { Caches } from '../caches/caches.ts';
import type { MetricSources } from '../checks/sources/metric-sources.ts';
import { SourceError, type SourceFailure } from '../checks/sources/source-client.ts';
import { specChanged } from '../kinds/predicates.ts';
import type { MetricSourceObject } from '../objects.ts';

/** Until a source that failed is tried again, doubled each time. */
const RETRY_MS = { first: 5_000, longest: 300_000 };

export interface MetricSourceDeps {
  readonly caches: Pick<Caches, 'metricSources'>;
  readonly sources: Pick<MetricSources, 'probe' | 'onNews'>;
  readonly client: WriteThroughClient;
  readonly scheduler: Scheduler;
  readonly log: Logger;
  readonly metrics?: ControllerMetrics | undefined;
}

/**
 * Reports in each source's status whether it answers: tried when it is written, when its credentials
 * change, when a check cannot read it, and again after failures.
 */
export function createMetricSourceController(deps: MetricSourceDeps): Controller {
  const { caches, sources, scheduler, log, metrics } = deps;
  const failures = new Map<string, number>();
  const controller = new Controller({
    name: 'metricsource',
    workers: 2,
    ...{ scheduler, log, metrics },
    reconcile: async (key, { signal }): Promise<Result | undefined> => {
      const source = caches.metricSources.get(key);
      if (source === undefined) {
        failures.delete(key);
        return undefined;
      }
      const outcome = await tryOut(source, deps, signal);
      await report(source, outcome, deps, signal);
      if (outcome.status === 'True' || outcome.reason === 'Invalid') {
        failures.delete(key);
        return undefined;
      }
      const before = failures.get(key) ?? 0;
      failures.set(key, before + 1);
      return { requeueAfterMs: Math.min(RETRY_MS.longest, RETRY_MS.first * 2 ** before) };
    },
  });
  controller.watch(caches.metricSources, (event) =>
    event.initial || specChanged(event) ? keyOfObject(event) : [],
  );
  sources.onNews = (source) => {
    // A source that is known not to answer is tried again in its own time.
    const key = keyOf(source);
    const current = caches.metricSources.get(key) ?? source;
    if (readyOf(current)?.status !== 'False') controller.enqueue(keyString(key));
  };
  return controller;
}

interface Outcome {
  readonly status: 'True' | 'False';
  readonly reason: MetricSourceReason;
  readonly message: string;
}

async function tryOut(
  source: MetricSourceObject,
  { sources }: MetricSourceDeps,
  signal: AbortSignal,
): Promise<Outcome> {
  try {
    await sources.probe(source, signal);
    return { status: 'True', reason: 'Reachable', message: 'the source answers queries' };
  } catch (error) {
    if (signal.aborted || !(error instanceof SourceError)) throw error;
    return { status: 'False', reason: REASONS[error.failure], message: error.message };
  }
}

const REASONS: Readonly<Record<SourceFailure, MetricSourceReason>> = {
  Unavailable: 'Unreachable',
  // It does not even know `vector(1)`.
  InvalidQuery: 'Unreachable',
  Unauthorized: 'Unauthorized',
  SecretUnavailable: 'SecretUnavailable',
  Invalid: 'Invalid',
};

const readyOf = ({ status }: MetricSourceObject) =>
  status?.conditions?.find(({ type }) => type === 'Ready');

async function report(
  source: MetricSourceObject,
  outcome: Outcome,
  { client, scheduler }: MetricSourceDeps,
  signal: AbortSignal,
): Promise<void> {
  const { generation = 1, uid, resourceVersion } = source.metadata;
  const known = readyOf(source);
  const lastTransitionTime =
    known?.status === outcome.status
      ? known.lastTransitionTime
      : new Date(scheduler.now()).toISOString();
  const ready = { type: 'Ready', ...outcome, lastTransitionTime, observedGeneration: generation };
  const status = { observedGeneration: generation, conditions: [ready] };
  const patch = mergePatch(source.status ?? {}, status);
  if (patch === undefined) return;
  const body = { metadata: { uid, resourceVersion }, status: patch };
  const options = { subresource: 'status', signal } as const;
  await client.patch(METRIC_SOURCES, keyOf(source), { type: 'merge', body }, options);
}
