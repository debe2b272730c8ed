// SPDX-License-Identifier: Apache-2.0
/** An untyped JSON object; `asJsonObject` reads any other value as empty. */
export type JsonObject = Readonly<Record<string, unknown>>;

export const isJsonObject = (value: unknown): value is JsonObject =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

export const asJsonObject = (value: unknown): JsonObject => (isJsonObject(value) ? value : {});
