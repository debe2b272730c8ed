// SPDX-License-Identifier: Apache-2.0
import {
  Optional,
  type Checker,
  type Context,
  type Environment,
  type Evaluator,
  type Macro,
  type Node,
  type TypeOf,
} from '../engine.ts';
import { TooExpensive, type Meter } from '../meter.ts';
import { entriesOf, isMap, mapFrom } from '../values.ts';

type Entry = readonly [key: unknown, value: unknown];

/** What a macro makes of the entries, given a function that evaluates its last argument. */
interface Fold {
  readonly name: string;
  /** Without the two variables. */
  readonly bodies: 1 | 2;
  readonly isBool: boolean;
  readonly result: (body: TypeOf, key: TypeOf, checker: Checker) => string;
  readonly fold: (entries: readonly Entry[], run: (entry: Entry) => unknown) => unknown;
}

/** Goes on after an error: a later value may decide. */
function quantify(
  entries: readonly Entry[],
  run: (entry: Entry) => unknown,
  deciding: boolean,
): boolean {
  let failed: { readonly error: unknown } | undefined;
  for (const entry of entries) {
    try {
      if (run(entry) === deciding) return deciding;
    } catch (error) {
      if (error instanceof TooExpensive) throw error;
      failed ??= { error };
    }
  }
  if (failed !== undefined) throw failed.error;
  return !deciding;
}

const SKIPPED = Symbol('skipped');

const collect = (
  entries: readonly Entry[],
  run: (entry: Entry) => unknown,
): readonly (readonly [Entry, unknown])[] =>
  entries.flatMap((entry) => {
    const value = run(entry);
    return value === SKIPPED ? [] : [[entry, value] as const];
  });

const list = ({ name }: TypeOf): string => `list<${name}>`;
const mapOf = ({ name }: TypeOf, key: TypeOf): string => `map<${key.name}, ${name}>`;
const bool = (): string => 'bool';

const FOLDS: readonly Fold[] = [
  { name: 'all', bodies: 1, isBool: true, result: bool, fold: (e, run) => quantify(e, run, false) },
  {
    name: 'exists',
    bodies: 1,
    isBool: true,
    result: bool,
    fold: (e, run) => quantify(e, run, true),
  },
  {
    name: 'existsOne',
    bodies: 1,
    isBool: true,
    result: bool,
    fold: (entries, run) => entries.filter((entry) => run(entry) === true).length === 1,
  },
  ...([1, 2] as const).flatMap((bodies): Fold[] => [
    {
      name: 'transformList',
      bodies,
      isBool: false,
      result: list,
      fold: (entries, run) => collect(entries, run).map(([, value]) => value),
    },
    {
      name: 'transformMap',
      bodies,
      isBool: false,
      result: mapOf,
      fold: (entries, run) => mapFrom(collect(entries, run).map(([[key], value]) => [key, value])),
    },
  ]),
];

interface State {
  readonly receiver: Node;
  readonly names: readonly [string, string];
  readonly bodies: readonly Node[];
  outer?: Context;
  inner?: Context;
}

/** Macros over keys and values: `map.all(key, value, ...)`, `list.transformList(i, v, ...)`. */
export function registerComprehensions(environment: Environment, meter: Meter): void {
  for (const fold of FOLDS) {
    registerMacro(environment, fold.name, fold.bodies + 2, (receiver, args) => {
      const [key, value, ...bodies] = args;
      const names = [nameOf(key), nameOf(value)] as const;
      return twoVariables({ receiver, names, bodies }, fold, meter);
    });
  }
  registerMacro(environment, 'optMap', 2, (receiver, [name, body]) =>
    optional(receiver, nameOf(name), body, false),
  );
  registerMacro(environment, 'optFlatMap', 2, (receiver, [name, body]) =>
    optional(receiver, nameOf(name), body, true),
  );
}

const nameOf = (node: Node | undefined): string => (node?.op === 'id' ? String(node.args) : '');

function registerMacro(
  environment: Environment,
  name: string,
  length: number,
  expand: (receiver: Node, args: readonly Node[]) => Macro,
): void {
  environment.registerFunction({
    name,
    receiverType: 'list',
    returnType: 'dyn',
    params: Array.from({ length }, () => ({ type: 'ast' })),
    handler: (({ receiver, args }: { receiver: Node; args: readonly Node[] }) =>
      expand(receiver, args)) as (...values: unknown[]) => unknown,
    async: false,
  });
}

