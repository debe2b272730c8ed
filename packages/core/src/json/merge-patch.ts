// SPDX-License-Identifier: Apache-2.0
import { isJsonObject, type JsonObject } from './json.ts';

/** The JSON merge patch (RFC 7396) from one value to another; undefined if they are equal. */
export function mergePatch(from: JsonObject, to: JsonObject): JsonObject | undefined {
  const patch: Record<string, unknown> = {};
  for (const key of new Set([...Object.keys(from), ...Object.keys(to)])) {
    const change = changeOf(from[key], to[key]);
    if (change !== undefined) patch[key] = change;
  }
  return Object.keys(patch).length === 0 ? undefined : patch;
}

function changeOf(from: unknown, to: unknown): unknown {
  if (to === undefined) return from === undefined ? undefined : null;
  if (isJsonObject(from) && isJsonObject(to)) return mergePatch(from, to);
  return JSON.stringify(from) === JSON.stringify(to) ? undefined : to;
}
