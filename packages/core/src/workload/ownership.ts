// SPDX-License-Identifier: Apache-2.0
import { FIELD_MANAGER } from '@altershield/api';
import { canonicalJson } from '../json/canonical.ts';
import { toJsonPointer, type PatchOp } from '../json/patch.ts';
import { asJsonObject, isJsonObject } from '../json/json.ts';
import type { WorkloadObject } from '../json/objects.ts';

/** kubectl's copy of the last applied manifest, which tells it what a later manifest removes. */
const LAST_APPLIED = 'kubectl.kubernetes.io/last-applied-configuration';

/** Longer ownership is not stored: a rollback then restores only the template. */
const MAX_LENGTH = 65_536;

type Json = Readonly<Record<string, unknown>>;

/** Fields of a template by manager, and the template that kubectl applied last. */
interface Ownership {
  readonly managers: readonly { readonly key: string; readonly template: unknown }[];
  readonly applied?: unknown;
}

const POD_TEMPLATE = '/spec/template';

/** The field of the spec that has the content of a revision: `template`, or `jobTemplate`. */
const fieldOf = (revisionPath: string): string => revisionPath.slice('/spec/'.length);

/**
 * Field ownership of a workload's template, as JSON: for each manager, the subtree
 * `f:spec.f:template` of its managed fields, and `.spec.template` of the last applied manifest.
 * Undefined when nothing is known, or when it is too long.
 */
export function ownershipOf(
  { metadata }: WorkloadObject,
  revisionPath = POD_TEMPLATE,
): string | undefined {
  const field = fieldOf(revisionPath);
  const managers = (metadata.managedFields ?? []).flatMap((entry) => {
    const template = templateOf(entry, field);
    return template === undefined ? [] : [{ key: keyOf(entry), template }];
  });
  const applied = appliedOf(metadata.annotations?.[LAST_APPLIED]);
  const template = asJsonObject(asJsonObject(applied)['spec'])[field];
  if (managers.length === 0 && template === undefined) return undefined;
  const text = JSON.stringify({
    managers,
    ...(template === undefined ? {} : { applied: template }),
  });
  return text.length > MAX_LENGTH ? undefined : text;
}

/** Managed fields belong to a manager, its operation, its subresource and an API version. */
const keyOf = (entry: unknown): string => {
  const { manager, operation, subresource = '', apiVersion } = asJsonObject(entry);
  return canonicalJson([manager, operation, subresource, apiVersion]);
};

const fieldsOf = (entry: unknown): Json => asJsonObject(asJsonObject(entry)['fieldsV1']);
const templateOf = (entry: unknown, field: string): unknown =>
  asJsonObject(fieldsOf(entry)['f:spec'])[`f:${field}`];

function appliedOf(text: string | undefined): Json | undefined {
  try {
    const value: unknown = text === undefined ? undefined : JSON.parse(text);
    return isJsonObject(value) ? value : undefined;
  } catch {
    return undefined;
  }
}

/**
 * The last write of a rollback, to metadata only. It restores the managers that owned the template
 * when it was verified, removes the operator's ownership, and restores kubectl's last applied
 * template. The next apply then causes no conflicts, and removes the fields that it no longer has.
 *
 * @param live the workload as it is now, with all of its managed fields
 * @param text what `ownershipOf` returned when the revision was first observed
 */
export function restoreOwnership(
  live: WorkloadObject,
  text: string,
  revisionPath = POD_TEMPLATE,
): PatchOp[] {
  const field = fieldOf(revisionPath);
  const saved = parse(text);
  if (saved === undefined) return [];
  const { managedFields = [], annotations, generation = 0, uid } = live.metadata;
  const ops = [
    ...managersOps(managedFields, saved, field),
    ...appliedOps(annotations?.[LAST_APPLIED], saved.applied, field),
  ];
  if (ops.length === 0) return [];
  return [
    { op: 'test', path: '/metadata/uid', value: uid },
    // The generation changes with the spec, not with the status that the controller writes
    // meanwhile.
    { op: 'test', path: '/metadata/generation', value: generation },
    ...ops,
  ];
}

