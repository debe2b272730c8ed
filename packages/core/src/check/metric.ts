// SPDX-License-Identifier: Apache-2.0
import {
  MAX_CHART_POINTS,
  type ChangePolicySpec,
  type CheckReason,
  type CheckResult,
} from '@altershield/api';
import type { Check, CheckInput } from './check.ts';
import { resultOf, type CheckOutcome } from './finding.ts';
import { metricQueries } from './metric-query.ts';
import { activePods } from './observe-pod.ts';
import type { CheckRequest, QueryAnswer, Reading, TimeSeries } from './request.ts';
import { readyFrom } from './soak.ts';

type Metric = NonNullable<ChangePolicySpec['checks']['metrics']>[number];

/** The metrics that a policy names. */
export const metricChecks = ({ metrics = [] }: ChangePolicySpec['checks']): Check[] =>
  metrics.map((metric) => ({
    name: metric.name,
    isRequired: metric.required,
    evaluate: (input) => judgeMetric(metric, input),
  }));

/**
 * Judges a metric from the moment at which all pods of the batch are ready: it is read at every
 * interval, fails as soon as there is evidence, and passes after the observation time.
 */
function judgeMetric(metric: Metric, input: CheckInput): CheckOutcome {
  const readyAt = readyAtOf(input);
  if (readyAt === undefined) return pending(metric, 'AwaitingPods', 'waits for the pods');
  const look = lookAt(metric, readyAt, input);
  const reading = input.readings.get(metric.name);
  const isCurrent = reading?.key === look.key;
  const judged = judgeReading(metric, reading, { readyAt, isLast: isCurrent && look.isLast });
  if (judged.verdict === 'Fail') return { unhealthy: 0, result: judged };
  if (judged.verdict !== 'Pending') return { unhealthy: 0, result: judged };
  if (isCurrent && look.isOverdue) return { unhealthy: 0, result: overdue(metric, judged) };
  return {
    unhealthy: 0,
    result: judged,
    dueAt: look.nextAt,
    passesAt: look.passesAt,
    ...(isCurrent || look.number === 0 ? {} : { requests: [request(metric, input, look)] }),
  };
}

/** When the last pod of the batch became ready; undefined while one is not. */
function readyAtOf({ pods: { updated, target, now, soaksFrom = 0 } }: CheckInput) {
  const ready = activePods(updated).filter((pod) => pod.ready);
  if (ready.length < target) return undefined;
  return Math.max(soaksFrom, ...ready.map((pod) => readyFrom(pod, now)));
}

interface Look {
  readonly key: string;
  readonly number: number;
  readonly readyAt: number;
  readonly nextAt: number;
  readonly passesAt: number;
  /** The observation time is over. */
  readonly isLast: boolean;
  readonly isOverdue: boolean;
}

function lookAt(metric: Metric, readyAt: number, { pods: { now }, checked }: CheckInput): Look {
  const interval = metric.intervalSeconds * 1000;
  const number = Math.max(0, Math.floor((now - readyAt) / interval));
  const last = Math.ceil(metric.observeSeconds / metric.intervalSeconds);
  const deadline = readyAt + Math.max(metric.deadlineSeconds, metric.observeSeconds) * 1000;
  return {
    key: `${checked.batch}/${readyAt}/${number}`,
    ...{ number, readyAt },
    nextAt: readyAt + (number + 1) * interval,
    passesAt: readyAt + last * interval,
    isLast: number >= last,
    isOverdue: now >= deadline,
  };
}

function request(metric: Metric, { checked, pods }: CheckInput, look: Look): CheckRequest {
  const times = { readyAt: look.readyAt, now: pods.now, step: metric.intervalSeconds * 1000 };
  const compared = { checked, updated: activePods(pods.updated), stable: activePods(pods.stable) };
  const queries = metricQueries(metric.query, compared, times);
  return {
    check: metric.name,
    key: look.key,
    read: { type: 'Query', source: metric.source, queries },
  };
}

interface At {
  readonly readyAt: number;
  readonly isLast: boolean;
}

