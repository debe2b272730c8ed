// SPDX-License-Identifier: Apache-2.0
import { FIELD_MANAGER } from '@altershield/api';
import { canonicalJson } from '../json/canonical.ts';
import { toJsonPointer, type PatchOp } from '../json/patch.ts';
import { asJsonObject, isJsonObject } from '../json/json.ts';
import type { WorkloadObject } from '../json/objects.ts';

/** kubectl's copy of the manifest that it applied last, by which it knows what a later one leaves out. */
const LAST_APPLIED = 'kubectl.kubernetes.io/last-applied-configuration';

/** More than this is not kept: a rollback then restores the template alone. */
const MAX_LENGTH = 65_536;

type Json = Readonly<Record<string, unknown>>;

/** Which manager owns what of a template, and the template as kubectl applied it. */
interface Ownership {
  readonly managers: readonly { readonly key: string; readonly template: unknown }[];
  readonly applied?: unknown;
}

/**
 * Whose fields a Deployment's template is made of, as JSON: of each manager the subtree
 * `f:spec.f:template` of its managed fields, and `.spec.template` of the last applied manifest.
 * Undefined when nothing is known, or when it is too long.
 */
export function ownershipOf({ metadata }: WorkloadObject): string | undefined {
  const managers = (metadata.managedFields ?? []).flatMap((entry) => {
    const template = templateOf(entry);
    return template === undefined ? [] : [{ key: keyOf(entry), template }];
  });
  const applied = appliedOf(metadata.annotations?.[LAST_APPLIED]);
  const template = asJsonObject(asJsonObject(applied)['spec'])['template'];
  if (managers.length === 0 && template === undefined) return undefined;
  const text = JSON.stringify({
    managers,
    ...(template === undefined ? {} : { applied: template }),
  });
  return text.length > MAX_LENGTH ? undefined : text;
}

/** Managed fields belong to a manager, its operation and its subresource. */
const keyOf = (entry: unknown): string => {
  const { manager, operation, subresource = '', apiVersion } = asJsonObject(entry);
  return canonicalJson([manager, operation, subresource, apiVersion]);
};

const fieldsOf = (entry: unknown): Json => asJsonObject(asJsonObject(entry)['fieldsV1']);
const templateOf = (entry: unknown): unknown =>
  asJsonObject(fieldsOf(entry)['f:spec'])['f:template'];

function appliedOf(text: string | undefined): Json | undefined {
  try {
    const value: unknown = text === undefined ? undefined : JSON.parse(text);
    return isJsonObject(value) ? value : undefined;
  } catch {
    return undefined;
  }
}

/**
 * The last write of a rollback, of metadata alone: managers own of the template what they owned
 * when it was verified, the operator owns nothing of it, and kubectl finds the manifest of then as the
 * last one applied. So the next apply conflicts with nobody, and removes what it no longer has.
 *
 * @param live the Deployment as it is now, with all of its managed fields
 * @param text what `ownershipOf` gave when the revision was seen first
 */
export function restoreOwnership(live: WorkloadObject, text: string): PatchOp[] {
  const saved = parse(text);
  if (saved === undefined) return [];
  const { managedFields = [], annotations, generation = 0, uid } = live.metadata;
  const ops = [
    ...managersOps(managedFields, saved),
    ...appliedOps(annotations?.[LAST_APPLIED], saved.applied),
  ];
  if (ops.length === 0) return [];
  return [
    { op: 'test', path: '/metadata/uid', value: uid },
    // It moves with the template, and not with the status, which the controller writes meanwhile.
    { op: 'test', path: '/metadata/generation', value: generation },
    ...ops,
  ];
}

/**
 * Whether a rollback has nothing left to restore.
 *
 * @param now what `ownershipOf` gives of the Deployment as it is; undefined: not known
 * @param wanted the same of the revision that was verified
 */
