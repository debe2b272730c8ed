// SPDX-License-Identifier: Apache-2.0
import { isEngineError, type Node, type Parsed } from './engine.ts';
import type { RuleEnvironment, VariableType } from './environment.ts';
import { TooExpensive } from './meter.ts';
import { problemAt, problemOf, type Problem } from './problems.ts';
import { walk } from './rewrite.ts';
import { fromJson, InputTooLarge } from './values.ts';

export interface Limits {
  /** What one evaluation may cost; about a step of the evaluation each. */
  readonly maxCost: number;
  /** How many values the variables may have in all. */
  readonly maxValues: number;
}

/** As in Kubernetes the cost of one evaluation; bounds what one rule may delay the operator. */
export const DEFAULT_LIMITS: Limits = { maxCost: 100_000, maxValues: 1_000_000 };

export type Evaluation =
  | { readonly ok: true; readonly value: unknown }
  | { readonly ok: false; readonly error: EvaluationProblem };

export interface EvaluationProblem extends Problem {
  readonly reason: 'Failed' | 'TooExpensive';
}

/** A compiled expression. */
export interface Program {
  /** The variables that it reads. */
  readonly uses: ReadonlySet<string>;
  /** Variables are JSON, `Date` for a timestamp. Never throws, and never runs without bound. */
  evaluate(variables: Readonly<Record<string, unknown>>, limits?: Limits): Evaluation;
}

export function createProgram(
  parsed: Parsed,
  source: string,
  environment: RuleEnvironment,
  result: VariableType,
): Program {
  const uses = variablesIn(parsed.ast, environment);
  const evaluate = (
    variables: Readonly<Record<string, unknown>>,
    limits = DEFAULT_LIMITS,
  ): Evaluation => {
    const { meter } = environment;
    try {
      meter.start(limits.maxCost);
      const value = parsed(bind(uses, variables, { limits, environment }));
      // Where an operand failed for its cost, `||` may still have had a value.
      if (meter.isSpent) throw new TooExpensive();
      return matches(value, result) ? { ok: true, value } : wrongType(source, result);
    } catch (error) {
      return { ok: false, error: errorOf(source, error, environment, limits) };
    }
  };
  return { uses, evaluate };
}

function variablesIn(root: Node, { declarations }: RuleEnvironment): ReadonlySet<string> {
  const names = new Set<string>();
  walk(root, (node) => {
    if (node.op === 'id' && Object.hasOwn(declarations, String(node.args)))
      names.add(String(node.args));
  });
  return names;
}

/** Only what the expression reads is converted. */
function bind(
  uses: ReadonlySet<string>,
  variables: Readonly<Record<string, unknown>>,
  { limits, environment }: { readonly limits: Limits; readonly environment: RuleEnvironment },
): object {
  const valueOf = (name: string): unknown => {
    const type = environment.declarations[name]?.type;
    // Whole numbers stay doubles where doubles are declared.
    return type !== undefined && DOUBLES.has(type)
      ? (variables[name] ?? null)
      : fromJson(variables[name], limits.maxValues);
  };
  return Object.fromEntries([...uses].map((name) => [name, valueOf(name)]));
}

const DOUBLES: ReadonlySet<VariableType> = new Set(['double', 'map<string, double>']);

const matches = (value: unknown, type: VariableType): boolean =>
  type === 'bool' ? typeof value === 'boolean' : true;

function wrongType(source: string, result: VariableType): Evaluation {
  const problem = problemAt(source, 0, `the result is not ${result}`);
  return { ok: false, error: { ...problem, reason: 'Failed' } };
}

function errorOf(
  source: string,
  error: unknown,
  environment: RuleEnvironment,
  { maxCost }: Limits,
): EvaluationProblem {
  if (environment.meter.isSpent || error instanceof TooExpensive) {
    const message = `the evaluation costs more than ${maxCost}`;
    const hint = 'it loops over more than expected: filter first, or split the rule';
    return { ...problemAt(source, 0, message, hint), reason: 'TooExpensive' };
  }
  if (isEngineError(error)) return { ...problemOf(source, error, environment), reason: 'Failed' };
  const isExpected = error instanceof InputTooLarge || error instanceof Error;
  return { ...problemAt(source, 0, isExpected ? error.message : String(error)), reason: 'Failed' };
}
