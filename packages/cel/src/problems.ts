// SPDX-License-Identifier: Apache-2.0
import { callOf, type EngineError, type Node } from './engine.ts';
import type { RuleEnvironment } from './environment.ts';
import { withoutReplacements } from './library/library.ts';
import { characters } from './text.ts';

/** What is wrong with an expression, where (both from 1), and what to do. */
export interface Problem {
  readonly line: number;
  readonly column: number;
  readonly message: string;
  readonly hint?: string;
}

export function problemAt(source: string, offset: number, message: string, hint?: string): Problem {
  const before = source.slice(0, offset);
  const line = before.split('\n').length;
  const column = characters(before.slice(before.lastIndexOf('\n') + 1)).length + 1;
  return { line, column, message, ...(hint !== undefined && { hint }) };
}

/** An error of the engine in the user's words. */
export function problemOf(
  source: string,
  error: EngineError,
  environment: RuleEnvironment,
): Problem {
  const message = readable(error.summary);
  const hint = HINTS.get(error.code)?.(error, environment, source);
  return problemAt(source, positionOf(source, error), message, hint);
}

/** Of a method its name, not where its receiver begins. */
function positionOf(source: string, { node, range }: EngineError): number {
  const call = node === undefined ? undefined : callOf(node);
  const after = call?.receiver?.end;
  const start = range?.start ?? 0;
  if (call === undefined || after === undefined) return start;
  return Math.max(start, source.indexOf(call.name.replace("'", ''), after));
}

const TOKENS: Readonly<Record<string, string>> = {
  EOF: 'the end',
  NUMBER: 'a number',
  STRING: 'a string',
  BOOLEAN: 'a boolean',
  NULL: '"null"',
  IDENTIFIER: 'a name',
  PLUS: '"+"',
  MINUS: '"-"',
  MULTIPLY: '"*"',
  DIVIDE: '"/"',
  MODULO: '"%"',
  EQ: '"=="',
  NE: '"!="',
  LT: '"<"',
  LE: '"<="',
  GT: '">"',
  GE: '">="',
  AND: '"&&"',
  OR: '"||"',
  NOT: '"!"',
  IN: '"in"',
  LPAREN: '"("',
  RPAREN: '")"',
  LBRACKET: '"["',
  RBRACKET: '"]"',
  LBRACE: '"{"',
  RBRACE: '"}"',
  DOT: '"."',
  COMMA: '","',
  COLON: '":"',
  QUESTION: '"?"',
  BYTES: 'bytes',
};

/** The engine's message in lower case, with the signs of CEL and its public names of types. */
function readable(summary: string): string {
  const text = withoutReplacements(summary)
    .replace(/\b[A-Z]{2,}\b/g, (token) => TOKENS[token] ?? token)
    .replaceAll('google.protobuf.Timestamp', 'timestamp')
    .replaceAll('google.protobuf.Duration', 'duration');
  return text.charAt(0).toLowerCase() + text.slice(1);
}

type Hint = (
  error: EngineError,
  environment: RuleEnvironment,
  source: string,
) => string | undefined;

const syntax: Hint = ({ range }, _, source) => syntaxHint(source, range?.start ?? 0);

/** By the engine's code of the error. */
const HINTS: ReadonlyMap<string, Hint> = new Map<string, Hint>([
  ['unknown_variable', ({ node }, environment) => variableHint(String(node?.args), environment)],
  ['no_matching_overload', ({ node }, environment) => functionHint(node, environment)],
  ['no_such_overload', ({ summary }) => operatorHint(summary)],
  ['no_such_key', () => 'guard it with has(...), or use .? and orValue(...)'],
  ['unexpected_character', syntax],
  ['expected_token', syntax],
  ['unexpected_token', syntax],
  ['incompatible_ternary_branches', () => 'convert one of them, or wrap both in dyn(...)'],
]);

const FIELDS_OF_OBJECTS = ['apiVersion', 'kind', 'metadata', 'spec', 'status', 'data'];

function variableHint(name: string, { declarations }: RuleEnvironment): string {
  const names = Object.keys(declarations);
  if (FIELDS_OF_OBJECTS.includes(name) && names.includes('object')) {
    return `did you mean "object.${name}"?`;
  }
  if (name === 'self' && names.includes('object')) return 'did you mean "object"?';
  return didYouMean(name, names) ?? `the variables are: ${names.join(', ')}`;
}

function functionHint(node: Node | undefined, { engine }: RuleEnvironment): string | undefined {
  const call = node === undefined ? undefined : callOf(node);
  if (call === undefined) return undefined;
  const { functions } = engine.getDefinitions();
  const plainName = call.name.replace("'", '');
  const overloads = functions.filter(
    ({ name, signature }) => name === call.name && !signature.includes('ast'),
  );
  if (overloads.length === 0) {
    return didYouMean(plainName, [...new Set(functions.map(({ name }) => name.replace("'", '')))]);
  }
  const signatures = overloads.map(({ signature }) => readable(signature));
  return `it is declared as ${signatures.slice(0, 4).join(' or ')}`;
}

function operatorHint(summary: string): string | undefined {
  if (/int .* double|double .* int/.test(summary))
    return 'convert one side: double(...) or int(...)';
  if (summary.includes('Quantity'))
    return 'compare quantities with isLessThan, isGreaterThan or ==, and read them with quantity(...)';
  if (summary.includes('string'))
    return 'both sides need the same type; convert with string(...) or int(...)';
  return 'both sides need the same type';
}

function syntaxHint(source: string, offset: number): string | undefined {
  const around = source.slice(Math.max(0, offset - 4), offset + 4);
  if (/(^|[^=!<>])=([^=]|$)/.test(around)) return 'compare with "=="';
  if (/\band\b/i.test(around) || /(^|[^&])&([^&]|$)/.test(around)) return 'use "&&"';
  if (/\bor\b/i.test(around) || /(^|[^|])\|([^|]|$)/.test(around)) return 'use "||"';
  if (/\bnot\b/i.test(around)) return 'use "!"';
  if (around.includes('`')) return `write a["b/c"] for a key with other signs than letters`;
  return undefined;
}

/** The nearest of some names, if one is near enough to be meant. */
function didYouMean(name: string, names: readonly string[]): string | undefined {
  const near = names
    .map((other) => ({ other, distance: distance(name.toLowerCase(), other.toLowerCase()) }))
    .toSorted((a, b) => a.distance - b.distance)[0];
  const isNear = near !== undefined && near.distance <= Math.max(1, Math.floor(name.length / 4));
  return isNear ? `did you mean "${near.other}"?` : undefined;
}

/** Edits from one word to another; words longer than the longest name are never near. */
function distance(a: string, b: string): number {
  if (Math.abs(a.length - b.length) > 5 || a.length > 40) return Number.POSITIVE_INFINITY;
  let row = [...Array(b.length + 1).keys()];
  for (const [i, character] of characters(a).entries()) {
    const next = [i + 1];
    for (const [j, other] of characters(b).entries()) {
      const replaced = (row[j] ?? 0) + Number(character !== other);
      next.push(Math.min(replaced, (row[j + 1] ?? 0) + 1, (next[j] ?? 0) + 1));
    }
    row = next;
  }
  return row.at(-1) ?? 0;
}