export function isRestored(now: string | undefined, wanted: string): boolean {
  const [is, was] = [now, wanted].map((text) => (text === undefined ? undefined : parse(text)));
  if (is === undefined || was === undefined) return true;
  const others = was.managers.filter(({ key }) => managerOf(key) !== FIELD_MANAGER);
  // Who applies on the server's side has no manifest of kubectl any more.
  const isApplied =
    is.applied === undefined || canonicalJson(is.applied) === canonicalJson(was.applied);
  return isApplied && canonicalJson(byKey(is.managers)) === canonicalJson(byKey(others));
}

/** The API server sorts managers by the time of their last write. */
const byKey = (managers: Ownership['managers']): Ownership['managers'] =>
  [...managers].sort((a, b) => (a.key < b.key ? -1 : 1));

const managerOf = (key: string): unknown => (JSON.parse(key) as unknown[])[0];

function parse(text: string): Ownership | undefined {
  const value = appliedOf(text);
  if (value === undefined || !Array.isArray(value['managers'])) return undefined;
  const managers = value['managers'].map((m: unknown) => {
    const { key, template } = asJsonObject(m);
    return { key: String(key), template };
  });
  return { managers, ...('applied' in value ? { applied: value['applied'] } : {}) };
}

/**
 * Each entry that changes, and no other, if it is still what was read. The last ones come first: a
 * removed entry moves those behind it.
 */
function managersOps(managedFields: readonly unknown[], { managers }: Ownership): PatchOp[] {
  const left = new Map(managers.map(({ key, template }) => [key, template]));
  const changed = managedFields.map((entry, index) => {
    const key = keyOf(entry);
    const template = left.get(key);
    left.delete(key);
    const path = toJsonPointer('metadata', 'managedFields', `${index}`);
    return entryOps(entry, isOwn(entry) ? undefined : template, path);
  });
  // A manager that has nothing any more but what it had of the template.
  const gone = [...left].flatMap(([key, template]): PatchOp[] => {
    const [manager, operation, subresource, apiVersion] = JSON.parse(key) as string[];
    if (manager === FIELD_MANAGER) return [];
    const entry = { manager, operation, apiVersion, fieldsType: 'FieldsV1' };
    const fieldsV1 = { 'f:spec': { 'f:template': template } };
    const value = { ...entry, ...(subresource === '' ? {} : { subresource }), fieldsV1 };
    return [{ op: 'add', path: '/metadata/managedFields/-', value }];
  });
  return [...changed.reverse().flat(), ...gone];
}

function entryOps(entry: unknown, template: unknown, path: string): PatchOp[] {
  if (canonicalJson(template) === canonicalJson(templateOf(entry))) return [];
  const fields = withTemplate(fieldsOf(entry), template);
  const change: PatchOp =
    Object.keys(fields).length === 0
      ? { op: 'remove', path }
      : { op: 'replace', path, value: { ...asJsonObject(entry), fieldsV1: fields } };
  return [{ op: 'test', path, value: entry }, change];
}

const isOwn = (entry: unknown): boolean => asJsonObject(entry)['manager'] === FIELD_MANAGER;

function withTemplate(fields: Json, template: unknown): Json {
  const { 'f:spec': spec, ...rest } = fields;
  const { 'f:template': _, ...others } = asJsonObject(spec);
  const next = template === undefined ? others : { ...others, 'f:template': template };
  return Object.keys(next).length === 0 ? rest : { ...rest, 'f:spec': next };
}

/** The manifest of the denied apply, with the template that was verified: all else of it stays as applied. */
function appliedOps(text: string | undefined, template: unknown): PatchOp[] {
  const manifest = appliedOf(text);
  if (manifest === undefined || template === undefined) return [];
  const next = { ...manifest, spec: { ...asJsonObject(manifest['spec']), template } };
  if (canonicalJson(next) === canonicalJson(manifest)) return [];
  const path = toJsonPointer('metadata', 'annotations', LAST_APPLIED);
  return [
    { op: 'test', path, value: text },
    { op: 'replace', path, value: `${JSON.stringify(next)}\n` },
  ];
}
