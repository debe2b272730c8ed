// SPDX-License-Identifier: Apache-2.0
import type { PodView } from './pod-view.ts';
import type { CheckedBatch } from './check.ts';
import type { RangeQuery } from './request.ts';

/** Values before the change that are compared with. */
const BEFORE_VALUES = 60;

/** Longest history of one query, in values: Prometheus allows 11,000. */
const MAX_VALUES = 5000;

export interface QueryTimes {
  /** All pods of the batch are ready since. */
  readonly readyAt: number;
  readonly now: number;
  readonly step: number;
}

/** The PromQL of a metric, without its variables. */
export function expand(query: string, { namespace, workload }: CheckedBatch, pods: string): string {
  const values: Readonly<Record<string, string>> = { namespace, workload, pods };
  return query.replaceAll(
    /\$(namespace|workload|pods)\b/g,
    (_, name: string) => values[name] ?? '',
  );
}

export const comparesPods = (query: string): boolean => /\$pods\b/.test(query);

/**
 * A regular expression that matches exactly these pods. In a string of PromQL, a backslash is
 * written twice.
 */
export const podsPattern = (pods: readonly Pick<PodView, 'name'>[]): string =>
  pods
    .map(({ name }) => name.replaceAll('.', '\\\\.'))
    .sort()
    .join('|');

/** The range queries of a metric: of updated and stable pods since they are ready, and before. */
export function metricQueries(
  query: string,
  { checked, updated, stable }: { readonly checked: CheckedBatch } & Pods,
  times: QueryTimes,
): Readonly<Record<string, RangeQuery>> {
  const { step, now } = times;
  const end = Math.floor(now / step) * step;
  const start = Math.max(Math.ceil(times.readyAt / step) * step, end - MAX_VALUES * step);
  const during = { start: Math.min(start, end), end, step };
  const last = Math.floor(Math.min(checked.detectedAt, times.readyAt) / step) * step;
  const before = { start: last - BEFORE_VALUES * step, end: last, step };
  const of = (pods: readonly PodView[]): string => expand(query, checked, podsPattern(pods));
  if (!comparesPods(query)) {
    const expression = expand(query, checked, '');
    return { Updated: { expression, ...during }, Before: { expression, ...before } };
  }
  return {
    Updated: { expression: of(updated), ...during },
    ...(stable.length === 0
      ? {}
      : {
          Stable: { expression: of(stable), ...during },
          Before: { expression: of(stable), ...before },
        }),
  };
}

interface Pods {
  readonly updated: readonly PodView[];
  readonly stable: readonly PodView[];
}
