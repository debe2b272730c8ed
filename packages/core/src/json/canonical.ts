// SPDX-License-Identifier: Apache-2.0
import { isJsonObject } from './json.ts';
import { sha256Hex } from './sha256.ts';

type Fields = Readonly<Record<string, unknown>>;

/** JSON with sorted keys and without null fields: equal values give equal text. */
export const canonicalJson = (value: unknown): string => JSON.stringify(sorted(value ?? null));

/** Sorting a copy and serializing it natively takes a third of the time of building the text. */
function sorted(value: unknown): unknown {
  if (isJsonObject(value)) return isSorted(value) ? value : sortedMap(value);
  return Array.isArray(value) ? value.map(sorted) : value;
}

/** A flat map in order needs no copy: half of the maps of a pod template. */
function isSorted(map: Fields): boolean {
  let previous = '';
  for (const key of Object.keys(map)) {
    if (key < previous || !isPlain(map[key])) return false;
    previous = key;
  }
  return true;
}

const isPlain = (value: unknown): boolean =>
  typeof value === 'string' || typeof value === 'number' || typeof value === 'boolean';

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

/** SHA-256 hex digits that identify a value; 64 bits suffice within one workload. */
const LENGTH = 16;

export const shortHash = (text: string): string => sha256Hex(text).slice(0, LENGTH);

/** Compares JSON values; a null field equals an absent one. */
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
