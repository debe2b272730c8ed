// SPDX-License-Identifier: Apache-2.0
import {
  callOf,
  childrenOf,
  Duration,
  loopOf,
  Optional,
  Unsigned,
  type Checker,
  type Context,
  type Evaluate,
  type Evaluator,
  type Macro,
  type Node,
  type TypeOf,
} from './engine.ts';
import { toInt, replacementOf } from './library/library.ts';
import { toDuration, toTimestamp } from './library/time.ts';
import type { Meter } from './meter.ts';
import { durationNanos, isMap, mapFrom, sizeOf } from './values.ts';

/** Characters and items that cost as much as one step. */
const SIZE_PER_COST = 10;
/** What an error costs that another value may still make up for. */
export const ERROR_COST = 100;

/** Before the check: calls go to the functions of this package where the engine has others. */
export function replaceFunctions(root: Node, replaced: ReadonlySet<string>): void {
  walk(root, (node) => {
    if (ACCESS.has(node.op)) typeEmpty((node.args as [Node])[0]);
    const call = callOf(node);
    if (call === undefined) return;
    if (replaced.has(call.name)) (node.args as unknown[])[0] = replacementOf(call.name);
    const [operand] = call.args;
    const isHas = call.name === 'has' && call.receiver === undefined && call.args.length === 1;
    if (isHas && operand !== undefined) node.setMeta('macro', presence(operand));
    if (call.receiver !== undefined) typeEmpty(call.receiver);
  });
}

/** Every node as the user wrote it, from the top. */
export function walk(node: Node, visit: (node: Node) => void): void {
  visit(node);
  for (const child of childrenOf(node)) walk(child, visit);
}

const ACCESS: ReadonlySet<string> = new Set(['.', '.?', '[]', '[?]']);

/** An empty literal has a type parameter that neither operators nor fields of the engine accept. */
function typeEmpty(node: Node): void {
  if (!Array.isArray(node.args) || node.args.length > 0) return;
  const type = node.op === 'list' ? 'list<dyn>' : 'map<dyn, dyn>';
  if (node.op !== 'list' && node.op !== 'map') return;
  node.setMeta('macro', {
    typeCheck: (checker: Checker) => checker.getType(type),
    evaluate: () => (node.op === 'list' ? [] : mapFrom([])),
    async: false,
  } satisfies Macro);
}

/** `has(x.y)` for any `x`; the engine takes only chains of names. */
function presence(operand: Node): Macro {
  const isField = operand.op === '.' || operand.op === '.?';
  const [target, field] = operand.args as [Node, string];
  return {
    typeCheck(checker: Checker, _: never, context: Context): TypeOf {
      if (!isField) {
        const message = 'has() needs a field, such as has(object.spec.replicas)';
        throw checker.createError('invalid_macro_argument', message, operand);
      }
      checker.check(target, context);
      return checker.getType('bool');
    },
    evaluate(evaluator: Evaluator, _: never, context: Context): boolean {
      const value = evaluator.run(target, context);
      if (value instanceof Optional) return value.hasValue() && isPresent(value.value(), field);
      if (isMap(value)) return isPresent(value, field);
      throw evaluator.createError('no_such_key', `No such key: ${field}`, operand);
    },
    async: false,
  };
}

const isPresent = (value: unknown, field: string): boolean =>
  isMap(value) && (value instanceof Map ? value.has(field) : Object.hasOwn(value, field));

/** After the check: loops count their steps, and what creates a value is charged for its size. */
export function meterNodes(root: Node, meter: Meter): void {
  const seen = new Set<Node>();
  const visit = (node: Node): void => {
    if (seen.has(node)) return;
    seen.add(node);
    const { alternate } = node.meta;
    if (alternate !== undefined) visit(alternate);
    else meterNode(node, meter);
    for (const child of childrenOf(node)) visit(child);
  };
  visit(root);
}

function meterNode(node: Node, meter: Meter): void {
  const loop = loopOf(node);
  if (node.op === '&&' || node.op === '||') {
    for (const operand of childrenOf(node)) wrap(operand, payingForErrors(meter));
  }
  if (loop !== undefined) {
    const weight = weightOf(loop.step);
    wrap(loop.step, (evaluate) => (evaluator, step, context) => {
      meter.charge(weight);
      return evaluate(evaluator, step, context);
    });
    wrap(loop.step, payingForErrors(meter));
    const { condition } = loop;
    // A quantifier goes on after an error, but not after this one.
    if (condition !== undefined) loop.condition = (value) => !meter.isSpent && condition(value);
  }
  if (node.op === 'map' && node.meta.macro === undefined) node.setMeta('evaluate', mapLiteral);
  if (CREATES.has(node.op) && node.meta.macro === undefined) {
    wrap(node, (evaluate) => (evaluator, self, context) => {
      const value = evaluate(evaluator, self, context);
      meter.charge(1 + sizeOf(value) / SIZE_PER_COST);
      return verified(value);
    });
  }
}

const CREATES: ReadonlySet<string> = new Set(['call', 'rcall', '+', '-', '/', '-_']);

/** The engine makes an object of strings of every map, and accepts a key twice. */
function mapLiteral(evaluator: Evaluator, node: Node, context: Context): unknown {
  const entries = (node.args as readonly (readonly [Node, Node])[]).map(
    ([key, value]) => [evaluator.run(key, context), evaluator.run(value, context)] as const,
  );
  const keys = new Set(entries.map(([key]) => (key instanceof Unsigned ? key.value : key)));
  if (keys.size === entries.length) return mapFrom(entries);
  throw evaluator.createError('duplicate_key', 'a key of the map occurs twice', node);
}

/** The steps of one round, without those of loops within. */
function weightOf(node: Node): number {
  const below = node.meta.alternate ?? node;
  const loop = loopOf(below);
  const children = loop === undefined ? childrenOf(below) : [loop.iterable];
  return children.reduce((sum, child) => sum + weightOf(child), 1);
}

/** Whatever evaluates the node: its macro, what that expands to, or its operator. */
function wrap(node: Node, around: (evaluate: Evaluate) => Evaluate): void {
  const { alternate, macro, evaluate } = node.meta;
  if (alternate !== undefined) wrap(alternate, around);
  else if (macro !== undefined) {
    const inner = macro.evaluate as Evaluate;
    node.setMeta('macro', { ...macro, evaluate: around(inner) });
  } else if (evaluate !== undefined) node.setMeta('evaluate', around(evaluate));
}

/** An operator that goes on after an error pays for it: an error takes as long as many steps. */
const payingForErrors =
  (meter: Meter) =>
  (evaluate: Evaluate): Evaluate =>
  (evaluator, node, context) => {
    try {
      return evaluate(evaluator, node, context);
    } catch (error) {
      meter.charge(ERROR_COST);
      throw error;
    }
  };

/** The engine computes past the ends of the ranges of ints, times and durations in places. */
function verified(value: unknown): unknown {
  if (typeof value === 'bigint') return toInt(value);
  if (value instanceof Date) return toTimestamp(value.getTime());
  return value instanceof Duration ? toDuration(durationNanos(value)) : value;
}
