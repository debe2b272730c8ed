// SPDX-License-Identifier: Apache-2.0
import { isJsonObject, asJsonObject, type Json } from '../../json.ts';

/** A structural OpenAPI v3 schema, as CRDs carry it. */
export type Schema = Json;

/** Prunes unknown fields, except below `x-kubernetes-preserve-unknown-fields`. */
export function prune(value: unknown, schema: Schema): unknown {
  if (Array.isArray(value)) {
    const items = asJsonObject(schema['items']);
    return value.map((item) => prune(item, items));
  }
  return isJsonObject(value) ? pruneRecord(value, schema) : value;
}

function pruneRecord(value: Json, schema: Schema): Json {
  if (schema['x-kubernetes-embedded-resource'] === true) return value;
  const properties = asJsonObject(schema['properties']);
  const additional = schema['additionalProperties'];
  const keepsUnknown = schema['x-kubernetes-preserve-unknown-fields'] === true;
  const kept: Record<string, unknown> = {};
  for (const [key, item] of Object.entries(value)) {
    const known = properties[key] ?? (isJsonObject(additional) ? additional : undefined);
    if (isJsonObject(known)) kept[key] = prune(item, known);
    else if (keepsUnknown || additional === true) kept[key] = item;
  }
  return kept;
}

/** Fills in defaults from the outside in; null counts as absent where null is not allowed. */
export function applyDefaults(value: unknown, schema: Schema): unknown {
  if (Array.isArray(value)) {
    const items = asJsonObject(schema['items']);
    return value.map((item) => applyDefaults(item, items));
  }
  return isJsonObject(value) ? defaultRecord(value, schema) : value;
}

function defaultRecord(value: Json, schema: Schema): Json {
  const completed: Record<string, unknown> = { ...value };
  for (const [key, raw] of Object.entries(asJsonObject(schema['properties']))) {
    const property = asJsonObject(raw);
    const isMissing =
      completed[key] === undefined || (completed[key] === null && property['nullable'] !== true);
    if (isMissing && property['default'] !== undefined) completed[key] = property['default'];
    else if (isMissing) Reflect.deleteProperty(completed, key);
    if (completed[key] !== undefined) completed[key] = applyDefaults(completed[key], property);
  }
  const additional = schema['additionalProperties'];
  return isJsonObject(additional) ? defaultOthers(completed, schema, additional) : completed;
}

function defaultOthers(value: Json, schema: Schema, additional: Schema): Json {
  const known = asJsonObject(schema['properties']);
  const entries = Object.entries(value).map(([key, item]) => [
    key,
    known[key] === undefined ? applyDefaults(item, additional) : item,
  ]);
  return Object.fromEntries(entries) as Json;
}
