// SPDX-License-Identifier: Apache-2.0
import type { ChangePolicySpec, CheckReason, CheckResult } from '@altershield/api';
import type { Check, CheckInput } from './check.ts';
import { resultOf, type CheckOutcome } from './finding.ts';
import { judgeValues, type MetricSettings } from './metric-values.ts';
import { metricQueries } from './metric-query.ts';
import { activePods } from './observe-pod.ts';
import type { CheckRequest, RangeQuery, Reading } from './request.ts';
import { readyFrom } from './soak.ts';

type Metric = NonNullable<ChangePolicySpec['checks']['metrics']>[number];

/** The metrics that a policy names. */
export const metricChecks = ({ settings: { metrics = [] } }: CheckInput): Check[] =>
  metrics.map((metric) => metricCheck(settingsOf(metric, metrics.length)));

const settingsOf = (metric: Metric, judgedTogether: number): MetricSettings => ({
  ...metric,
  judgedTogether,
  kind: 'Service',
  isDecisive: true,
});

/** A check of one metric, written by a user or built in. */
export const metricCheck = (metric: MetricSettings): Check => ({
  name: metric.name,
  isRequired: metric.required,
  evaluate: (input) => judgeMetric(metric, input),
});

/**
 * Judges a metric from the moment at which all pods of the batch are ready: it is read at every
 * interval, fails as soon as there is evidence, and passes after the observation time.
 */
function judgeMetric(metric: MetricSettings, input: CheckInput): CheckOutcome {
  const look = lookAt(metric, input);
  if (look === undefined)
    return { unhealthy: 0, result: say(metric, 'Pending', 'AwaitingPods', 'waits for the pods') };
  const reading = input.readings.get(metric.name);
  const isCurrent = reading?.key === look.key;
  const result = judgeReading(metric, reading, isCurrent && look.isLast);
  if (result.verdict !== 'Pending') return { unhealthy: 0, result };
  if (isCurrent && look.isOverdue) return { unhealthy: 0, result: overdue(metric, result) };
  const needsReading = !isCurrent && look.number > 0;
  return {
    ...{ unhealthy: 0, result, dueAt: look.nextAt, passesAt: look.passesAt },
    ...(needsReading ? { requests: [request(metric, input, look)] } : {}),
  };
}

/** One reading of a metric among those of a batch. */
export interface Look {
  readonly key: string;
  /** From 0: once all pods of the batch are ready. */
  readonly number: number;
  readonly readyAt: number;
  readonly nextAt: number;
  readonly passesAt: number;
  /** The observation time is over. */
  readonly isLast: boolean;
  readonly isOverdue: boolean;
}

type Pace = Pick<MetricSettings, 'intervalSeconds' | 'observeSeconds' | 'deadlineSeconds'>;

/** The current look; undefined while a pod of the batch is not ready. */
export function lookAt(pace: Pace, { pods, checked }: CheckInput): Look | undefined {
  const { updated, target, now, soaksFrom = 0 } = pods;
  const ready = activePods(updated).filter((pod) => pod.ready);
  if (ready.length < target) return undefined;
  const readyAt = Math.max(soaksFrom, ...ready.map((pod) => readyFrom(pod, now)));
  const interval = pace.intervalSeconds * 1000;
  const number = Math.max(0, Math.floor((now - readyAt) / interval));
  const last = looksOf(pace);
  return {
    key: `${checked.batch}/${readyAt}/${number}`,
    ...{ number, readyAt },
    nextAt: readyAt + (number + 1) * interval,
    passesAt: readyAt + last * interval,
    isLast: number >= last,
    isOverdue: now >= readyAt + Math.max(pace.deadlineSeconds, pace.observeSeconds) * 1000,
  };
}

const looksOf = ({ observeSeconds, intervalSeconds }: Pace): number =>
  Math.ceil(observeSeconds / intervalSeconds);

function request(metric: MetricSettings, input: CheckInput, look: Look): CheckRequest {
  const { checked, pods } = input;
  const times = { readyAt: look.readyAt, now: pods.now, step: metric.intervalSeconds * 1000 };
  const compared = { checked, updated: activePods(pods.updated), stable: activePods(pods.stable) };
  const queries = metricQueries(metric.query, compared, times);
  const { requests, source } = metric;
  return {
    ...{ check: metric.name, key: look.key },
    read: {
      type: 'Query',
      source,
      queries: { ...queries, ...requestsOf(requests, compared, times) },
    },
  };
}

/** The number of requests behind each value, where the metric is a ratio. */
function requestsOf(
  query: string | undefined,
  ...[compared, times]: [Parameters<typeof metricQueries>[1], Parameters<typeof metricQueries>[2]]
): Readonly<Record<string, RangeQuery>> {
  if (query === undefined) return {};
  const { Updated } = metricQueries(query, compared, times);
  return Updated === undefined ? {} : { Requests: Updated };
}

function judgeReading(
  metric: MetricSettings,
  reading: Reading | undefined,
  isLast: boolean,
): CheckResult {
  if (reading === undefined) return say(metric, 'Pending', 'Observing', 'not measured yet');
  const { answer, error, read } = reading;
  if (error !== undefined) return say(metric, 'Pending', reasonOf(error), error.message);
  if (answer?.type !== 'Query' || read.type !== 'Query')
    return say(metric, 'Pending', 'Observing', 'not measured yet');
  const plannedSamples = looksOf(metric) + 1;
  return judgeValues(metric, { answer, queries: read.queries, plannedSamples, isLast });
}

const reasonOf = ({ reason }: NonNullable<Reading['error']>): (typeof BROKEN)[number] =>
  BROKEN.find((each) => each === reason) ?? 'SourceUnavailable';

const BROKEN = ['SourceUnavailable', 'InvalidQuery'] as const satisfies readonly CheckReason[];

/** Never a Fail from a broken sensor, never a Pass from silence. */
const overdue = (metric: MetricSettings, result: CheckResult): CheckResult => ({
  ...result,
  verdict:
    metric.isDecisive || BROKEN.some((each) => each === result.reason) ? 'Inconclusive' : 'Pass',
  message: `${result.message}; observed for ${metric.deadlineSeconds} s`,
});

const say = (
  { name }: MetricSettings,
  verdict: CheckResult['verdict'],
  reason: CheckReason,
  message: string,
): CheckResult => resultOf(name, { verdict, reason, message });
