// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { changeCheckSpec } from '@altershield/api';
import { aPolicy } from '@altershield/testing/builders';
import { withUsedChecks } from './used-checks.ts';

const ERRORS = changeCheckSpec.parse({
  arguments: [{ name: 'code', default: '5..' }, { name: 'job' }],
  metrics: [{ name: 'errors', query: 'errors{job="$(args.job)",code=~"$(args.code)"}', max: 1 }],
});
const TWO = changeCheckSpec.parse({
  metrics: [
    { name: 'a', query: 'a' },
    { name: 'b', query: 'b $(args.other)' },
  ],
});

const checks = (use: readonly object[], metrics: readonly object[] = []) => {
  const spec = aPolicy({ checks: { use, metrics } }).spec;
  return withUsedChecks(spec.checks, (name) => ({ errors: ERRORS, two: TWO })[name]);
};

test('a ChangeCheck becomes checks of the policy, with its arguments', () => {
  const { metrics, use } = checks([{ check: 'errors', arguments: { job: 'web' } }]);
  assert.equal(use, undefined);
  assert.deepEqual(
    metrics?.map(({ name, query, max }) => [name, query, max]),
    [['errors', 'errors{job="web",code=~"5.."}', 1]],
  );
});

test('a check may be used twice under two names', () => {
  const of = (name: string, job: string) => ({ check: 'errors', name, arguments: { job } });
  const { metrics } = checks([of('front', 'web'), of('back', 'api')]);
  assert.deepEqual(
    metrics?.map(({ name }) => name),
    ['front', 'back'],
  );
});

test('several metrics are named after the check; an unknown argument stays', () => {
  const { metrics } = checks([{ check: 'two' }], [{ name: 'own', query: 'own' }]);
  assert.deepEqual(
    metrics?.map(({ name, query }) => `${name}: ${query}`),
    ['own: own', 'two-a: a', 'two-b: b $(args.other)'],
  );
});

test('a check that is missing, or lacks an argument, is never dropped', () => {
  const { use, metrics } = checks([{ check: 'nothing' }, { check: 'errors' }, { check: 'two' }]);
  assert.deepEqual(
    use?.map(({ check }) => check),
    ['nothing', 'errors'],
  );
  assert.equal(metrics?.length, 2);
});

test('webhooks of a ChangeCheck become webhooks of the policy, with arguments in settings', () => {
  const slo = changeCheckSpec.parse({
    arguments: [{ name: 'objective' }],
    webhooks: [{ name: 'a', url: 'http://slo', settings: { of: ['$(args.objective)'] } }],
  });
  const use = [{ check: 'slo', arguments: { objective: '0.9' } }];
  const { webhooks } = withUsedChecks(aPolicy({ checks: { use } }).spec.checks, () => slo);
  assert.deepEqual(
    webhooks?.map(({ name, settings }) => [name, settings]),
    [['slo', { of: ['0.9'] }]],
  );
});

test('rules of a ChangeCheck become rules of the policy', () => {
  const pinned = changeCheckSpec.parse({
    arguments: [{ name: 'tag' }],
    rules: [{ name: 'tag', expression: "!object.spec.image.endsWith('$(args.tag)')" }],
  });
  const use = [{ check: 'pinned', arguments: { tag: ':latest' } }];
  const { checks: settings } = aPolicy({ checks: { use } }).spec;
  assert.deepEqual(
    withUsedChecks(settings, () => pinned).rules?.map(({ name, expression }) => [name, expression]),
    [['pinned', "!object.spec.image.endsWith(':latest')"]],
  );
});
