// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Verdict } from '@altershield/api';
import { combine } from './combine.ts';
import { resultOf, type CheckOutcome } from './finding.ts';

const outcome = (verdict: Verdict, parts: Partial<CheckOutcome> = {}): CheckOutcome => ({
  unhealthy: 0,
  result: resultOf(verdict.toLowerCase(), { verdict, reason: verdict, message: '' }),
  ...parts,
});

const verdictOf = (required: readonly Verdict[], optional: readonly Verdict[] = []): Verdict =>
  combine([
    ...required.map((verdict) => ({ outcome: outcome(verdict), isRequired: true })),
    ...optional.map((verdict) => ({ outcome: outcome(verdict), isRequired: false })),
  ]).result.verdict;

test('any required Fail decides, then any Pending, then any Inconclusive', () => {
  assert.equal(verdictOf(['Pass', 'Pending', 'Fail', 'Inconclusive']), 'Fail');
  assert.equal(verdictOf(['Pass', 'Inconclusive', 'Pending']), 'Pending');
  assert.equal(verdictOf(['Pass', 'Inconclusive']), 'Inconclusive');
  assert.equal(verdictOf(['Pass', 'Pass']), 'Pass');
});

test('a check that is not required is recorded and changes nothing', () => {
  for (const verdict of ['Fail', 'Pending', 'Inconclusive'] as const) {
    assert.equal(verdictOf(['Pass'], [verdict]), 'Pass', verdict);
  }
  const { others } = combine([
    { outcome: outcome('Pass'), isRequired: true },
    { outcome: outcome('Fail'), isRequired: false },
  ]);
  assert.deepEqual(
    others?.map(({ name }) => name),
    ['fail'],
  );
});

test('the batch is looked at again at the earliest time, and passes at the latest', () => {
  const { dueAt, passesAt } = combine([
    { outcome: outcome('Pending', { dueAt: 20, passesAt: 20 }), isRequired: true },
    { outcome: outcome('Pending', { dueAt: 10, passesAt: 90 }), isRequired: true },
  ]);
  assert.deepEqual([dueAt, passesAt], [10, 90]);
});

test('all requests are passed on', () => {
  const request = (check: string) => ({
    ...{ check, key: '1' },
    read: { type: 'Query' as const, queries: {} },
  });
  const { requests } = combine([
    { outcome: outcome('Pending', { requests: [request('a')] }), isRequired: true },
    { outcome: outcome('Pass', { requests: [request('b')] }), isRequired: true },
  ]);
  assert.deepEqual(
    requests?.map(({ check }) => check),
    ['a', 'b'],
  );
});
