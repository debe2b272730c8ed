// SPDX-License-Identifier: Apache-2.0
import type { KubeObject } from '@altershield/kube';

export type Json = Readonly<Record<string, unknown>>;

/** An object at rest in the simulated cluster: never mutated, replaced as a whole. */
export type StoredObject = KubeObject & Json;

export const isJsonObject = (value: unknown): value is Json =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

export const asJsonObject = (value: unknown): Json => (isJsonObject(value) ? value : {});

export const list = (value: unknown): readonly unknown[] =>
  Array.isArray(value) ? (value as readonly unknown[]) : [];

export const text = (value: unknown): string => (typeof value === 'string' ? value : '');

export const integer = (value: unknown): number => (typeof value === 'number' ? value : 0);

/** The string values of a record; everything else in it is left out. */
export function strings(value: unknown): Record<string, string> {
  const found: Record<string, string> = {};
  for (const [key, item] of Object.entries(asJsonObject(value))) {
    if (typeof item === 'string') found[key] = item;
  }
  return found;
}

/** The value at a path of keys; undefined where the path ends early. */
export function dig(value: unknown, ...path: readonly string[]): unknown {
  return path.reduce<unknown>((at, key) => asJsonObject(at)[key], value);
}

export function without(value: Json, ...keys: readonly string[]): Json {
  return Object.fromEntries(Object.entries(value).filter(([key]) => !keys.includes(key)));
}

/** Equality of JSON documents; a key with the value undefined counts as absent. */
export function same(a: unknown, b: unknown): boolean {
  if (a === b) return true;
  if (Array.isArray(a) && Array.isArray(b)) {
    return a.length === b.length && a.every((item, at) => same(item, b[at]));
  }
  return isJsonObject(a) && isJsonObject(b) && sameRecords(a, b);
}

function sameRecords(a: Json, b: Json): boolean {
  for (const key in a) {
    if (!same(a[key], b[key])) return false;
  }
  for (const key in b) {
    if (a[key] === undefined && b[key] !== undefined) return false;
  }
  return true;
}

/** JSON text with sorted keys, so that equal documents have equal texts. */
export function canonicalJson(value: unknown): string {
  if (Array.isArray(value)) return `[${value.map(canonicalJson).join(',')}]`;
  if (value === undefined) return 'null';
  if (!isJsonObject(value)) return JSON.stringify(value);
  const entries = Object.entries(value).filter(([, item]) => item !== undefined);
  entries.sort(([a], [b]) => (a < b ? -1 : 1));
  return `{${entries.map(([key, item]) => `${JSON.stringify(key)}:${canonicalJson(item)}`).join(',')}}`;
}
