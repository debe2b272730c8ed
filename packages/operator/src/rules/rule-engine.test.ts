// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Rule } from '@altershield/core';
import { LazyRules, hasRules } from './rule-engine.ts';

const rule = (expression: string, when: Rule['when'] = 'Pre'): Rule => ({
  ...{ name: 'a', expression, when, required: true },
});

test('the engine is loaded once, when it is asked for', async () => {
  const rules = new LazyRules();
  assert.equal(rules.engine, undefined);
  const [first, second] = await Promise.all([rules.load(), rules.load()]);
  assert.equal(first, second);
  assert.equal(rules.engine, first);
});

test('a rule has the variables of its time, and says which it reads', async () => {
  const engine = await new LazyRules().load();
  assert.deepEqual(engine.errorsIn(rule('oldObject == null')), []);
  assert.equal(engine.errorsIn(rule('oldObject == null', 'During')).length, 1);
  assert.equal(engine.errorsIn(rule('pods.size() > 0')).length, 1);
  assert.deepEqual(engine.errorsIn(rule('pods.size() > 0', 'During')), []);
  assert.deepEqual([...engine.readsOf(rule('object == oldObject'))], ['object', 'oldObject']);
});

test('a rule is true, false or an error, and one that does not compile is an error', async () => {
  const engine = await new LazyRules().load();
  const object = { spec: { replicas: 3 } };
  const evaluate = (expression: string) => engine.evaluate(rule(expression), { object });
  assert.deepEqual(evaluate('object.spec.replicas == 3'), { ok: true, isTrue: true });
  assert.deepEqual(evaluate('object.spec.replicas > 3'), { ok: true, isTrue: false });
  assert.equal(evaluate('object.spec.nothing').ok, false);
  assert.equal(evaluate('nothing').ok, false);
});

test('the spec of a policy has rules when its list of rules is not empty, whatever else it is', () => {
  assert.equal(hasRules({ checks: { rules: [rule('true')] } }), true);
  for (const spec of [undefined, null, 1, 'a', [], { checks: null }, { checks: { rules: [] } }]) {
    assert.equal(hasRules(spec), false);
  }
});
