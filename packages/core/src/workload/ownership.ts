// SPDX-License-Identifier: Apache-2.0
import { FIELD_MANAGER } from '@altershield/api';
import { canonical } from '../json/canonical.ts';
import { pointer, type PatchOp } from '../json/patch.ts';
import { asRecord, isMap } from '../json/json.ts';
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
  const template = asRecord(asRecord(applied)['spec'])['template'];
  if (managers.length === 0 && template === undefined) return undefined;
  const text = JSON.stringify({
    managers,
    ...(template === undefined ? {} : { applied: template }),
  });
  return text.length > MAX_LENGTH ? undefined : text;
}

/** Managed fields belong to a manager, its operation and its subresource. */
const keyOf = (entry: unknown): string => {
  const { manager, operation, subresource = '', apiVersion } = asRecord(entry);
  return canonical([manager, operation, subresource, apiVersion]);
};

const fieldsOf = (entry: unknown): Json => asRecord(asRecord(entry)['fieldsV1']);
const templateOf = (entry: unknown): unknown => asRecord(fieldsOf(entry)['f:spec'])['f:template'];

function appliedOf(text: string | undefined): Json | undefined {
  try {
    const value: unknown = text === undefined ? undefined : JSON.parse(text);
    return isMap(value) ? value : undefined;
  } catch {
    return undefined;
  }
}

/**
 * The second write of a rollback, of metadata alone: managers own of the template what they owned
 * when it was verified, the operator owns nothing of it, and kubectl finds the manifest of then as the
 * last one applied. So the next apply conflicts with nobody, and removes what it no longer has.
 *
 * @param live the Deployment as it is now, with all of its managed fields
 * @param text what `ownershipOf` gave when the revision was seen first
 */
export function restoreOwnership(live: WorkloadObject, text: string): PatchOp[] {
  const saved = parse(text);
  if (saved === undefined) return [];
  const { managedFields = [], annotations, resourceVersion, uid } = live.metadata;
  const restored = managersOf(managedFields, saved);
  const applied = appliedText(annotations?.[LAST_APPLIED], saved.applied);
  const ops: PatchOp[] = [
    ...(canonical(restored) === canonical(managedFields)
      ? []
      : [{ op: 'replace', path: '/metadata/managedFields', value: restored } as const]),
    ...(applied === undefined
      ? []
      : [
          {
            op: 'replace',
            path: pointer('metadata', 'annotations', LAST_APPLIED),
            value: applied,
          } as const,
        ]),
  ];
  if (ops.length === 0) return [];
  return [
    { op: 'test', path: '/metadata/uid', value: uid },
    { op: 'test', path: '/metadata/resourceVersion', value: resourceVersion },
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
  const isApplied = is.applied === undefined || canonical(is.applied) === canonical(was.applied);
  return isApplied && canonical(byKey(is.managers)) === canonical(byKey(others));
}

/** The API server sorts managers by the time of their last write. */
const byKey = (managers: Ownership['managers']): Ownership['managers'] =>
  [...managers].sort((a, b) => (a.key < b.key ? -1 : 1));

const managerOf = (key: string): unknown => (JSON.parse(key) as unknown[])[0];

function parse(text: string): Ownership | undefined {
  const value = appliedOf(text);
  if (value === undefined || !Array.isArray(value['managers'])) return undefined;
  const managers = value['managers'].map((m: unknown) => {
    const { key, template } = asRecord(m);
    return { key: String(key), template };
  });
  return { managers, ...('applied' in value ? { applied: value['applied'] } : {}) };
}

function managersOf(managedFields: readonly unknown[], { managers }: Ownership): unknown[] {
  const left = new Map(managers.map(({ key, template }) => [key, template]));
  const kept = managedFields.flatMap((entry) => {
    const key = keyOf(entry);
    const template = left.get(key);
    left.delete(key);
    const fields = withTemplate(fieldsOf(entry), isOwn(entry) ? undefined : template);
    return Object.keys(fields).length === 0 ? [] : [{ ...asRecord(entry), fieldsV1: fields }];
  });
  // A manager that has nothing any more but what it had of the template.
  const gone = [...left].flatMap(([key, template]) => {
    const [manager, operation, subresource, apiVersion] = JSON.parse(key) as string[];
    if (manager === FIELD_MANAGER) return [];
    const entry = { manager, operation, apiVersion, fieldsType: 'FieldsV1' };
    const fieldsV1 = { 'f:spec': { 'f:template': template } };
    return [{ ...entry, ...(subresource === '' ? {} : { subresource }), fieldsV1 }];
  });
  return [...kept, ...gone];
}

const isOwn = (entry: unknown): boolean => asRecord(entry)['manager'] === FIELD_MANAGER;

function withTemplate(fields: Json, template: unknown): Json {
  const { 'f:spec': spec, ...rest } = fields;
  const { 'f:template': _, ...others } = asRecord(spec);
  const next = template === undefined ? others : { ...others, 'f:template': template };
  return Object.keys(next).length === 0 ? rest : { ...rest, 'f:spec': next };
}

/** The manifest of the denied apply, with the template that was verified: all else of it stays as applied. */
function appliedText(text: string | undefined, template: unknown): string | undefined {
  const manifest = appliedOf(text);
  if (manifest === undefined || template === undefined) return undefined;
  const next = { ...manifest, spec: { ...asRecord(manifest['spec']), template } };
  return canonical(next) === canonical(manifest) ? undefined : `${JSON.stringify(next)}\n`;
}
