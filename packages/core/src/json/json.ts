// SPDX-License-Identifier: Apache-2.0
/** Untyped JSON read as a map; anything else reads as empty. */
export type JsonMap = Readonly<Record<string, unknown>>;

export const isMap = (value: unknown): value is JsonMap =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

export const asRecord = (value: unknown): JsonMap => (isMap(value) ? value : {});
