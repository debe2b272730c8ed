// SPDX-License-Identifier: Apache-2.0
import {
  canonicalJson,
  isJsonObject,
  list,
  asJsonObject,
  text,
  without,
  type Json,
} from '../json.ts';

/** Applies RFC 7386: null removes, records merge, everything else replaces. */
export function applyMergePatch(document: Json, patch: Json): Json {
  let merged = document;
  for (const [key, value] of Object.entries(patch)) {
    if (value === null) merged = without(merged, key);
    else merged = { ...merged, [key]: mergeValue(merged[key], value) };
  }
  return merged;
}

function mergeValue(old: unknown, value: unknown): unknown {
  return isJsonObject(value) ? applyMergePatch(asJsonObject(old), value) : value;
}

/** Merge keys of lists, by the name of the list. */
const LIST_KEYS: Readonly<Record<string, readonly string[]>> = {
  containers: ['name'],
  initContainers: ['name'],
  ephemeralContainers: ['name'],
  env: ['name'],
  volumes: ['name'],
  volumeMounts: ['mountPath'],
  ports: ['containerPort', 'protocol'],
  imagePullSecrets: ['name'],
  conditions: ['type'],
  ownerReferences: ['uid'],
  webhooks: ['name'],
};

/** The identity of a list item, or undefined where the list is replaced as a whole. */
export function itemKey(listName: string, item: unknown): string | undefined {
  const keys = LIST_KEYS[listName];
  if (keys === undefined || !isJsonObject(item)) return undefined;
  return canonicalJson(keys.map((key) => item[key] ?? (key === 'protocol' ? 'TCP' : null)));
}

/** Applies a strategic merge patch to a built-in kind, with `$patch` and `$retainKeys`. */
export function applyStrategicPatch(document: Json, patch: Json): Json {
  if (patch['$patch'] === 'replace') return without(patch, '$patch');
  let merged = retainKeys(document, patch);
  for (const [key, value] of Object.entries(without(patch, '$patch', '$retainKeys'))) {
    if (key.startsWith('$')) continue;
    if (value === null) merged = without(merged, key);
    else merged = { ...merged, [key]: strategicValue(key, merged[key], value) };
  }
  return merged;
}

function retainKeys(document: Json, patch: Json): Json {
  const retained = patch['$retainKeys'];
  if (!Array.isArray(retained)) return document;
  return Object.fromEntries(Object.entries(document).filter(([key]) => retained.includes(key)));
}

function strategicValue(name: string, old: unknown, value: unknown): unknown {
  if (isJsonObject(value)) return applyStrategicPatch(asJsonObject(old), value);
  if (!Array.isArray(value) || LIST_KEYS[name] === undefined) return value;
  return mergeLists(name, list(old), value);
}

function mergeLists(name: string, old: readonly unknown[], patch: readonly unknown[]): unknown[] {
  const directives = patch.filter(isJsonObject);
  if (directives.some((item) => item['$patch'] === 'replace')) {
    return patch.filter((item) => !isJsonObject(item) || item['$patch'] === undefined);
  }
  let merged = [...old];
  for (const item of directives) {
    const key = itemKey(name, item);
    const at = merged.findIndex((one) => itemKey(name, one) === key);
    if (text(item['$patch']) === 'delete') merged = merged.filter((_, index) => index !== at);
    else if (at < 0) merged.push(item);
    else merged[at] = applyStrategicPatch(asJsonObject(merged[at]), item);
  }
  return merged;
}