function judgeReading(metric: Metric, reading: Reading | undefined, at: At): CheckResult {
  if (reading === undefined) return say(metric, 'Pending', 'Observing', 'not measured yet');
  const { answer, error } = reading;
  if (error !== undefined) return say(metric, 'Pending', 'SourceUnavailable', error.message);
  if (answer?.type !== 'Query') return say(metric, 'Pending', 'NoData', 'not measured yet');
  return judgeSeries(metric, answer, at);
}

/** Judges the values since the pods are ready; Pending: neither bad nor observed for long enough. */
function judgeSeries(metric: Metric, answer: QueryAnswer, { isLast }: At): CheckResult {
  const updated = answer.series['Updated'] ?? [];
  const count = Math.max(0, ...updated.map(({ values }) => values.length));
  const evidence = chartsOf(metric, answer);
  if (count === 0) {
    const message = 'the query returns no values for the pods of the batch';
    return { ...say(metric, 'Pending', 'NoData', message), ...evidence() };
  }
  const beyond = beyondLimit(metric, updated);
  if (beyond !== undefined) {
    const { reason, message, threshold } = beyond;
    return { ...say(metric, 'Fail', reason, message), ...evidence(threshold) };
  }
  const shown = latest(updated);
  if (!isLast) {
    const message = `${shown}; observed for ${metric.observeSeconds} s`;
    return { ...say(metric, 'Pending', 'Observing', message), ...evidence() };
  }
  const message = `${shown}; ${count} values within the limits`;
  return { ...say(metric, 'Pass', 'MetricHealthy', message), ...evidence() };
}

interface Beyond {
  readonly reason: CheckReason;
  readonly message: string;
  readonly threshold: number;
}

/** A series whose newest values are all beyond `max` or `min`. */
function beyondLimit(
  { max, min, consecutive }: Metric,
  all: readonly TimeSeries[],
): Beyond | undefined {
  for (const { values } of all) {
    const newest = values.slice(-consecutive);
    if (newest.length < consecutive) continue;
    const said = newest.map(round).join(', ');
    if (max !== undefined && newest.every((value) => value > max)) {
      return {
        reason: 'AboveMaximum',
        message: `${said} above the maximum ${max}`,
        threshold: max,
      };
    }
    if (min !== undefined && newest.every((value) => value < min)) {
      return {
        reason: 'BelowMinimum',
        message: `${said} below the minimum ${min}`,
        threshold: min,
      };
    }
  }
  return undefined;
}

const latest = (series: readonly TimeSeries[]): string =>
  `now ${series
    .slice(0, 3)
    .flatMap(({ values }) => values.slice(-1))
    .map(round)
    .join(', ')}`;

/** Four significant digits. */
export const round = (value: number): number => Number(value.toPrecision(4));

/** The series of a record, bounded: the newest values of the first series of each query. */
const chartsOf =
  (metric: Metric, { series }: QueryAnswer) =>
  (threshold?: number): Pick<CheckResult, 'metric'> => {
    const charts = (['Updated', 'Stable', 'Before'] as const).flatMap((of) => {
      const [first] = series[of] ?? [];
      const since = first?.times.slice(-MAX_CHART_POINTS)[0];
      if (first === undefined || since === undefined) return [];
      const values = first.values.slice(-MAX_CHART_POINTS).map(round);
      return [
        { of, since: new Date(since).toISOString(), stepSeconds: metric.intervalSeconds, values },
      ];
    });
    const limit = threshold === undefined ? {} : { threshold, from: 'the policy' };
    const { query, source = '' } = metric;
    return { metric: { source, query, charts, ...limit } };
  };

/** Never a Fail from a broken sensor, never a Pass from silence. */
const overdue = (metric: Metric, { reason, message, ...rest }: CheckResult): CheckResult => ({
  ...rest,
  verdict: 'Inconclusive',
  reason,
  message: `${message} within ${metric.deadlineSeconds} s`,
});

const say = (
  { name }: Metric,
  verdict: CheckResult['verdict'],
  reason: CheckReason,
  message: string,
): CheckResult => resultOf(name, { verdict, reason, message });

const pending = (metric: Metric, reason: CheckReason, message: string): CheckOutcome => ({
  unhealthy: 0,
  result: say(metric, 'Pending', reason, message),
});
