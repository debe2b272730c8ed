// SPDX-License-Identifier: Apache-2.0
import { isJsonObject } from './json.ts';

export type PatchOp =
  | { readonly op: 'add' | 'replace' | 'test'; readonly path: string; readonly value: unknown }
  | { readonly op: 'remove'; readonly path: string };

/** Joins and escapes the parts of a JSON pointer. */
export const toJsonPointer = (...parts: readonly string[]): string =>
  parts.map((p) => `/${p.replaceAll('~', '~0').replaceAll('/', '~1')}`).join('');

/** The value at a JSON pointer; undefined when it does not exist. */
export function valueAt(object: unknown, path: string): unknown {
  let value: unknown = object;
  for (const part of path.split('/').slice(1)) {
    if (!isJsonObject(value)) return undefined;
    value = value[part.includes('~') ? unescaped(part) : part];
  }
  return value;
}

const unescaped = (part: string): string => part.replaceAll('~1', '/').replaceAll('~0', '~');
