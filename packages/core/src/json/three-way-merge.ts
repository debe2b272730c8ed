// SPDX-License-Identifier: Apache-2.0
import { isEqual } from './canonical.ts';
import { isJsonObject } from './json.ts';

/**
 * Applies a user's edits to the user's own value: leaves that differ between `base` and `edited`
 * come from `edited`, all others from `own`.
 *
 * @param base the value that the user saw
 * @param edited the value that the user wrote
 * @param own the value that the user would have seen without borrowed fields
 */
export function threeWayMerge(base: unknown, edited: unknown, own: unknown): unknown {
  if (isEqual(base, edited)) return own;
  if (!isJsonObject(base) || !isJsonObject(edited) || !isJsonObject(own)) return edited;
  const keys = new Set([...Object.keys(edited), ...Object.keys(own), ...Object.keys(base)]);
  const entries = [...keys].map(
    (key) => [key, threeWayMerge(base[key], edited[key], own[key])] as const,
  );
  return Object.fromEntries(entries.filter(([, value]) => value !== undefined));
}
