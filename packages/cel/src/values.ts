// SPDX-License-Identifier: Apache-2.0
import { Duration, Optional, TypeValue, Unsigned, type DurationValue } from './engine.ts';

/** Input that is deeper than this is not JSON of Kubernetes. */
const MAX_DEPTH = 100;

interface Converted {
  readonly value: unknown;
  readonly nodes: number;
}

/** What was converted before; objects in caches are replaced, never modified. */
const converted = new WeakMap<object, Converted>();

export class InputTooLarge extends Error {}

interface Budget {
  readonly limit: number;
  left: number;
}

/**
 * Converts JSON to values of CEL: whole numbers become ints, as in Kubernetes. `limit` bounds how
 * many values there may be.
 */
export function fromJson(json: unknown, limit: number): unknown {
  return convert(json, { limit, left: limit }, 0);
}

function convert(json: unknown, budget: Budget, depth: number): unknown {
  const isScalar = typeof json !== 'object' || json === null || isValue(json);
  const known = isScalar ? undefined : converted.get(json);
  spend(budget, known?.nodes ?? 1);
  if (isScalar) return convertScalar(json);
  if (known !== undefined) return known.value;
  if (depth > MAX_DEPTH) throw new InputTooLarge(`the input is nested deeper than ${MAX_DEPTH}`);
  const { left } = budget;
  const value = Array.isArray(json)
    ? json.map((item) => convert(item, budget, depth + 1))
    : convertObject(json, budget, depth);
  converted.set(json, { value, nodes: 1 + left - budget.left });
  return value;
}

const convertScalar = (json: unknown): unknown =>
  typeof json === 'number' && Number.isSafeInteger(json) ? BigInt(json) : (json ?? null);

function convertObject(json: object, budget: Budget, depth: number): unknown {
  // Without a prototype: `has(object.constructor)` is false.
  const value = Object.create(null) as Record<string, unknown>;
  for (const [key, item] of Object.entries(json)) {
    if (item !== undefined) value[key] = convert(item, budget, depth + 1);
  }
  return value;
}

function spend(budget: Budget, nodes: number): void {
  budget.left -= nodes;
  if (budget.left < 0) throw new InputTooLarge(`the input has more than ${budget.limit} values`);
}

/** Already a value of CEL, such as a timestamp. */
const isValue = (value: object): boolean =>
  value instanceof Date ||
  value instanceof Map ||
  value instanceof Uint8Array ||
  value instanceof Duration ||
  value instanceof Unsigned;

export const isMap = (value: unknown): value is Record<string, unknown> | Map<unknown, unknown> => {
  if (typeof value !== 'object' || value === null) return false;
  const prototype: unknown = Object.getPrototypeOf(value);
  return prototype === null || prototype === Object.prototype || value instanceof Map;
};

export const entriesOf = (
  map: Record<string, unknown> | Map<unknown, unknown>,
): readonly (readonly [unknown, unknown])[] =>
  map instanceof Map ? [...map] : Object.entries(map);

/** A map from entries: a plain object where every key is a string, as the engine prefers. */
export function mapFrom(entries: readonly (readonly [unknown, unknown])[]): unknown {
  if (!entries.every(([key]) => typeof key === 'string')) return new Map(entries);
  const map = Object.create(null) as Record<string, unknown>;
  for (const [key, value] of entries) map[key as string] = value;
  return map;
}

/** A value with an equality of its own, such as a quantity. */
export interface Comparable {
  equals(other: unknown): boolean;
}

const isComparable = (value: object): value is Comparable => 'equals' in value;

export const durationNanos = ({ seconds, nanos }: DurationValue): bigint =>
  seconds * 1_000_000_000n + BigInt(nanos);

/** Something that compares by `===`, or undefined for what has parts. */
function scalarOf(value: unknown): unknown {
  if (typeof value !== 'object' || value === null) return value;
  if (value instanceof Date) return `t${value.getTime()}`;
  if (value instanceof Duration) return `d${String(durationNanos(value))}`;
  if (value instanceof TypeValue) return `T${value.name}`;
  if (value instanceof Unsigned) return value.value;
  return undefined;
}

/** Equality of CEL: numbers by value whatever their type, lists and maps by their parts. */
export function equals(a: unknown, b: unknown): boolean {
  if (a === b) return true;
  const [x, y] = [scalarOf(a), scalarOf(b)];
  if (x !== undefined || y !== undefined) {
    // By value: `==` compares a bigint and a number so.
    return isNumber(x) && isNumber(y) ? x == y : x === y;
  }
  return haveEqualParts(a as object, b as object);
}

const isNumber = (value: unknown): value is number | bigint =>
  typeof value === 'number' || typeof value === 'bigint';

function haveEqualParts(a: object, b: object): boolean {
  if (isListLike(a) && isListLike(b)) {
    return a.length === b.length && a.every((item, index) => equals(item, b[index]));
  }
  if (a instanceof Optional && b instanceof Optional) return areOptionalsEqual(a, b);
  if (isMap(a) && isMap(b)) return areMapsEqual(a, b);
  return isComparable(a) && a.equals(b);
}

const areOptionalsEqual = (a: Optional, b: Optional): boolean =>
  a.hasValue() && b.hasValue() ? equals(a.value(), b.value()) : a.hasValue() === b.hasValue();

const isListLike = (value: object): value is unknown[] =>
  Array.isArray(value) || value instanceof Uint8Array;

function areMapsEqual(
  a: Record<string, unknown> | Map<unknown, unknown>,
  b: Record<string, unknown> | Map<unknown, unknown>,
): boolean {
  const [left, right] = [entriesOf(a), entriesOf(b)];
  if (left.length !== right.length) return false;
  const values = new Map(right.map(([key, value]) => [scalarOf(key), value]));
  return left.every(([key, value]) => {
    const at = scalarOf(key);
    return values.has(at) && equals(value, values.get(at));
  });
}

/** How many parts a value has: characters, items, entries. */
export function sizeOf(value: unknown): number {
  if (typeof value === 'string' || Array.isArray(value)) return value.length;
  if (value instanceof Uint8Array) return value.length;
  return value instanceof Map ? value.size : 0;
}
