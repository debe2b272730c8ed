// SPDX-License-Identifier: Apache-2.0
import {
  isJsonObject,
  list,
  asJsonObject,
  same,
  text,
  type Json,
  type StoredObject,
} from '../json.ts';
import { desired } from './definition.ts';
import { itemKey } from './merge-patch.ts';

/** The fields of one manager, in the form of `fieldsV1`. An empty object owns the field itself. */
export type FieldTree = Json;

/** The fields that a document sets. Lists without identities count as one field. */
export function fieldsOf(document: Json): FieldTree {
  return Object.fromEntries(
    Object.entries(document).map(([key, value]) => [`f:${key}`, treeOf(key, value)]),
  );
}

function treeOf(name: string, value: unknown): FieldTree {
  if (isJsonObject(value)) return fieldsOf(value);
  const items = list(value);
  const keys = items.map((item) => itemKey(name, item));
  if (items.length === 0 || keys.includes(undefined)) return {};
  return Object.fromEntries(
    items.map((item, at) => [`k:${keys[at] ?? ''}`, fieldsOf(asJsonObject(item))]),
  );
}

/** The fields in which two documents differ. */
export function changedFields(old: Json, next: Json): FieldTree {
  const changed: Record<string, FieldTree> = {};
  for (const [key, value] of Object.entries(next)) {
    const before = old[key];
    if (same(before, value)) continue;
    changed[`f:${key}`] =
      isJsonObject(value) && isJsonObject(before)
        ? changedFields(before, value)
        : treeOf(key, value);
  }
  return changed;
}

export function mergeTrees(a: FieldTree, b: FieldTree): FieldTree {
  const merged: Record<string, unknown> = { ...a };
  for (const [key, sub] of Object.entries(b))
    merged[key] = mergeTrees(asJsonObject(a[key]), asJsonObject(sub));
  return merged;
}

/** `a` without the fields of `b`. */
export function subtractTree(a: FieldTree, b: FieldTree): FieldTree {
  const left: Record<string, unknown> = {};
  for (const [key, sub] of Object.entries(a)) {
    const other = b[key];
    if (other === undefined) left[key] = sub;
    else if (Object.keys(asJsonObject(sub)).length > 0) {
      const rest = subtractTree(asJsonObject(sub), asJsonObject(other));
      if (Object.keys(rest).length > 0) left[key] = rest;
    }
  }
  return left;
}

interface ManagerEntry {
  readonly manager: string;
  readonly operation: 'Apply' | 'Update';
  readonly apiVersion: string;
  readonly time: string;
  readonly fieldsType: 'FieldsV1';
  readonly fieldsV1: FieldTree;
  readonly subresource?: string;
}

export interface Authorship {
  readonly manager: string;
  readonly isApply: boolean;
  readonly subresource: string;
  readonly time: string;
  /** For apply: the applied fields. For updates they are found by comparison. */
  readonly applied?: FieldTree | undefined;
}

const body = (object: StoredObject | undefined): Json =>
  object === undefined
    ? {}
    : {
        metadata: {
          ...(object.metadata.labels === undefined ? {} : { labels: object.metadata.labels }),
          ...(object.metadata.annotations === undefined
            ? {}
            : { annotations: object.metadata.annotations }),
        },
        ...desired(object),
        ...(object['status'] === undefined ? {} : { status: object['status'] }),
      };

export const managersOf = (object: StoredObject | undefined): ManagerEntry[] =>
  list(object?.metadata.managedFields).filter(isJsonObject) as unknown as ManagerEntry[];

const isSameManager = (entry: ManagerEntry, by: Authorship): boolean =>
  entry.manager === by.manager &&
  (entry.operation === 'Apply') === by.isApply &&
  text(entry.subresource) === by.subresource;

/** Assigns the changed fields to the author, and removes them from other managers. */
export function recordAuthor(
  object: StoredObject,
  old: StoredObject | undefined,
  by: Authorship,
): StoredObject {
  const changed = changedFields(body(old), body(object));
  const entries = managersOf(object.metadata.managedFields === undefined ? old : object);
  const own = entries.find((entry) => isSameManager(entry, by));
  if (Object.keys(changed).length === 0 && by.applied === undefined) return object;
  const others = entries
    .filter((entry) => entry !== own)
    .map((entry) => ({ ...entry, fieldsV1: subtractTree(entry.fieldsV1, changed) }))
    .filter(({ fieldsV1 }) => Object.keys(fieldsV1).length > 0);
  const fieldsV1 = by.applied ?? mergeTrees(own?.fieldsV1 ?? {}, changed);
  const entry: ManagerEntry = {
    manager: by.manager,
    operation: by.isApply ? 'Apply' : 'Update',
    apiVersion: object.apiVersion,
    time: by.time,
    fieldsType: 'FieldsV1',
    fieldsV1,
    ...(by.subresource === '' ? {} : { subresource: by.subresource }),
  };
  return { ...object, metadata: { ...object.metadata, managedFields: [...others, entry] } };
}
