// SPDX-License-Identifier: Apache-2.0
import {
  MAX_CHART_POINTS,
  type ChangePolicySpec,
  type CheckReason,
  type CheckResult,
} from '@altershield/api';
import { comparison } from '../detect/comparison.ts';
import type { Detection, MinEffect, Series, SignalKind } from '../detect/detector.ts';
import { resultOf } from './finding.ts';
import { onGrid } from './metric-query.ts';
import type { QueryAnswer, RangeQuery, TimeSeries } from './request.ts';

type Metric = NonNullable<ChangePolicySpec['checks']['metrics']>[number];

/** A metric of a policy, or a built-in signal. */
export interface MetricSettings extends Omit<Metric, 'minEffect'> {
  readonly kind: SignalKind;
  readonly minEffect?: MinEffect | undefined;
  /** Counts the requests behind each value; values that rest on fewer than `MIN_REQUESTS` are not used. */
  readonly requests?: string;
  /** Inconclusive unless there is enough data. A signal that nobody asked for is only left out. */
  readonly isDecisive: boolean;
  /** Metrics that are judged with this one: the more may raise an alarm, the clearer each must be. */
  readonly judgedTogether?: number;
}

const MIN_REQUESTS = 20;

export interface MetricValues {
  readonly answer: QueryAnswer;
  /** What was asked: the times of the values. */
  readonly queries: Readonly<Record<string, RangeQuery>>;
  /** Values of the updated pods at the end of the observation. */
  readonly plannedSamples: number;
  /** The observation is over. */
  readonly isLast: boolean;
}

/** Judges the values so far; Pending: neither bad nor observed for long enough. */
export function judgeValues(metric: MetricSettings, values: MetricValues): CheckResult {
  const hasLimit = metric.max !== undefined || metric.min !== undefined;
  return hasLimit ? judgeLimits(metric, values) : judgeDetection(metric, values);
}

/** By the limits that the policy gives. */
function judgeLimits(metric: MetricSettings, { answer, isLast }: MetricValues): CheckResult {
  const updated = answer.series['Updated'] ?? [];
  const count = Math.max(0, ...updated.map(({ values }) => values.length));
  if (count === 0) return resultOf(metric.name, { verdict: 'Pending', ...NO_DATA });
  const beyond = beyondLimit(metric, updated);
  const charts = (of: string) => valuesOf(answer.series[of]?.[0]);
  const record = (threshold?: number): Pick<CheckResult, 'metric'> => ({
    metric: metricOf(metric, { charts, threshold, from: 'the policy' }),
  });
  if (beyond !== undefined) {
    const { threshold, ...said } = beyond;
    return { ...resultOf(metric.name, { verdict: 'Fail', ...said }), ...record(threshold) };
  }
  const now = `now ${latest(updated)}`;
  const said = isLast
    ? ({ verdict: 'Pass', reason: 'MetricHealthy', message: `${now}; within the limits` } as const)
    : ({ verdict: 'Pending', reason: 'Observing', message: now } as const);
  return { ...resultOf(metric.name, said), ...record() };
}

const NO_DATA = {
  reason: 'NoData' satisfies CheckReason,
  message: 'the query returns no values for the pods of the batch',
};

interface Beyond {
  readonly reason: CheckReason;
  readonly message: string;
  readonly threshold: number;
}

/** A series whose newest values are all beyond `max` or `min`. */
function beyondLimit(
  { max, min, consecutive }: MetricSettings,
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
  series
    .slice(0, 3)
    .flatMap(({ values }) => values.slice(-1))
    .map(round)
    .join(', ');

/** Four significant digits. */
const round = (value: number): number => Number(value.toPrecision(4));

/** By comparison with stable pods and with the time before. */
function judgeDetection(metric: MetricSettings, values: MetricValues): CheckResult {
  const detection = detect(metric, values);
  const { reason, message } = detection;
  const verdict = verdictOf(metric, detection, values.isLast);
  const charts = (of: string): readonly number[] =>
    detection.evidence[of.toLowerCase() as keyof Detection['evidence']];
  const { value, falseAlarmRate } = detection.threshold;
  return {
    ...resultOf(metric.name, { verdict, reason, message }),
    metric: metricOf(metric, {
      charts,
      ...(Number.isFinite(value) ? { threshold: value } : {}),
      from: `${THRESHOLD_FROM[detection.threshold.source]}; at most ${falseAlarmRate * 100} % of good changes are beyond it`,
    }),
  };
}

const THRESHOLD_FROM = {
  Placebo: 'shifts of this metric at times without a change',
  Stable: 'differences among the stable pods',
  Simulated: 'simulated noise',
  Fixed: 'the authors of the method',
} as const;

/** More values may still come, except for what already failed. */
function verdictOf(
  { isDecisive }: MetricSettings,
  { verdict, reason }: Detection,
  isLast: boolean,
): CheckResult['verdict'] {
  if (verdict === 'Fail') return 'Fail';
  if (!isLast) return 'Pending';
  if (verdict === 'Pass' || reason === 'AlsoInStable') return verdict;
  if (!isDecisive) return 'Pass';
  return reason === 'NoReference' ? 'Inconclusive' : 'Pending';
}

const detections = new WeakMap<QueryAnswer, Detection>();

/** A change is looked at far more often than its metrics are read. */
function detect(metric: MetricSettings, values: MetricValues): Detection {
  const known = detections.get(values.answer);
  if (known !== undefined) return known;
  const detection = comparison.judge({
    ...{ kind: metric.kind, worse: metric.worse, stepSeconds: metric.intervalSeconds },
    ...{ updated: gridsOf('Updated', values), stable: gridsOf('Stable', values) },
    ...{ before: gridsOf('Before', values), plannedSamples: values.plannedSamples },
    ...(metric.minEffect === undefined ? {} : { minEffect: metric.minEffect }),
    ...trafficOf(metric, values),
    ...(metric.judgedTogether === undefined ? {} : { signals: metric.judgedTogether }),
  });
  detections.set(values.answer, detection);
  return detection;
}

function gridsOf(role: string, { answer, queries }: MetricValues): Series[] {
  const query = queries[role];
  if (query === undefined) return [];
  const series = answer.series[role] ?? [];
  return series.map((each) => ({ name: nameOf(each), values: onGrid(each, query) }));
}

const nameOf = ({ labels }: TimeSeries): string => labels['pod'] ?? Object.values(labels).join(' ');

function trafficOf({ requests }: MetricSettings, values: MetricValues) {
  if (requests === undefined) return {};
  const [counts] = gridsOf('Requests', values);
  return counts === undefined ? {} : { traffic: { requests: counts.values, min: MIN_REQUESTS } };
}

const valuesOf = (series: TimeSeries | undefined): readonly number[] => series?.values ?? [];

interface Charted {
  readonly charts: (of: 'Updated' | 'Stable' | 'Before') => readonly number[];
  readonly threshold?: number | undefined;
  readonly from: string;
}

/** The series of a record, bounded. */
function metricOf(
  metric: MetricSettings,
  { charts, threshold, from }: Charted,
): CheckResult['metric'] {
  const drawn = (['Updated', 'Stable', 'Before'] as const).flatMap((of) => {
    const values = charts(of)
      .filter((value) => Number.isFinite(value))
      .slice(-MAX_CHART_POINTS)
      .map(round);
    return values.length === 0 ? [] : [{ of, values }];
  });
  const { query, source = '' } = metric;
  return {
    ...{ source, query, stepSeconds: metric.intervalSeconds, charts: drawn },
    ...(threshold === undefined ? {} : { threshold, from }),
  };
}
