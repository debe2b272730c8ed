// SPDX-License-Identifier: Apache-2.0
import { estimateCost, type Estimate } from './cost.ts';
import { callOf, isEngineError, type EngineError, type Node, type Parsed } from './engine.ts';
import type { RuleEnvironment, VariableType } from './environment.ts';
import { InvalidArgument } from './library/library.ts';
import { problemAt, problemOf, type Problem } from './problems.ts';
import { createProgram, type Program } from './program.ts';
import { meterNodes, replaceFunctions, walk } from './rewrite.ts';

export interface CompileOptions {
  /** The type that the expression must have; `bool` for rules. */
  readonly result?: VariableType;
  /** The highest cost that is estimated for it. */
  readonly maxCost?: number;
}

export type Compiled =
  | { readonly ok: true; readonly program: Program }
  | { readonly ok: false; readonly problems: readonly Problem[] };

const MAX_LENGTH = 10_000;
const MAX_PROBLEMS = 10;
/** As in Kubernetes. */
const MAX_COST = 10_000_000;

/**
 * Compiles an expression: it has the right type, uses variables and functions that exist, and can
 * be evaluated in bounded time. Otherwise every problem at once. Never throws.
 */
export function compile(
  source: string,
  environment: RuleEnvironment,
  options: CompileOptions = {},
): Compiled {
  if (source.length > MAX_LENGTH) {
    const message = `the expression has ${source.length} characters, more than ${MAX_LENGTH}`;
    return { ok: false, problems: [problemAt(source, 0, message)] };
  }
  try {
    return compileParsed(source, parse(source, environment), environment, options);
  } catch (error) {
    return { ok: false, problems: [problemFrom(source, error, environment)] };
  }
}

function parse(source: string, { engine, replaced }: RuleEnvironment): Parsed {
  const parsed = engine.parse(source) as unknown as Parsed;
  replaceFunctions(parsed.ast, replaced);
  return parsed;
}

function compileParsed(
  source: string,
  parsed: Parsed,
  environment: RuleEnvironment,
  options: CompileOptions,
): Compiled {
  const { problems, type } = check(source, parsed, environment);
  const literals = checkLiterals(source, parsed.ast, environment);
  const all = [
    ...problems,
    ...literals,
    ...(type === undefined ? [] : checkResult(source, type, options.result ?? 'bool')),
    ...checkCost(source, parsed.ast, environment, options.maxCost ?? MAX_COST),
  ];
  if (all.length > 0) return { ok: false, problems: firstOfEach(all.toSorted(byPosition)) };
  meterNodes(parsed.ast, environment.meter);
  return {
    ok: true,
    program: createProgram(parsed, source, environment, options.result ?? 'bool'),
  };
}

const byPosition = (a: Problem, b: Problem): number => a.line - b.line || a.column - b.column;

/** A node that is wrong can be wrong again for what it is within. */
const firstOfEach = (problems: readonly Problem[]): readonly Problem[] =>
  problems.filter((problem, index) => {
    const before = problems[index - 1];
    return before === undefined || byPosition(before, problem) !== 0;
  });

interface Checked {
  readonly problems: readonly Problem[];
  readonly type?: string;
}

/** The engine ends at its first error: give the node that has it any type, and check again. */
function check(source: string, parsed: Parsed, environment: RuleEnvironment): Checked {
  const problems: Problem[] = [];
  const failed = new Set<Node>();
  while (problems.length < MAX_PROBLEMS) {
    const { valid, type, error } = parsed.check();
    if (valid) return { problems, ...(problems.length === 0 && type !== undefined && { type }) };
    problems.push(problemFrom(source, error, environment));
    const node = isEngineError(error) ? error.node : undefined;
    if (node === undefined || failed.has(node)) return { problems };
    failed.add(node);
    node.checkedType = environment.dyn;
  }
  return { problems };
}

function problemFrom(source: string, error: unknown, environment: RuleEnvironment): Problem {
  if (isEngineError(error)) return problemOf(source, error satisfies EngineError, environment);
  const message =
    error instanceof RangeError ? 'the expression is nested too deeply' : String(error);
  return problemAt(source, 0, message);
}

const NOT_ASCII = /[^\u0000-\u007f]/;

/** Regular expressions that are written out are compiled now; the engine cuts bytes of Unicode. */
function checkLiterals(source: string, root: Node, { regexes }: RuleEnvironment): Problem[] {
  const problems: Problem[] = [];
  walk(root, (node) => {
    if (node.args instanceof Uint8Array && NOT_ASCII.test(source.slice(node.start, node.end))) {
      const hint = 'write its bytes, such as \\xc3\\xa9';
      problems.push(problemAt(source, node.start, 'bytes need characters of ASCII', hint));
    }
    const pattern = patternOf(node);
    if (pattern === undefined) return;
    try {
      regexes.compile(String(pattern.args));
    } catch (error) {
      if (!(error instanceof InvalidArgument)) throw error;
      problems.push(problemAt(source, pattern.start, error.message, 'the syntax is that of RE2'));
    }
  });
  return problems;
}

const REGEX_FUNCTIONS = ['matches', 'find', 'findAll'];

function patternOf(node: Node): Node | undefined {
  const call = callOf(node);
  if (call === undefined || !REGEX_FUNCTIONS.includes(call.name.replace("'", ''))) return undefined;
  const pattern = call.receiver === undefined ? call.args[1] : call.args[0];
  return pattern?.op === 'value' && typeof pattern.args === 'string' ? pattern : undefined;
}

function checkResult(source: string, type: string, wanted: VariableType): Problem[] {
  if (type === wanted || type === 'dyn' || wanted === 'dyn' || type.startsWith('dyn<')) return [];
  const hint =
    wanted === 'bool' ? 'end it with a comparison or a function that returns bool' : undefined;
  return [problemAt(source, 0, `the result is ${type}, but must be ${wanted}`, hint)];
}

function checkCost(
  source: string,
  root: Node,
  { declarations }: RuleEnvironment,
  limit: number,
): Problem[] {
  const sizes = Object.entries(declarations).flatMap(([name, { assumedSize }]) =>
    assumedSize === undefined ? [] : [[name, assumedSize] as const],
  );
  const estimate = estimateCost(root, new Map(sizes));
  if (estimate.cost <= limit) return [];
  const message = `too expensive: it may cost ${format(estimate.cost)}, more than ${format(limit)}`;
  return [problemAt(source, 0, message, reasonFor(estimate))];
}

function reasonFor({ loops }: Estimate): string {
  if (loops.length === 0) return 'it reads long values again and again';
  const rounds = loops.map(format).join(' × ');
  return loops.length === 1
    ? `its loop runs ${rounds} times`
    : `${loops.length} loops within each other run ${rounds} times: split the rule, or filter first`;
}

const format = (value: number): string =>
  Number.isFinite(value) && value < 1e15 ? String(Math.ceil(value)) : 'without bound';
