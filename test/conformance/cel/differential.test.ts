// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { compile, createEnvironment } from '@altershield/cel';
import { isCelError, isCelList, run } from '@bufbuild/cel';
import { strings } from '@bufbuild/cel/ext';
import fc from 'fast-check';

const VARIABLES = { i: 3, s: 'héllo wörld', items: [1, 2, 3], object: { name: 'web', n: 7 } };
const environment = createEnvironment({
  i: { type: 'int' },
  s: { type: 'string' },
  items: { type: 'list<dyn>' },
  object: { type: 'dyn' },
});

type Text = fc.Arbitrary<string>;

/** Expressions of each type, so that most of them compile. */
const { bool } = fc.letrec<{ int: string; bool: string; text: string; list: string }>((tie) => {
  const [int, text, list, truth] = [tie('int'), tie('text'), tie('list'), tie('bool')];
  const join = (parts: readonly (Text | string)[]): Text =>
    fc
      .tuple(...parts.map((part) => (typeof part === 'string' ? fc.constant(part) : part)))
      .map((texts) => texts.join(''));
  const operator = (...operators: string[]): Text => fc.constantFrom(...operators);
  const body = join(['(e ', operator('>', '<', '==', '!='), ' ', int, ')']);
  const one = (depth: string, ...choices: Text[]): Text =>
    fc.oneof({ depthIdentifier: depth, maxDepth: 4, withCrossShrink: true }, ...choices);
  return {
    int: one(
      'int',
      fc.constantFrom('0', '1', '2', '-5', 'i', 'size(s)', '9223372036854775807', 'object.n'),
      join(['(', int, ' ', operator('+', '-', '*', '/', '%'), ' ', int, ')']),
      join(['(', truth, ' ? ', int, ' : ', int, ')']),
      join([text, '.size()']),
      join([list, '[', int, ']']),
      // Of other texts the other engine makes zero, or leaves out a sign.
      fc.constantFrom("int('12')", "int('-7')", "int('x')"),
    ),
    text: one(
      'text',
      fc.constantFrom("''", "'a'", "'ö'", 's', 'object.name', "'12'"),
      join(['(', text, ' + ', text, ')']),
      join(['string(', int, ')']),
      join([text, '.substring(', int, ')']),
      join([text, ".replace('l', ", text, ')']),
      join([text, '.lowerAscii()']),
    ),
    list: one(
      'list',
      fc.constantFrom('[1, 2]', '[5]', 'items'),
      join([list, '.map(e, e + ', int, ')']),
      join([list, '.filter(e, ', body, ')']),
      join(['(', list, ' + ', list, ')']),
    ),
    bool: one(
      'bool',
      fc.constantFrom('true', 'false', 'has(object.name)', 'has(object.nothing)', 'object.nothing'),
      join(['(', int, ' ', operator('<', '<=', '==', '!=', '>', '>='), ' ', int, ')']),
      join(['(', text, ' ', operator('==', '!=', '<', '>'), ' ', text, ')']),
      join(['(', truth, ' ', operator('&&', '||'), ' ', truth, ')']),
      join(['!', truth]),
      join([text, operator('.contains(', '.startsWith(', '.endsWith('), text, ')']),
      join([list, operator('.all(e, ', '.exists(e, ', '.exists_one(e, '), body, ')']),
      join(['(', int, ' in ', list, ')']),
      join(['(', list, ' == ', list, ')']),
    ),
  };
});

const bindings = {
  i: 3n,
  s: VARIABLES.s,
  items: [1n, 2n, 3n],
  object: new Map<string, string | bigint>([
    ['name', 'web'],
    ['n', 7n],
  ]),
};

function theirs(expression: string): unknown {
  try {
    const value: unknown = run(expression, bindings, { funcs: strings });
    if (isCelError(value)) return 'error';
    return isCelList(value) ? [...value] : value;
  } catch {
    return 'error';
  }
}

test('random expressions have the value that @bufbuild/cel gives them', () => {
  let values = 0;
  fc.assert(
    fc.property(bool, (expression) => {
      const compiled = compile(expression, environment);
      // The other engine does not check types, and knows no cost.
      if (!compiled.ok) return;
      const result = compiled.program.evaluate(VARIABLES);
      if (result.ok) values += 1;
      assert.deepEqual(result.ok ? result.value : 'error', theirs(expression), expression);
    }),
    { numRuns: 1000 },
  );
  assert.ok(values > 150, `only ${values} expressions had a value`);
});
