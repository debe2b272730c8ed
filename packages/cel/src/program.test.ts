// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { compile, createEnvironment, type Evaluation, type Limits } from './index.ts';

const environment = createEnvironment({
  object: { type: 'dyn' },
  oldObject: { type: 'dyn' },
  pods: { type: 'list<dyn>', assumedSize: 10 },
  now: { type: 'timestamp' },
  metrics: { type: 'map<string, double>' },
});

function evaluate(
  expression: string,
  variables: Readonly<Record<string, unknown>> = {},
  limits?: Limits,
): Evaluation {
  const compiled = compile(expression, environment);
  assert.ok(compiled.ok, `${expression}: ${JSON.stringify(compiled)}`);
  return compiled.program.evaluate({ oldObject: null, ...variables }, limits);
}

const TRUE = { ok: true, value: true };
const messageOf = (result: Evaluation): string => (result.ok ? 'no error' : result.error.message);

const object = {
  metadata: { name: 'web', labels: { app: 'web' }, creationTimestamp: '2026-01-02T03:04:05Z' },
  spec: {
    replicas: 3,
    ratio: 0.5,
    paused: null,
    template: {
      spec: {
        containers: [
          { image: 'web:1', resources: { limits: { memory: '1Gi' } } },
          { image: 'proxy:latest' },
        ],
      },
    },
  },
};

test('whole numbers of JSON are ints and others are doubles, as in Kubernetes', () => {
  assert.deepEqual(
    evaluate('object.spec.replicas == 3 && object.spec.replicas / 2 == 1', { object }),
    TRUE,
  );
  assert.deepEqual(evaluate('object.spec.ratio * 2.0 == 1.0', { object }), TRUE);
  assert.deepEqual(evaluate('type(object.spec.replicas) == int', { object }), TRUE);
});

test('numbers of a declared double stay doubles', () => {
  const metrics = { errors: 0, latency: 0.25 };
  assert.deepEqual(evaluate('metrics.errors * 2.0 == 0.0', { metrics }), TRUE);
  assert.deepEqual(evaluate("metrics.latency < 1.0 && !('x' in metrics)", { metrics }), TRUE);
  assert.match(messageOf(evaluate('metrics.x > 1.0', { metrics })), /no such key: x/);
});

test('rules read Kubernetes objects', () => {
  const containers = 'object.spec.template.spec.containers';
  for (const rule of [
    `!${containers}.all(c, !c.image.endsWith(':latest'))`,
    `has(${containers}[0].resources.limits) && !has(${containers}[1].resources)`,
    `quantity(${containers}[0].resources.limits.memory).isLessThan(quantity('2Gi'))`,
    `${containers}.exists_one(c, c.image.matches('^web:[0-9]+$'))`,
    "object.metadata.labels.all(key, value, key == 'app' && value == 'web')",
    "object.metadata.?annotations['x'].orValue('none') == 'none'",
    "'app' in object.metadata.labels",
    'has(object.spec.paused) && object.spec.paused == null',
    'oldObject == null',
    "now - timestamp(object.metadata.creationTimestamp) == duration('1h')",
  ]) {
    const now = new Date('2026-01-02T04:04:05Z');
    assert.deepEqual(evaluate(rule, { object, now }), TRUE, rule);
  }
});

test('a missing field is an error with its place and a hint, not a verdict', () => {
  const result = evaluate('object.spec.strategy.type == "Recreate"', { object });
  assert.ok(!result.ok);
  assert.equal(result.error.message, 'no such key: strategy');
  assert.equal(result.error.column, 13);
  assert.match(result.error.hint ?? '', /has\(/);
});

test('a division by zero and a wrong type are errors', () => {
  assert.match(
    messageOf(evaluate('1 / (object.spec.replicas - 3) == 1', { object })),
    /division by zero/,
  );
  assert.match(messageOf(evaluate('object.spec.replicas > "a"', { object })), /no such overload/);
  assert.match(messageOf(evaluate('object.spec', { object })), /the result is not bool/);
  assert.match(messageOf(evaluate("quantity('x').sign() == 1")), /"x" is not a valid quantity/);
});

test('an operand that decides makes up for one that fails', () => {
  assert.deepEqual(evaluate('object.nothing.here == 1 || true', { object }), TRUE);
  assert.deepEqual(evaluate('!(object.nothing.here == 1 && false)', { object }), TRUE);
});

test('names of the prototype of an object are not fields', () => {
  assert.deepEqual(evaluate('!has(object.constructor) && !has(object.toString)', { object }), TRUE);
  assert.deepEqual(
    evaluate('object["__proto__"] == 1', { object: JSON.parse('{"__proto__":1}') }),
    TRUE,
  );
});

test('an evaluation ends at its limit, however its loops are nested', () => {
  const pods = Array.from({ length: 3000 }, (_, index) => ({ index }));
  for (const rule of [
    'pods.all(a, pods.all(b, a.index <= b.index || b.index < a.index))',
    'pods.exists(a, pods.exists(b, pods.exists(c, a.index + b.index == -1)))',
    'pods.map(a, pods.map(b, a.index + b.index)).size() == 1',
    'pods.all(i, a, pods.all(j, b, i + j >= 0))',
    'pods.exists(a, pods.exists(b, b.nothing == a)) || true',
  ]) {
    const result = evaluate(rule, { pods });
    assert.ok(!result.ok, rule);
    assert.equal(result.error.reason, 'TooExpensive', rule);
    assert.match(result.error.message, /costs more than 100000/);
  }
});

test('a value that grows costs what it grows by', () => {
  const grow = (depth: number, name: string): string =>
    depth === 0
      ? `${name}.size() > 0`
      : `cel.bind(x${depth}, ${name} + ${name}, ${grow(depth - 1, `x${depth}`)})`;
  const result = evaluate(grow(15, 'object.text'), { object: { text: 'x'.repeat(10_000) } });
  assert.ok(!result.ok);
  assert.equal(result.error.reason, 'TooExpensive');
  const replaced = evaluate("object.text.replace('', object.text).size() > 0", {
    object: { text: 'x'.repeat(10_000) },
  });
  assert.match(messageOf(replaced), /1000000 characters at most/);
});

test('a regular expression costs by text and pattern', () => {
  const text = 'a'.repeat(500_000);
  const result = evaluate("object.text.matches('(a*)*b(a|b)+c{1,50}')", { object: { text } });
  assert.ok(!result.ok);
  assert.equal(result.error.reason, 'TooExpensive');
  assert.deepEqual(
    evaluate("object.text.matches('^(a+)+$')", { object: { text: text.slice(0, 5000) } }),
    TRUE,
  );
});

test('input that is too large or too deep is an error', () => {
  const limits = { maxCost: 100_000, maxValues: 100 };
  const large = { list: Array.from({ length: 200 }, () => 1) };
  assert.match(
    messageOf(evaluate('object == null', { object: large }, limits)),
    /more than 100 values/,
  );
  let deep: object = {};
  for (let depth = 0; depth < 500; depth += 1) deep = { deep };
  assert.match(messageOf(evaluate('object == null', { object: deep })), /deeper than 100/);
});

test('a variable without a value is null', () => {
  assert.deepEqual(evaluate('oldObject == null', { oldObject: undefined }), TRUE);
});
