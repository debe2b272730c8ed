// SPDX-License-Identifier: Apache-2.0
import { Environment, Optional } from '@marcbachmann/cel-js';

/**
 * The parts of the engine that this package reaches into, typed. The engine has no hook to replace
 * a built-in function, to count steps or to go on after the first error, but its nodes are open.
 * The version is pinned exactly, and the tests of this package fail when an upgrade closes them.
 */
export interface Node {
  op: string;
  args: unknown;
  readonly start: number;
  readonly end: number;
  readonly input: string;
  checkedType?: TypeOf;
  readonly meta: Meta;
  setMeta(key: string, value: unknown): this;
}

export interface TypeOf {
  readonly kind: string;
  readonly name: string;
  readonly valueType?: TypeOf;
  readonly keyType?: TypeOf;
}

export interface Meta {
  /** What a macro such as `all` expands to. */
  readonly alternate?: Node;
  readonly macro?: Macro;
  readonly evaluate?: Evaluate;
}

export type Evaluate = (evaluator: Evaluator, node: Node, context: Context) => unknown;

/** Replaces how a node is checked and evaluated. */
export interface Macro {
  readonly typeCheck: (checker: Checker, macro: never, context: Context) => TypeOf;
  readonly evaluate: (evaluator: Evaluator, macro: never, context: Context) => unknown;
  readonly async?: boolean;
}

export interface Checker {
  check(node: Node, context: Context): TypeOf;
  getType(name: string): TypeOf;
  createError(code: string, message: string, node: Node): Error;
}

export interface Evaluator {
  run(node: Node, context: Context): unknown;
  createError(code: string, message: string, node?: Node): Error;
}

/** The variables in scope of a node. */
export interface Context {
  forkWithVariable(name: string, type: TypeOf): Context;
  reuse(parent: Context): Context;
  setIterValue(value: unknown, evaluator: Evaluator): Context;
}

/** A loop: what `all`, `exists`, `exists_one`, `map` and `filter` expand to. */
export interface Loop {
  readonly iterable: Node;
  readonly iterVarName: string;
  readonly init: Node;
  readonly step: Node;
  condition?: (accumulated: unknown) => boolean;
}

export interface Parsed {
  (variables: object): unknown;
  readonly ast: Node;
  check(): { readonly valid: boolean; readonly type?: string; readonly error?: unknown };
}

/** What the engine throws. */
export interface EngineError {
  readonly name: string;
  readonly code: string;
  /** The message without the excerpt of the source. */
  readonly summary: string;
  readonly node?: Node;
  readonly range?: { readonly start: number; readonly end: number };
}

export const isEngineError = (error: unknown): error is EngineError =>
  error instanceof Error && 'summary' in error && 'code' in error;

export interface DurationValue {
  readonly seconds: bigint;
  readonly nanos: number;
}

export interface UnsignedValue {
  readonly value: bigint;
}

type Class<T, A extends unknown[]> = new (...args: A) => T;

// The engine exports its Optional, but not these.
const probe = new Environment();
const classOf = (expression: string): unknown => {
  const value: unknown = probe.evaluate(expression);
  return (value as { constructor: unknown }).constructor;
};
export const Duration = classOf("duration('1s')") as Class<DurationValue, [bigint, number]>;
export const Unsigned = classOf('1u') as Class<UnsignedValue, [bigint]>;
export const TypeValue = classOf('int') as Class<{ readonly name: string }, [string]>;
export { Environment, Optional };

export const isNode = (value: unknown): value is Node =>
  typeof value === 'object' && value !== null && 'op' in value && 'setMeta' in value;

const LOOP = 'comprehension';

export const loopOf = (node: Node): Loop | undefined =>
  node.op === LOOP ? (node.args as Loop) : undefined;

/** The nodes directly below one, as the user wrote them; of an expanded macro, as it expands. */
export function childrenOf(node: Node): readonly Node[] {
  const loop = loopOf(node);
  if (loop !== undefined) return [loop.iterable, loop.init, loop.step];
  return nodesIn(node.args);
}

function nodesIn(args: unknown): readonly Node[] {
  if (isNode(args)) return [args];
  return Array.isArray(args) ? args.flatMap(nodesIn) : [];
}

/** A call as the user wrote it, with or without a receiver. */
export interface Call {
  readonly name: string;
  readonly receiver?: Node;
  readonly args: readonly Node[];
}

export function callOf(node: Node): Call | undefined {
  if (node.op === 'call') {
    const [name, args] = node.args as [string, Node[]];
    return { name, args };
  }
  if (node.op !== 'rcall') return undefined;
  const [name, receiver, args] = node.args as [string, Node, Node[]];
  return { name, receiver, args };
}
