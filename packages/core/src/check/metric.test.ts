// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { ChangePolicySpec } from '@altershield/api';
import { aPolicy, NOW, pods } from '@altershield/testing/builders';
import type { CheckInput } from './check.ts';
import { judgeBatch } from './checks.ts';
import type { CheckRequest, Reading, TimeSeries } from './request.ts';

const QUERY = 'sum(rate(errors{namespace="$namespace",pod=~"$pods"}[1m]))';

type Metric = NonNullable<ChangePolicySpec['checks']['metrics']>[number];

const settings = (metric: Partial<Metric> = {}) =>
  aPolicy({
    checks: {
      metrics: [
        {
          ...{ name: 'errors', query: QUERY, max: 0.1, consecutive: 2 },
          ...{ intervalSeconds: 10, observeSeconds: 30, deadlineSeconds: 60 },
          ...metric,
        },
      ],
    },
  }).spec.checks;

/** One updated pod, ready for this many seconds; the soak of the batch is over. */
const input = (seconds: number, parts: Partial<CheckInput> = {}): CheckInput => ({
  checked: {
    ...{ namespace: 'shop', kind: 'Deployment', workload: 'web', change: 'web-2' },
    ...{ batch: 1, total: 3, detectedAt: NOW - 60_000 },
  },
  settings: settings(),
  pods: {
    updated: pods('new', 1, {
      readySince: NOW - 1000 * seconds,
      readySeenAt: NOW - 1000 * seconds,
    }),
    stable: pods('old', 2),
    ...{ target: 1, settings: settings().podHealth, readyDeadlineSeconds: 600, soakSeconds: 0 },
    ...{ releasedAt: NOW - 90_000, mayReleaseMore: false, now: NOW, currentAsOf: NOW },
  },
  hasDefaultSource: false,
  readings: new Map(),
  isOverridden: false,
  ...parts,
});

const series = (...values: number[]): TimeSeries => ({
  labels: {},
  times: values.map((_, i) => NOW + i * 1000),
  values,
});

const requestOf = (seconds: number, parts: Partial<CheckInput> = {}): CheckRequest | undefined =>
  judgeBatch(input(seconds, parts)).requests?.[0];

const answered = (
  seconds: number,
  updated: readonly TimeSeries[],
  parts: Partial<CheckInput> = {},
) => {
  const { key = '', read = NOTHING } = requestOf(seconds, parts) ?? {};
  const answer = { type: 'Query', series: { Updated: updated } } as const;
  const reading: Reading = { key, read, at: NOW, answer };
  return judgeBatch(input(seconds, { ...parts, readings: new Map([['errors', reading]]) }));
};

const NOTHING = { type: 'Query', queries: {} } as const;

const said = ({ result }: { result: { verdict: string; reason: string } }): string =>
  `${result.verdict} ${result.reason}`;

test('a metric is asked for updated, stable and earlier pods once an interval has passed', () => {
  assert.equal(requestOf(9), undefined);
  const request = requestOf(10);
  assert.equal(request?.check, 'errors');
  assert.ok(request.read.type === 'Query');
  assert.deepEqual(Object.keys(request.read.queries), ['Updated', 'Stable', 'Before']);
  assert.equal(
    request.read.queries['Stable']?.expression,
    'sum(rate(errors{namespace="shop",pod=~"old-0|old-1"}[1m]))',
  );
});

test('a batch passes only after the metric was observed for its time', () => {
  const early = answered(20, [series(0, 0)]);
  assert.equal(said(early), 'Pending Observing');
  assert.equal(early.passesAt, NOW + 10_000);
  assert.equal(said(answered(30, [series(0, 0, 0)])), 'Pass Healthy');
});

test('values beyond the maximum in a row fail the batch at once, with the series', () => {
  assert.equal(said(answered(20, [series(0, 0.5)])), 'Pending Observing', 'one value');
  const failed = answered(20, [series(0, 0.5, 0.25)]);
  assert.equal(said(failed), 'Fail AboveMaximum');
  assert.equal(failed.result.message, '0.5, 0.25 above the maximum 0.1');
  assert.deepEqual(failed.result.metric?.charts[0]?.values, [0, 0.5, 0.25]);
  assert.equal(failed.result.metric.threshold, 0.1);
});

test('a minimum is the limit below', () => {
  const few = { settings: settings({ min: 5, max: undefined }) };
  assert.equal(said(answered(20, [series(9, 3, 4)], few)), 'Fail BelowMinimum');
});

test('silence and a broken source are Inconclusive after the deadline, never a verdict', () => {
  assert.equal(said(answered(30, [])), 'Pending NoData');
  assert.equal(said(answered(60, [])), 'Inconclusive NoData');
  const key = requestOf(60)?.key ?? '';
  const error = { reason: 'SourceUnavailable', message: 'connection refused' };
  const readings = new Map<string, Reading>([['errors', { key, read: NOTHING, at: NOW, error }]]);
  const broken = judgeBatch(input(60, { readings }));
  assert.equal(said(broken), 'Inconclusive SourceUnavailable');
  assert.equal(broken.result.message, 'connection refused; observed for 60 s');
});

test('a query that the source does not accept is told as such', () => {
  const key = requestOf(20)?.key ?? '';
  const error = { reason: 'InvalidQuery', message: 'parse error' };
  const readings = new Map<string, Reading>([['errors', { key, read: NOTHING, at: NOW, error }]]);
  assert.equal(said(judgeBatch(input(20, { readings }))), 'Pending InvalidQuery');
});

test('a metric that is not required, or that a user overrode, does not decide', () => {
  const optional = { settings: settings({ required: false }) };
  const outcome = answered(20, [series(1, 1)], optional);
  assert.equal(said(outcome), 'Pass Healthy');
  assert.equal(outcome.others?.[0]?.verdict, 'Fail');
  assert.equal(said(answered(20, [series(1, 1)], { isOverridden: true })), 'Pass Healthy');
});

test('an answer to an earlier request does not pass the batch', () => {
  const old = requestOf(20)?.key ?? '';
  const answer = { type: 'Query', series: { Updated: [series(0, 0)] } } as const;
  const readings = new Map<string, Reading>([
    ['errors', { key: old, read: NOTHING, at: NOW, answer }],
  ]);
  const outcome = judgeBatch(input(30, { readings }));
  assert.equal(outcome.result.verdict, 'Pending');
  assert.equal(outcome.requests?.length, 1);
});
