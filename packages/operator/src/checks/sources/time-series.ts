// SPDX-License-Identifier: Apache-2.0
import type { RangeQuery, TimeSeries } from '@altershield/core';

export interface PointsContext {
  readonly query: RangeQuery;
  /** Milliseconds of a unit of the source's times. */
  readonly unitMs: number;
}

/**
 * A series from points as servers send them, `[time, "value"]`. Leaves out what is not a number, not
 * later than the point before it, or outside of the times that were asked for.
 */
export function timeSeries(
  labels: TimeSeries['labels'],
  points: unknown,
  { query, unitMs }: PointsContext,
): TimeSeries {
  const times: number[] = [];
  const values: number[] = [];
  let last = query.start - 1;
  for (const point of Array.isArray(points) ? points : []) {
    const [at, text] = Array.isArray(point) ? (point as unknown[]) : [];
    const time = Math.round(Number(at) * unitMs);
    const value = numberOf(text);
    if (!(time > last && time <= query.end) || value === undefined) continue;
    last = time;
    times.push(time);
    values.push(value);
  }
  return { labels, times, values };
}

/** `Number('')` and `Number(null)` are zero: neither is a value. */
function numberOf(value: unknown): number | undefined {
  if (typeof value !== 'number' && (typeof value !== 'string' || value === '')) return undefined;
  const number = Number(value);
  return Number.isFinite(number) ? number : undefined;
}

export const labelsOf = (metric: unknown): TimeSeries['labels'] =>
  Object.fromEntries(
    Object.entries({ ...Object(metric) } as Record<string, unknown>).map(([name, value]) => [
      name,
      String(value),
    ]),
  );
