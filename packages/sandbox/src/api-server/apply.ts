// SPDX-License-Identifier: Apache-2.0
import {
  isJsonObject,
  list,
  asJsonObject,
  same,
  without,
  type Json,
  type StoredObject,
} from '../json.ts';
import { StatusError } from './failure.ts';
import {
  fieldsOf,
  managersOf,
  mergeTrees,
  subtractTree,
  type FieldTree,
} from './managed-fields.ts';
import { itemKey } from './merge-patch.ts';

/** The applied fields of a server-side apply, without the object's identity. */
export function appliedFields(config: Json): FieldTree {
  const { labels, annotations } = asJsonObject(config['metadata']);
  const metadata = {
    ...(labels === undefined ? {} : { labels }),
    ...(annotations === undefined ? {} : { annotations }),
  };
  return fieldsOf({ ...without(config, 'apiVersion', 'kind'), metadata });
}

interface Applying {
  readonly manager: string;
  readonly force: boolean;
}

/**
 * Merges an applied configuration into the live object: fields that others own and that would
 * change are conflicts (unless forced); fields that this manager applied before and now leaves out
 * are removed, unless another manager owns them.
 */
export function applyConfig(live: StoredObject, config: Json, by: Applying): Json {
  const applied = appliedFields(config);
  const managers = managersOf(live);
  const isOwn = (entry: { manager: string; operation: string }): boolean =>
    entry.manager === by.manager && entry.operation === 'Apply';
  const others = managers
    .filter((entry) => !isOwn(entry))
    .reduce<FieldTree>((all, { fieldsV1 }) => mergeTrees(all, fieldsV1), {});
  if (!by.force)
    refuseConflicts(
      { live, config, others },
      managers.map(({ manager }) => manager),
    );
  const before = managers.find(isOwn)?.fieldsV1 ?? {};
  const abandoned = subtractTree(subtractTree(before, applied), others);
  return mergeConfig(removeFields(live, abandoned), config);
}

interface Comparison {
  readonly live: Json;
  readonly config: Json;
  readonly others: FieldTree;
}

function refuseConflicts(comparison: Comparison, managers: readonly string[]): void {
  const fields = conflicts(comparison, '');
  if (fields.length === 0) return;
  const count = fields.length === 1 ? '1 conflict' : `${fields.length} conflicts`;
  const message = `Apply failed with ${count}: conflicts with ${managers.map((one) => `"${one}"`).join(', ')}: ${fields.join(', ')}`;
  const causes = fields.map((field) => ({ reason: 'FieldManagerConflict', message, field }));
  throw new StatusError({ code: 409, reason: 'Conflict', message, details: { causes } });
}

function conflicts({ live, config, others }: Comparison, path: string): string[] {
  return Object.entries(config).flatMap(([key, value]) => {
    const owned = others[`f:${key}`];
    if (owned === undefined || same(live[key], value)) return [];
    const at = `${path}.${key}`;
    if (isJsonObject(value))
      return conflicts(
        { live: asJsonObject(live[key]), config: value, others: asJsonObject(owned) },
        at,
      );
    const items = list(value).filter((item) => itemKey(key, item) !== undefined);
    if (items.length === 0) return [at];
    return items.flatMap((item) =>
      itemConflicts(item, { live, others: asJsonObject(owned), key }, at),
    );
  });
}

/** Items of a list that have identities are compared with the ones of the same identity. */
function itemConflicts(
  item: unknown,
  { live, others, key }: { readonly live: Json; readonly others: FieldTree; readonly key: string },
  path: string,
): string[] {
  const identity = itemKey(key, item) ?? '';
  const before = list(live[key]).find((one) => itemKey(key, one) === identity);
  const owned = asJsonObject(others[`k:${identity}`]);
  return conflicts(
    { live: asJsonObject(before), config: asJsonObject(item), others: owned },
    `${path}${identity}`,
  );
}

function removeFields(document: Json, fields: FieldTree): Json {
  let left = document;
  for (const [field, sub] of Object.entries(fields)) {
    const key = field.slice(2);
    if (field.startsWith('f:')) left = removeField(left, key, asJsonObject(sub));
  }
  return left;
}

function removeField(document: Json, key: string, sub: FieldTree): Json {
  const value = document[key];
  if (value === undefined || Object.keys(sub).length === 0) return without(document, key);
  if (isJsonObject(value)) {
    const left = removeFields(value, sub);
    return Object.keys(left).length === 0 ? without(document, key) : { ...document, [key]: left };
  }
  const kept = list(value).flatMap((item) => {
    const owned = sub[`k:${itemKey(key, item) ?? ''}`];
    if (owned === undefined) return [item];
    const rest = removeFields(asJsonObject(item), asJsonObject(owned));
    return Object.keys(rest).length === 0 ? [] : [rest];
  });
  return kept.length === 0 ? without(document, key) : { ...document, [key]: kept };
}

function mergeConfig(document: Json, config: Json): Json {
  let merged = document;
  for (const [key, value] of Object.entries(config)) {
    merged = { ...merged, [key]: mergeValue(key, merged[key], value) };
  }
  return merged;
}

function mergeValue(name: string, old: unknown, value: unknown): unknown {
  if (isJsonObject(value)) return mergeConfig(asJsonObject(old), value);
  const items = list(value);
  if (items.length === 0 || items.some((item) => itemKey(name, item) === undefined)) return value;
  const merged = [...list(old)];
  for (const item of items) {
    const at = merged.findIndex((one) => itemKey(name, one) === itemKey(name, item));
    if (at < 0) merged.push(item);
    else merged[at] = mergeConfig(asJsonObject(merged[at]), asJsonObject(item));
  }
  return merged;
}
