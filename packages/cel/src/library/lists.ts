// SPDX-License-Identifier: Apache-2.0
import { Duration, Unsigned, type DurationValue } from '../engine.ts';
import { characters } from '../text.ts';
import { durationNanos, equals } from '../values.ts';
import { InvalidArgument, toInt, type Definition } from './library.ts';

type List = readonly unknown[];
const MAX_RANGE = 10_000;

/** -1, 0 or 1; an error for values that have no order. */
function compare(a: unknown, b: unknown): number {
  const [x, y] = [orderOf(a), orderOf(b)];
  if (typeof x !== typeof y && !(isNumber(x) && isNumber(y))) throw notComparable();
  if (typeof x === 'string' && typeof y === 'string') return compareText(x, y);
  return x < y ? -1 : Number(x > y);
}

type Ordered = string | number | bigint | boolean;

const isNumber = (value: Ordered): boolean =>
  typeof value === 'number' || typeof value === 'bigint';

function orderOf(value: unknown): Ordered {
  if (value instanceof Date) return value.getTime();
  if (value instanceof Duration) return durationNanos(value);
  if (value instanceof Unsigned) return value.value;
  if (value instanceof Uint8Array) return String.fromCharCode(...value);
  if (typeof value === 'object' || typeof value === 'undefined') throw notComparable();
  return value as Ordered;
}

const notComparable = (): InvalidArgument =>
  new InvalidArgument('the list has values that cannot be compared');

/** By code points, as Go compares the bytes of UTF-8; JavaScript compares UTF-16. */
function compareText(a: string, b: string): number {
  const [x, y] = [characters(a), characters(b)];
  for (const [index, character] of x.entries()) {
    const other = y[index];
    if (other === undefined) return 1;
    const difference = (character.codePointAt(0) ?? 0) - (other.codePointAt(0) ?? 0);
    if (difference !== 0) return Math.sign(difference);
  }
  return x.length < y.length ? -1 : 0;
}

const isSorted = (list: List): boolean =>
  list.every((item, index) => index === 0 || compare(list[index - 1], item) <= 0);

/** Zero, an int, for an empty list. */
function sum(list: List): unknown {
  const [first = 0n, ...rest] = list;
  return rest.reduce(add, first);
}

function add(a: unknown, b: unknown): unknown {
  if (typeof a === 'bigint' && typeof b === 'bigint') return toInt(a + b);
  if (typeof a === 'number' && typeof b === 'number') return a + b;
  if (a instanceof Unsigned && b instanceof Unsigned) return new Unsigned(a.value + b.value);
  if (a instanceof Duration && b instanceof Duration) return addDurations(a, b);
  throw new InvalidArgument('sum() needs numbers or durations of one type');
}

function addDurations(a: DurationValue, b: DurationValue): DurationValue {
  const nanos = toInt(durationNanos(a) + durationNanos(b));
  return new Duration(nanos / 1_000_000_000n, Number(nanos % 1_000_000_000n));
}

const extreme =
  (name: string, sign: number) =>
  (list: List): unknown => {
    if (list.length === 0) throw new InvalidArgument(`${name} called on empty list`);
    return list.reduce((best, item) => (compare(item, best) * sign > 0 ? item : best));
  };

const indexOf = (list: List, value: unknown): bigint =>
  BigInt(list.findIndex((item) => equals(item, value)));

const lastIndexOf = (list: List, value: unknown): bigint =>
  BigInt(list.findLastIndex((item) => equals(item, value)));

function slice(list: List, start: bigint, end: bigint): List {
  if (start < 0n || end < start || end > BigInt(list.length)) {
    throw new InvalidArgument(`slice(${String(start)}, ${String(end)}) is out of range`);
  }
  return list.slice(Number(start), Number(end));
}

const distinct = (list: List): List =>
  list.filter((item, index) => list.findIndex((other) => equals(other, item)) === index);

function flatten(list: List, depth: bigint): List {
  if (depth < 0n) throw new InvalidArgument('flatten() needs a depth of at least 0');
  if (depth === 0n) return list;
  return list.flatMap((item) => (Array.isArray(item) ? flatten(item as List, depth - 1n) : [item]));
}

function range(end: bigint): List {
  if (end > BigInt(MAX_RANGE)) throw new InvalidArgument(`range() ends at ${MAX_RANGE} at most`);
  return Array.from({ length: Math.max(0, Number(end)) }, (_, index) => BigInt(index));
}

const isSubset = (list: List, of: List): boolean =>
  list.every((item) => of.some((other) => equals(item, other)));

export const LISTS: readonly Definition[] = [
  ['list<A>.isSorted(): bool', isSorted],
  ['list<A>.sum(): A', sum],
  ['list<A>.min(): A', extreme('min', -1)],
  ['list<A>.max(): A', extreme('max', 1)],
  ['list<A>.indexOf(A): int', indexOf],
  ['list<A>.lastIndexOf(A): int', lastIndexOf],
  ['list<A>.slice(int, int): list<A>', slice],
  ['list<A>.distinct(): list<A>', distinct],
  ['list<A>.reverse(): list<A>', (list: List) => list.toReversed()],
  ['list<A>.sort(): list<A>', (list: List) => list.toSorted(compare)],
  ['list.flatten(): list<dyn>', (list: List) => flatten(list, 1n)],
  ['list.flatten(int): list<dyn>', flatten],
  ['ListsNamespace.range(int): list<int>', (_: unknown, end: bigint) => range(end)],
  ['SetsNamespace.contains(list, list): bool', (_: unknown, a: List, b: List) => isSubset(b, a)],
  [
    'SetsNamespace.intersects(list, list): bool',
    (_: unknown, a: List, b: List) => a.some((item) => isSubset([item], b)),
  ],
  [
    'SetsNamespace.equivalent(list, list): bool',
    (_: unknown, a: List, b: List) => isSubset(a, b) && isSubset(b, a),
  ],
];
