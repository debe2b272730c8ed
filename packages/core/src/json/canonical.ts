// SPDX-License-Identifier: Apache-2.0
import { isJsonObject } from './json.ts';
import { sha256Hex } from './sha256.ts';

type Fields = Readonly<Record<string, unknown>>;

/** JSON with sorted keys and without nulls in maps: equal values give equal text. */
export const canonicalJson = (value: unknown): string => JSON.stringify(sorted(value ?? null));

/** A sorted copy and one call into the engine cost a third of writing the text piece by piece. */
function sorted(value: unknown): unknown {
  if (isJsonObject(value)) return sortedMap(value);
  return Array.isArray(value) ? value.map(sorted) : value;
}

function sortedMap(map: Fields): object {
  const copy: Record<string, unknown> = {};
  for (const key of Object.keys(map).sort()) {
    const value = map[key];
    if (value === null || value === undefined) continue;
    if (key === '__proto__')
      Object.defineProperty(copy, key, { value: sorted(value), enumerable: true });
    else copy[key] = sorted(value);
  }
  return copy;
}

/** Hex digits of SHA-256 that identify a value; 64 bits are plenty within one workload. */
const LENGTH = 16;

export const shortHash = (text: string): string => sha256Hex(text).slice(0, LENGTH);

/** Equality of JSON values in which a null field is an absent one. */
export function isEqual(a: unknown, b: unknown): boolean {
  if (a === b) return true;
  if (isJsonObject(a)) return isJsonObject(b) && isEqualMap(a, b);
  if (Array.isArray(a) && Array.isArray(b)) {
    return a.length === b.length && a.every((item, index) => isEqual(item, b[index]));
  }
  return (a ?? null) === (b ?? null);
}

function isEqualMap(a: Fields, b: Fields): boolean {
  const isMissing = (key: string): boolean => !Object.hasOwn(a, key) && (b[key] ?? null) !== null;
  return (
    Object.keys(a).every((key) => isEqual(a[key], Object.hasOwn(b, key) ? b[key] : undefined)) &&
    !Object.keys(b).some(isMissing)
  );
}
