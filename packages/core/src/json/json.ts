// SPDX-License-Identifier: Apache-2.0
/** Untyped JSON read as a map; anything else reads as empty. */
export type JsonObject = Readonly<Record<string, unknown>>;

export const isJsonObject = (value: unknown): value is JsonObject =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

export const asJsonObject = (value: unknown): JsonObject => (isJsonObject(value) ? value : {});
