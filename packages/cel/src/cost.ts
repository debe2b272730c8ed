// SPDX-License-Identifier: Apache-2.0
import { callOf, childrenOf, type Call, type Node } from './engine.ts';

/** Items, entries or characters that a value is assumed to have when nothing else is known. */
const ASSUMED_SIZE = 100;
const SIZE_PER_COST = 10;

export interface Estimate {
  readonly cost: number;
  readonly size: number;
  /** The loops within each other that cost most, from the outside: how often each runs. */
  readonly loops: readonly number[];
}

type Sizes = ReadonlyMap<string, number>;

/** Two names first, then one or two expressions. */
const TWO_VARIABLES: ReadonlySet<string> = new Set([
  'all/3',
  'exists/3',
  'existsOne/3',
  'transformList/3',
  'transformList/4',
  'transformMap/3',
  'transformMap/4',
]);
const ONE_VARIABLE: ReadonlySet<string> = new Set([
  'all/2',
  'exists/2',
  'exists_one/2',
  'map/2',
  'map/3',
  'filter/2',
]);
const REGEX: ReadonlySet<string> = new Set(['matches', 'find', 'findAll']);

/**
 * What an expression costs at most on input of the sizes that are assumed, as Kubernetes does it:
 * a step costs one, a loop its body for each item, and what reads a whole value by its size.
 */
export function estimateCost(root: Node, sizes: Sizes): Estimate {
  return estimate(root, sizes);
}

function estimate(node: Node, sizes: Sizes): Estimate {
  const call = callOf(node);
  if (call !== undefined) return estimateCall(call, sizes);
  switch (node.op) {
    case 'value':
      return { cost: 0, size: sizeOfLiteral(node.args), loops: [] };
    case 'id':
      return { cost: 1, size: sizes.get(String(node.args)) ?? ASSUMED_SIZE, loops: [] };
    case 'list':
    case 'map':
      return { ...sum(node, sizes), size: Array.isArray(node.args) ? node.args.length : 0 };
    case '+':
      return grown(node, sizes);
    case '?:':
      return branches(node, sizes);
    default:
      return sum(node, sizes);
  }
}

const sizeOfLiteral = (value: unknown): number => (typeof value === 'string' ? value.length : 1);

/** One step and everything below. */
function sum(node: Node, sizes: Sizes): Estimate {
  return addUp(childrenOf(node).map((child) => estimate(child, sizes)));
}

function addUp(parts: readonly Estimate[]): Estimate {
  const cost = parts.reduce((total, part) => total + part.cost, 1);
  return { cost, size: ASSUMED_SIZE, loops: costliest(parts) };
}

const costliest = (parts: readonly Estimate[]): readonly number[] =>
  parts
    .map(({ loops }) => loops)
    .reduce((best, loops) => (product(loops) > product(best) ? loops : best), []);

const product = (loops: readonly number[]): number => loops.reduce((all, one) => all * one, 1);

/** As large as the larger branch. */
function branches(node: Node, sizes: Sizes): Estimate {
  const parts = childrenOf(node).map((child) => estimate(child, sizes));
  return { ...addUp(parts), size: Math.max(...parts.slice(1).map(({ size }) => size)) };
}

/** A concatenation is as long as both; without this, `bind` could double a value again and again. */
function grown(node: Node, sizes: Sizes): Estimate {
  const parts = childrenOf(node).map((child) => estimate(child, sizes));
  const size = parts.reduce((total, part) => total + part.size, 0);
  const { cost, loops } = addUp(parts);
  return { cost: cost + size / SIZE_PER_COST, size, loops };
}

function estimateCall(call: Call, sizes: Sizes): Estimate {
  const { name, receiver, args } = call;
  const shape = `${name}/${args.length}`;
  if (receiver === undefined) return plainCall(call, sizes);
  if (ONE_VARIABLE.has(shape)) return loopOver(call, sizes, 1);
  if (TWO_VARIABLES.has(shape)) return loopOver(call, sizes, 2);
  if (shape === 'bind/3') return bind(call, sizes);
  if (shape === 'optMap/2' || shape === 'optFlatMap/2') {
    return addUp([receiver, ...args.slice(1)].map((node) => estimate(node, sizes)));
  }
  return plainCall(call, sizes);
}

function plainCall({ name, receiver, args }: Call, sizes: Sizes): Estimate {
  const nodes = receiver === undefined ? args : [receiver, ...args];
  const parts = nodes.map((node) => estimate(node, sizes));
  const { cost, loops } = addUp(parts);
  const factors = parts.map((part) => part.size);
  const work = REGEX.has(name.replace("'", '')) ? product(factors) : Math.max(0, ...factors);
  return { cost: cost + work / SIZE_PER_COST, size: Math.max(1, ...factors), loops };
}

function loopOver({ receiver, args }: Call, sizes: Sizes, variables: number): Estimate {
  if (receiver === undefined) return addUp([]);
  const range = estimate(receiver, sizes);
  const names = args.slice(0, variables).map((node) => String(node.args));
  const inner = new Map([...sizes, ...names.map((name) => [name, ASSUMED_SIZE] as const)]);
  const body = addUp(args.slice(variables).map((node) => estimate(node, inner)));
  const loops = [range.size, ...body.loops];
  return {
    cost: 1 + range.cost + range.size * body.cost,
    size: range.size,
    loops: product(loops) > product(range.loops) ? loops : range.loops,
  };
}

function bind({ args }: Call, sizes: Sizes): Estimate {
  const [name, value, body] = args;
  if (name === undefined || value === undefined || body === undefined) return addUp([]);
  const bound = estimate(value, sizes);
  const result = estimate(body, new Map([...sizes, [String(name.args), bound.size]]));
  return { ...addUp([bound, result]), size: result.size };
}