/**
 * Whether a rollback has no ownership left to restore.
 *
 * @param now what `ownershipOf` returns for the current workload; undefined: not known
 * @param wanted the same for the verified revision
 */
export function isRestored(now: string | undefined, wanted: string): boolean {
  const [is, was] = [now, wanted].map((text) => (text === undefined ? undefined : parse(text)));
  if (is === undefined || was === undefined) return true;
  const others = was.managers.filter(({ key }) => managerOf(key) !== FIELD_MANAGER);
  // A client that applies server-side no longer has a last applied manifest.
  const isApplied =
    is.applied === undefined || canonicalJson(is.applied) === canonicalJson(was.applied);
  return isApplied && canonicalJson(byKey(is.managers)) === canonicalJson(byKey(others));
}

/** Ignore order: the API server sorts managers by the time of their last write. */
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
 * Patches each changed entry, after a test that it is still as it was read. In reverse order,
 * because removing an entry moves the entries after it.
 */
function managersOps(
  managedFields: readonly unknown[],
  { managers }: Ownership,
  field: string,
): PatchOp[] {
  const left = new Map(managers.map(({ key, template }) => [key, template]));
  const changed = managedFields.map((entry, index) => {
    const key = keyOf(entry);
    const template = left.get(key);
    left.delete(key);
    const path = toJsonPointer('metadata', 'managedFields', `${index}`);
    return entryOps(entry, isOwn(entry) ? undefined : template, { path, field });
  });
  // Managers whose entry is gone because they only owned fields of the template.
  const gone = [...left].flatMap(([key, template]): PatchOp[] => {
    const [manager, operation, subresource, apiVersion] = JSON.parse(key) as string[];
    if (manager === FIELD_MANAGER) return [];
    const entry = { manager, operation, apiVersion, fieldsType: 'FieldsV1' };
    const fieldsV1 = { 'f:spec': { [`f:${field}`]: template } };
    const value = { ...entry, ...(subresource === '' ? {} : { subresource }), fieldsV1 };
    return [{ op: 'add', path: '/metadata/managedFields/-', value }];
  });
  return [...changed.reverse().flat(), ...gone];
}

function entryOps(
  entry: unknown,
  template: unknown,
  { path, field }: { readonly path: string; readonly field: string },
): PatchOp[] {
  if (canonicalJson(template) === canonicalJson(templateOf(entry, field))) return [];
  const fields = withTemplate(fieldsOf(entry), template, field);
  const change: PatchOp =
    Object.keys(fields).length === 0
      ? { op: 'remove', path }
      : { op: 'replace', path, value: { ...asJsonObject(entry), fieldsV1: fields } };
  return [{ op: 'test', path, value: entry }, change];
}

const isOwn = (entry: unknown): boolean => asJsonObject(entry)['manager'] === FIELD_MANAGER;

function withTemplate(fields: Json, template: unknown, field: string): Json {
  const { 'f:spec': spec, ...rest } = fields;
  const { [`f:${field}`]: _, ...others } = asJsonObject(spec);
  const next = template === undefined ? others : { ...others, [`f:${field}`]: template };
  return Object.keys(next).length === 0 ? rest : { ...rest, 'f:spec': next };
}

/**
 * Restores the verified template in the last applied manifest; the rest of the manifest stays as
 * applied.
 */
function appliedOps(text: string | undefined, template: unknown, field: string): PatchOp[] {
  const manifest = appliedOf(text);
  if (manifest === undefined || template === undefined) return [];
  const next = { ...manifest, spec: { ...asJsonObject(manifest['spec']), [field]: template } };
  if (canonicalJson(next) === canonicalJson(manifest)) return [];
  const path = toJsonPointer('metadata', 'annotations', LAST_APPLIED);
  return [
    { op: 'test', path, value: text },
    { op: 'replace', path, value: `${JSON.stringify(next)}\n` },
  ];
}
