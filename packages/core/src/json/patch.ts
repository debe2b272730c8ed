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
  return path
    .split('/')
    .slice(1)
    .map((part) => part.replaceAll('~1', '/').replaceAll('~0', '~'))
    .reduce<unknown>((value, part) => (isJsonObject(value) ? value[part] : undefined), object);
}
