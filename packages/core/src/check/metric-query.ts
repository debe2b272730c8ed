// SPDX-License-Identifier: Apache-2.0
import type { PodView } from './pod-view.ts';
import type { CheckedBatch } from './check.ts';
import type { RangeQuery, TimeSeries } from './request.ts';

/**
 * Values before the change: enough for placebo tests of an observation of a few values. Prometheus
 * answers with at most 11,000.
 */
const BEFORE_VALUES = 300;

export interface QueryTimes {
  /** All pods of the batch are ready since. */
  readonly readyAt: number;
  readonly now: number;
  readonly step: number;
}

/** The PromQL of a metric, with the values of its variables. */
export function expand(
  query: string,
  { namespace, workload }: Pick<CheckedBatch, 'namespace' | 'workload'>,
  pods: string,
): string {
  const values: Readonly<Record<string, string>> = { namespace, workload, pods };
  return query.replaceAll(
    /\$(namespace|workload|pods)\b/g,
    (_, name: string) => values[name] ?? '',
  );
}

const comparesPods = (query: string): boolean => /\$pods\b/.test(query);

/** In a string of PromQL, a backslash is written twice. */
const quote = (name: string): string => name.replaceAll('.', '\\\\.');

type Named = Pick<PodView, 'name'>;

/** A regular expression that matches exactly these pods. */
export const podsPattern = (pods: readonly Named[]): string =>
  pods
    .map(({ name }) => quote(name))
    .sort()
    .join('|');

/** The alphabet of the hashes and suffixes that controllers give to names. */
const SAFE = '[bcdfghjklmnpqrstvwxz2456789]+';

/**
 * A regular expression that matches all pods that a workload ever had, learned from the names of the
 * present ones. Pods that are named in another way stand for themselves.
 */
export function everyPodPattern(workload: string, pods: readonly Named[]): string {
  const shapes = pods.map(({ name }) => {
    if (!name.startsWith(`${workload}-`)) return quote(name);
    const parts = name.slice(workload.length + 1).split('-');
    const isOrdinal = parts.length === 1 && /^\d+$/.test(parts[0] ?? '');
    return [quote(workload), ...parts.map(() => (isOrdinal ? '[0-9]+' : SAFE))].join('-');
  });
  return [...new Set(shapes)].sort().join('|');
}

interface Compared {
  readonly checked: CheckedBatch;
  readonly updated: readonly PodView[];
  readonly stable: readonly PodView[];
}

/**
 * The range queries of a metric: of updated and stable pods since the batch is ready, and of the
 * workload before the change.
 */
export function metricQueries(
  query: string,
  { checked, updated, stable }: Compared,
  times: QueryTimes,
): Readonly<Record<string, RangeQuery>> {
  const { step } = times;
  const start = Math.ceil(times.readyAt / step) * step;
  const end = Math.max(start, Math.floor(times.now / step) * step);
  const during = { start, end, step };
  const last = Math.floor(Math.min(checked.detectedAt, times.readyAt) / step) * step;
  const before = { start: last - (BEFORE_VALUES - 1) * step, end: last, step };
  const of = (pods: string): string => expand(query, checked, pods);
  if (!comparesPods(query)) {
    return {
      Updated: { expression: of(''), ...during },
      Before: { expression: of(''), ...before },
    };
  }
  const ever = everyPodPattern(checked.workload, [...updated, ...stable]);
  return {
    Updated: { expression: of(podsPattern(updated)), ...during },
    ...(stable.length === 0 ? {} : { Stable: { expression: of(podsPattern(stable)), ...during } }),
    Before: { expression: of(ever), ...before },
  };
}

/** The values of a series at the times of its query; NaN where there is none. */
export function onGrid(
  { times, values }: TimeSeries,
  { start, end, step }: Omit<RangeQuery, 'expression'>,
): Float64Array {
  const grid = new Float64Array(Math.max(0, Math.floor((end - start) / step) + 1)).fill(NaN);
  times.forEach((time, i) => {
    const at = Math.round((time - start) / step);
    if (at >= 0 && at < grid.length) grid[at] = values[i] ?? NaN;
  });
  return grid;
}