function twoVariables(state: State, fold: Fold, meter: Meter): Macro {
  const typeCheck = (checker: Checker, _: never, context: Context): TypeOf => {
    const [key, value] = entryTypes(
      checker,
      checker.check(state.receiver, context),
      state.receiver,
    );
    if (state.names.includes('')) {
      const message = `${fold.name}() needs two names of variables first`;
      throw checker.createError('invalid_macro_argument', message, state.receiver);
    }
    state.outer = context.forkWithVariable(state.names[0], key);
    state.inner = state.outer.forkWithVariable(state.names[1], value);
    const types = state.bodies.map((body) => checker.check(body, state.inner ?? context));
    for (const [index, type] of types.entries()) {
      const isCondition = fold.isBool || index < types.length - 1;
      if (isCondition) requireBool(checker, type, state.bodies[index] ?? state.receiver, fold.name);
    }
    return checker.getType(fold.result(types.at(-1) ?? key, key, checker));
  };
  const evaluate = (evaluator: Evaluator, _: never, context: Context): unknown => {
    const entries = entriesIn(evaluator, evaluator.run(state.receiver, context), state.receiver);
    return fold.fold(entries, (entry) =>
      runBodies(state, evaluator, context, { entry, meter, fold }),
    );
  };
  return { typeCheck, evaluate, async: false };
}

function requireBool(checker: Checker, type: TypeOf, body: Node, name: string): void {
  if (type.name === 'bool' || type.kind === 'dyn') return;
  const message = `${name}() predicate must return bool, got '${type.name}'`;
  throw checker.createError('invalid_condition_type', message, body);
}

function entryTypes(checker: Checker, type: TypeOf, node: Node): readonly [TypeOf, TypeOf] {
  const dyn = checker.getType('dyn');
  if (type.kind === 'list') return [checker.getType('int'), type.valueType ?? dyn];
  if (type.kind === 'map') return [type.keyType ?? dyn, type.valueType ?? dyn];
  if (type.kind === 'dyn') return [dyn, dyn];
  const message = `Expression of type '${type.name}' cannot be range of a comprehension (must be list, map, or dynamic).`;
  throw checker.createError('invalid_comprehension_range', message, node);
}

function entriesIn(evaluator: Evaluator, range: unknown, node: Node): readonly Entry[] {
  if (Array.isArray(range)) return range.map((value, index) => [BigInt(index), value]);
  if (isMap(range)) return entriesOf(range);
  const message = 'cannot be range of a comprehension (must be list or map)';
  throw evaluator.createError('invalid_comprehension_range', message, node);
}

/** Expanding and binding an entry; a quantifier may go on after an error of one. */
const STEP_COST = 20;

interface Step {
  readonly entry: Entry;
  readonly meter: Meter;
  readonly fold: Fold;
}

function runBodies(state: State, evaluator: Evaluator, context: Context, step: Step): unknown {
  step.meter.charge(STEP_COST);
  const scope = bind(state, evaluator, context, step.entry);
  const [first, second] = state.bodies;
  const result = first === undefined ? undefined : evaluator.run(first, scope);
  if (step.fold.isBool || second !== undefined) requireBoolValue(evaluator, result, first);
  if (second === undefined) return result;
  return result === true ? evaluator.run(second, scope) : SKIPPED;
}

function bind(state: State, evaluator: Evaluator, context: Context, entry: Entry): Context {
  const { outer, inner } = state;
  if (outer === undefined || inner === undefined) return context;
  const withKey = outer.reuse(context).setIterValue(entry[0], evaluator);
  return inner.reuse(withKey).setIterValue(entry[1], evaluator);
}

function requireBoolValue(evaluator: Evaluator, value: unknown, node: Node | undefined): void {
  if (typeof value === 'boolean') return;
  throw evaluator.createError('invalid_condition_type', 'predicate must return bool', node);
}

function optional(receiver: Node, name: string, body: Node | undefined, isFlat: boolean): Macro {
  let inner: Context | undefined;
  const typeCheck = (checker: Checker, _: never, context: Context): TypeOf => {
    const type = checker.check(receiver, context);
    if (type.kind !== 'optional' && type.kind !== 'dyn') {
      const message = `receiver must be optional, got '${type.name}'`;
      throw checker.createError('optional_expected', message, receiver);
    }
    const value = type.valueType ?? checker.getType('dyn');
    inner = context.forkWithVariable(name, value);
    const result = body === undefined ? value : checker.check(body, inner);
    return isFlat ? result : checker.getType(`optional<${result.name}>`);
  };
  const evaluate = (evaluator: Evaluator, _: never, context: Context): unknown => {
    const value = evaluator.run(receiver, context);
    if (!(value instanceof Optional)) {
      throw evaluator.createError('optional_expected', 'receiver must be optional', receiver);
    }
    if (!value.hasValue() || body === undefined || inner === undefined) return Optional.none();
    const scope = inner.reuse(context).setIterValue(value.value(), evaluator);
    const result = evaluator.run(body, scope);
    return isFlat ? result : Optional.of(result);
  };
  return { typeCheck, evaluate, async: false };
}
