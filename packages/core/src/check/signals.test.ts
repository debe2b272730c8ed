// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { aPolicy, NOW, pods } from '@altershield/testing/builders';
import type { CheckInput } from './check.ts';
import { judgeBatch } from './checks.ts';
import type { CheckOutcome } from './finding.ts';
import type { QueryAnswer, Read, RangeQuery, Reading, TimeSeries } from './request.ts';

const READY_FOR = 150;

const readySince = (time: number) => ({
  createdAt: time,
  readySince: time,
  readySeenAt: time,
});

const input = (parts: Partial<CheckInput> = {}): CheckInput => {
  const { checks } = aPolicy().spec;
  const readyAt = NOW - READY_FOR * 1000;
  return {
    checked: {
      ...{ namespace: 'shop', kind: 'Deployment', workload: 'web', change: 'web-2' },
      ...{ batch: 1, total: 3, detectedAt: readyAt - 20_000 },
    },
    settings: checks,
    pods: {
      updated: pods('new', 2, readySince(readyAt)),
      stable: pods('old', 4),
      ...{ target: 2, settings: checks.podHealth, readyDeadlineSeconds: 600, soakSeconds: 0 },
      ...{ releasedAt: NOW - 200_000, mayReleaseMore: false, now: NOW, currentAsOf: NOW },
    },
    hasDefaultSource: true,
    readings: new Map(),
    isOverridden: false,
    ...parts,
  };
};

/** What a metric source would answer: the level of each role, with noise that repeats. */
type Levels = Readonly<Record<string, number>>;

function answerTo(read: Read, levels: Levels): QueryAnswer {
  assert.ok(read.type === 'Query');
  const entries = Object.entries(read.queries).map(([role, query]): [string, TimeSeries[]] => {
    const count = role === 'Stable' ? 4 : role === 'Updated' ? 2 : 1;
    const of = (pod: number) => seriesOf(query, levels[role] ?? 100, `${role}-${pod}`, pod);
    return [role, Array.from({ length: count }, (_, pod) => of(pod))];
  });
  return { type: 'Query', series: Object.fromEntries(entries) };
}

function seriesOf({ start, end, step }: RangeQuery, level: number, pod: string, phase: number) {
  const count = Math.floor((end - start) / step) + 1;
  const times = Array.from({ length: count }, (_, i) => start + i * step);
  const values = times.map((time) => level * (1 + 0.05 * Math.sin(time / 7000 + phase)));
  return { labels: { pod }, times, values };
}

const metrics = (...names: string[]): QueryAnswer => ({
  type: 'Query',
  series: { Metrics: names.map((name) => ({ labels: { __name__: name }, times: [], values: [] })) },
});

/** Answers every request until the checks ask for nothing more. */
function run(names: readonly string[], levels: Levels, parts: Partial<CheckInput> = {}) {
  const readings = new Map<string, Reading>();
  const asked: string[] = [];
  for (;;) {
    const outcome = judgeBatch(input({ ...parts, readings }));
    const requests = outcome.requests ?? [];
    if (requests.length === 0) return { outcome, asked };
    for (const { check, key, read } of requests) {
      asked.push(check);
      const answer = check === 'signals' ? metrics(...names) : answerTo(read, levels);
      readings.set(check, { key, read, at: NOW, answer });
    }
  }
}

const said = ({ result }: CheckOutcome): string =>
  `${result.name} ${result.verdict} ${result.reason}`;

const CPU = 'container_cpu_usage_seconds_total';
const MEMORY = 'container_memory_working_set_bytes';
const GIB = 2 ** 30;
const SAME = { Updated: GIB, Stable: GIB, Before: GIB };

test('only the signals that the source has are read', () => {
  const { outcome, asked } = run([MEMORY, CPU], SAME);
  assert.deepEqual(asked, ['signals', 'cpu', 'memory']);
  assert.equal(said(outcome), 'podHealth Pass Healthy');
  assert.deepEqual(
    outcome.others?.map(({ name, verdict }) => `${name} ${verdict}`),
    ['cpu Pass', 'memory Pass'],
  );
});

