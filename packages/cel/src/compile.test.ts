// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { compile, createEnvironment, type Problem } from './index.ts';

const environment = createEnvironment({
  object: { type: 'dyn' },
  oldObject: { type: 'dyn' },
  pods: { type: 'list<dyn>', assumedSize: 1000 },
  now: { type: 'timestamp' },
});

function problemsOf(expression: string): readonly Problem[] {
  const compiled = compile(expression, environment);
  return compiled.ok ? [] : compiled.problems;
}

const hintsOf = (expression: string): (string | undefined)[] =>
  problemsOf(expression).map(({ hint }) => hint);

test('a rule on declared variables compiles and names the variables that it reads', () => {
  const compiled = compile('object.spec.replicas > 0 && pods.size() > 0', environment);
  assert.ok(compiled.ok);
  assert.deepEqual([...compiled.program.uses].toSorted(), ['object', 'pods']);
});

test('every problem is told at once, with its line and column', () => {
  const problems = problemsOf("spec.x == 1 &&\n  objet.y &&\n  'a' == 1 && quantty('1')");
  assert.deepEqual(
    problems.map(({ line, column, message }) => `${line}:${column} ${message}`),
    [
      '1:1 unknown variable: spec',
      '2:3 unknown variable: objet',
      '3:3 no such overload: string == int',
      "3:15 found no matching overload for 'quantty(string)'",
    ],
  );
});

test('a hint says what was meant', () => {
  assert.deepEqual(hintsOf('spec.replicas == 1'), ['did you mean "object.spec"?']);
  assert.deepEqual(hintsOf('self.spec.replicas == 1'), ['did you mean "object"?']);
  assert.deepEqual(hintsOf('oldObjct == null'), ['did you mean "oldObject"?']);
  assert.deepEqual(hintsOf('metrics.errors == 1'), [
    'the variables are: object, oldObject, pods, now',
  ]);
  assert.deepEqual(hintsOf("object.metadata.name.endswith('x')"), ['did you mean "endsWith"?']);
  assert.deepEqual(hintsOf('quantity(1).sign() == 1'), [
    'it is declared as quantity(string): Quantity',
  ]);
  assert.deepEqual(hintsOf('object.spec.replicas = 1'), ['compare with "=="']);
  assert.deepEqual(hintsOf('true and false'), ['use "&&"']);
  assert.deepEqual(hintsOf('1 < 2.0 && 1 + 2.0 > 1.0'), [
    'convert one side: double(...) or int(...)',
  ]);
});

test('a problem with a method is at its name', () => {
  assert.deepEqual(problemsOf('"a".startsWith(1)')[0]?.column, 5);
});

test('a rule must return bool', () => {
  assert.match(problemsOf('1 + 2')[0]?.message ?? '', /the result is int, but must be bool/);
  assert.deepEqual(problemsOf('object.spec.paused'), []);
  const text = compile("'a' + string(1)", environment, { result: 'string' });
  assert.ok(text.ok);
});

test('a regular expression that is written out must be one of RE2', () => {
  const [problem] = problemsOf("object.metadata.name.matches('(a')");
  assert.match(problem?.message ?? '', /invalid regular expression "\(a"/);
  assert.equal(problem?.column, 30);
  assert.equal(
    problemsOf("object.metadata.name.matches('(?=a)b')").length,
    1,
    'RE2 looks not ahead',
  );
});

test('a rule that may cost too much is refused with the reason', () => {
  const [problem, ...rest] = problemsOf('pods.all(a, pods.all(b, pods.all(c, a == b || b == c)))');
  assert.match(problem?.message ?? '', /too expensive: it may cost \d+, more than 10000000/);
  assert.match(problem?.hint ?? '', /3 loops within each other run 1000 × 1000 × 1000 times/);
  assert.deepEqual(rest, []);
  assert.deepEqual(problemsOf('pods.all(a, a.spec.containers.all(c, c.image != "x"))'), []);
});

test('a value that doubles with each bind is too expensive', () => {
  const doubled = (depth: number, name: string): string =>
    depth === 0
      ? `${name}.size() > 0`
      : `cel.bind(x${depth}, ${name} + ${name}, ${doubled(depth - 1, `x${depth}`)})`;
  assert.match(problemsOf(doubled(25, 'pods'))[0]?.message ?? '', /too expensive/);
});

test('an expression that is too long or too deep is refused', () => {
  assert.match(problemsOf(`true${' '.repeat(10_000)}`)[0]?.message ?? '', /10004 characters/);
  assert.equal(problemsOf(`${'('.repeat(500)}true${')'.repeat(500)}`).length, 1);
  assert.equal(problemsOf(`${'!'.repeat(9000)}true`).length, 1);
  assert.equal(problemsOf(Array.from({ length: 3000 }, () => 'true').join('&&')).length, 1);
});

const TOKENS = [
  ...['object', 'pods', 'now', '.spec', '.all(', '.map(', 'x', ',', '(', ')', '[', ']', '{', '}'],
  ...['==', '&&', '||', '!', '+', '-', '/', '1', '2u', '1.5', "'a'", 'b"x"', ':', '?', '.?', '[?'],
  ...[
    'has(',
    'quantity(',
    "matches('",
    'cel.bind(',
    'optional.of(',
    'null',
    'true',
    'in',
    '\n',
    '\\',
  ],
];

test('no text crashes or hangs the compiler, and what compiles evaluates to a value or an error', () => {
  const soup = fc
    .array(fc.constantFrom(...TOKENS), { maxLength: 25 })
    .map((parts) => parts.join(' '));
  const anything = fc.oneof(soup, soup, fc.string({ maxLength: 60, unit: 'binary' }));
  let compiles = 0;
  fc.assert(
    fc.property(anything, (text) => {
      const compiled = compile(text, environment, { result: 'dyn' });
      if (!compiled.ok) {
        assert.ok(compiled.problems.length > 0);
        assert.ok(compiled.problems.every(({ line, column }) => line >= 1 && column >= 1));
        return;
      }
      compiles += 1;
      const result = compiled.program.evaluate({
        object: { spec: {} },
        pods: [{}],
        now: new Date(0),
      });
      assert.equal(typeof result.ok, 'boolean');
    }),
    { numRuns: 5000 },
  );
  assert.ok(compiles > 20, `only ${compiles} texts compiled`);
});
