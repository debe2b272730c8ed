// SPDX-License-Identifier: Apache-2.0
import { asRecord, isMap, type Template } from '../workload/types.ts';
import { sha256Hex } from './sha256.ts';

type Fields = Readonly<Record<string, unknown>>;

/** JSON with sorted keys and without nulls in maps: equal values give equal text. */
export const canonical = (value: unknown): string => JSON.stringify(sorted(value ?? null));

/** A sorted copy and one call into the engine cost a third of writing the text piece by piece. */
function sorted(value: unknown): unknown {
  if (isMap(value)) return sortedMap(value);
  return Array.isArray(value) ? value.map(sorted) : value;
}

function sortedMap(map: Fields): object {
  const copy: Record<string, unknown> = {};
  for (const key of Object.keys(map).sort()) {
    const value = map[key];
    if (value === null || value === undefined) continue;
    if (key === '__proto__')
      Object.defineProperty(copy, key, { value: sorted(value), enumerable: true });
    else copy[key] = sorted(value);
  }
  return copy;
}

/** Hex digits of SHA-256 that identify a template; 64 bits are plenty within one workload. */
const LENGTH = 16;
const HASH_LABEL = 'pod-template-hash';
const RESTARTED_AT = 'kubectl.kubernetes.io/restartedAt';

export const digest = (text: string): string => sha256Hex(text).slice(0, LENGTH);

/** Remembers what a function of an immutable object gave, as long as the object lives. */
function remembering(compute: (template: Template) => string): (template: Template) => string {
  const known = new WeakMap<Template, string>();
  return (template) => {
    const before = known.get(template);
    if (before !== undefined) return before;
    const made = compute(template);
    known.set(template, made);
    return made;
  };
}

/** Identity of a pod template, the same on a Deployment and on its ReplicaSet. */
export const fingerprint = remembering((template) => digest(canonical(bare(template))));

/** Identity for refusals: a restart mark alone does not make a refused template a new one. */
export const refusalFingerprint = remembering((template) => {
  const { metadata, ...rest } = template;
  const { annotations, ...others } = asRecord(metadata);
  const { [RESTARTED_AT]: mark, ...kept } = asRecord(annotations);
  if (mark === undefined) return fingerprint(template);
  const isEmpty = Object.keys(kept).length === 0;
  const marks = isEmpty ? others : { ...others, annotations: kept };
  return fingerprint({ ...rest, metadata: marks });
});

/** Whether two templates are one revision; far cheaper than their fingerprints. */
export const isSameTemplate = (a: Template, b: Template): boolean => isEqual(bare(a), bare(b));

/** Equality of JSON values in which a null field is an absent one. */
function isEqual(a: unknown, b: unknown): boolean {
  if (a === b) return true;
  if (isMap(a)) return isMap(b) && isEqualMap(a, b);
  if (Array.isArray(a) && Array.isArray(b)) {
    return a.length === b.length && a.every((item, index) => isEqual(item, b[index]));
  }
  return (a ?? null) === (b ?? null);
}

function isEqualMap(a: Fields, b: Fields): boolean {
  const isMissing = (key: string): boolean => !Object.hasOwn(a, key) && (b[key] ?? null) !== null;
  return (
    Object.keys(a).every((key) => isEqual(a[key], Object.hasOwn(b, key) ? b[key] : undefined)) &&
    !Object.keys(b).some(isMissing)
  );
}

/** The template as its author knows it: without what the Deployment controller adds. */
export function bare(template: Template): Template {
  const { labels, ...metadata } = asRecord(template['metadata']);
  const { [HASH_LABEL]: _, ...own } = asRecord(labels);
  const kept = Object.keys(own).length === 0 ? metadata : { ...metadata, labels: own };
  return { ...template, metadata: kept };
}