test('a signal that worsens in updated pods only fails the batch, with its series', () => {
  const { outcome } = run([MEMORY], { ...SAME, Updated: 3 * GIB });
  assert.equal(said(outcome), 'memory Fail Worsened');
  assert.deepEqual(
    outcome.result.metric?.charts.map(({ of }) => of),
    ['Updated', 'Stable', 'Before'],
  );
  assert.match(outcome.result.metric.from ?? '', /of good changes are beyond it$/);
});

test('a signal that worsens in stable pods as well is not blamed on the change', () => {
  const { outcome } = run([MEMORY], { ...SAME, Updated: 3 * GIB, Stable: 3 * GIB });
  assert.equal(said(outcome), 'memory Inconclusive AlsoInStable');
});

test('the more signals are judged together, the higher is the limit of each', () => {
  const limits = (...names: string[]): (number | undefined)[] => {
    const { outcome } = run(names, SAME);
    return outcome.others?.map(({ metric }) => metric?.threshold) ?? [];
  };
  const [alone = NaN] = limits(MEMORY);
  assert.deepEqual(limits(MEMORY, CPU), [1.25 * alone, 1.25 * alone]);
});

test('without a default source, or when they are off, no signal is asked for', () => {
  const none = judgeBatch(input({ hasDefaultSource: false }));
  assert.deepEqual([said(none), none.requests], ['podHealth Pass Healthy', undefined]);
  const off = aPolicy({ checks: { signals: { mode: 'Disabled' } } }).spec.checks;
  assert.equal(judgeBatch(input({ settings: off })).requests, undefined);
});

test('signals that are only recorded change nothing', () => {
  const settings = aPolicy({ checks: { signals: { mode: 'Record' } } }).spec.checks;
  const { outcome } = run([MEMORY], { ...SAME, Updated: 3 * GIB }, { settings });
  assert.equal(said(outcome), 'podHealth Pass Healthy');
  assert.equal(outcome.others?.[0]?.verdict, 'Fail');
});

test('a metric of the policy replaces the signal of its name', () => {
  const metric = { name: 'memory', query: 'own{pod=~"$pods"}', max: 5 * GIB };
  const settings = aPolicy({ checks: { metrics: [metric] } }).spec.checks;
  const { asked } = run([MEMORY, CPU], SAME, { settings });
  assert.deepEqual(asked.sort(), ['cpu', 'memory', 'signals']);
});

test('an error ratio with few requests behind it is left out', () => {
  const levels = { Updated: 0.9, Stable: 0.01, Before: 0.01, Requests: 3 };
  const { outcome } = run(['http_requests_total'], levels);
  assert.equal(said(outcome), 'podHealth Pass Healthy');
  assert.equal(outcome.others?.[0]?.reason, 'TooLittleTraffic');
  const busy = run(['http_requests_total'], { ...levels, Requests: 300 }).outcome;
  assert.equal(said(busy), 'error-ratio Fail Worsened');
});

test('a source that does not answer makes the batch inconclusive after a time', () => {
  const at = (seconds: number) => {
    const readySeenAt = NOW - seconds * 1000;
    const { pods: all } = input();
    const updated = pods('new', 2, readySince(readySeenAt));
    const error = { reason: 'SourceUnavailable', message: 'connection refused' };
    const key = `1/${readySeenAt}/${Math.floor(seconds / 15)}`;
    const reading = { key, read: { type: 'Query', queries: {} }, at: NOW, error } as const;
    return judgeBatch(
      input({ pods: { ...all, updated }, readings: new Map([['signals', reading]]) }),
    );
  };
  assert.equal(said(at(200)), 'signals Pending SourceUnavailable');
  assert.equal(said(at(310)), 'signals Inconclusive SourceUnavailable');
});
