// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { aPolicy, NOW, pods } from '@altershield/testing/builders';
import type { Rule, RuleEngine, RuleResult } from '../policy/rule-engine.ts';
import type { CheckInput } from './check.ts';
import { judgeBatch } from './checks.ts';
import type { Reading } from './request.ts';

type Variables = Readonly<Record<string, unknown>>;

/** An engine whose rules have this result, and read what their expression names. */
const engine = (result: RuleResult, seen: Variables[] = []): RuleEngine => ({
  errorsIn: () => [],
  readsOf: ({ expression }) => new Set(expression.split(' ')),
  evaluate: (_, variables) => {
    seen.push(variables);
    return result;
  },
});

const rule = (parts: Partial<Rule> = {}): Rule => ({
  ...{ name: 'calm', expression: 'pods', when: 'During', required: true },
  ...parts,
});

const input = (rules: readonly Rule[], ruleEngine: RuleEngine): CheckInput => {
  const settings = aPolicy({ checks: { rules } }).spec.checks;
  const readings = new Map<string, Reading>([
    [
      'errors',
      {
        ...{ key: 'k', at: NOW, read: { type: 'Query', queries: {} } },
        answer: {
          type: 'Query',
          series: { Updated: [{ labels: {}, times: [1, 2], values: [3, 4] }] },
        },
      },
    ],
  ]);
  return {
    checked: {
      ...{ namespace: 'shop', kind: 'Deployment', workload: 'web', change: 'web-2' },
      ...{ batch: 1, total: 3, detectedAt: NOW - 60_000 },
    },
    settings,
    pods: {
      updated: pods('new', 1, { readySince: NOW - 9000, readySeenAt: NOW - 9000, restarts: 1 }),
      stable: pods('old', 2),
      ...{ target: 1, settings: settings.podHealth, readyDeadlineSeconds: 600, soakSeconds: 0 },
      ...{ releasedAt: NOW - 90_000, mayReleaseMore: false, now: NOW, currentAsOf: NOW },
    },
    hasDefaultSource: false,
    ...{ readings, ruleEngine, isOverridden: false, object: { kind: 'Deployment' } },
  };
};

const verdict = (rules: readonly Rule[], result: RuleResult): string => {
  const judged = judgeBatch(input(rules, engine(result)));
  return `${judged.result.verdict} ${judged.result.reason}`;
};

const FALSE = { ok: true, isTrue: false } as const;
const ERROR = { ok: false, error: { line: 1, column: 2, message: 'no such key: x' } } as const;

test('a rule passes, fails, or makes a batch inconclusive', () => {
  assert.equal(verdict([rule()], { ok: true, isTrue: true }), 'Pass Healthy');
  assert.equal(verdict([rule()], FALSE), 'Fail RuleBroken');
  assert.equal(verdict([rule()], ERROR), 'Inconclusive RuleError');
});

test('a rule that is not required changes nothing', () => {
  assert.equal(verdict([rule({ required: false })], FALSE), 'Pass Healthy');
});

test('a rule of admission is evaluated again, unless it reads what only admission knows', () => {
  assert.equal(verdict([rule({ when: 'Pre', expression: 'object' })], FALSE), 'Fail RuleBroken');
  for (const name of ['oldObject', 'change']) {
    assert.equal(
      verdict([rule({ when: 'Pre', expression: `object ${name}` })], FALSE),
      'Pass Healthy',
    );
  }
});

test('a rule sees the workload, facts of the pods and the newest values of metrics', () => {
  const seen: Variables[] = [];
  judgeBatch(input([rule()], engine(FALSE, seen)));
  const [{ object, pods: updated, metrics, change, now } = {}] = seen;
  assert.deepEqual(object, { kind: 'Deployment' });
  assert.deepEqual(metrics, { errors: 4 });
  assert.deepEqual(change, {
    ...{ name: 'web-2', namespace: 'shop', kind: 'Deployment', workload: 'web' },
    ...{ batch: 1, batches: 3 },
  });
  assert.deepEqual(now, new Date(NOW));
  assert.ok(Array.isArray(updated));
  assert.equal(updated[0].restarts, 1);
});

test('the message of a rule that is false is its own, or the expression', () => {
  const said = (parts: Partial<Rule>): string =>
    judgeBatch(input([rule(parts)], engine(FALSE))).result.message;
  assert.equal(said({ message: 'pin the image' }), 'pin the image');
  assert.equal(said({}), 'pods is false');
});
