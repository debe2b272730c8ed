// SPDX-License-Identifier: Apache-2.0
import { sha256 } from '@noble/hashes/sha2.js';
import { bytesToHex, utf8ToBytes } from '@noble/hashes/utils.js';
import { asRecord, type Template } from '../workload/types.ts';

/** JSON with sorted keys and without nulls: equal values give equal text. */
export function canonical(value: unknown): string {
  if (typeof value !== 'object' || value === null) {
    return value === undefined ? 'null' : JSON.stringify(value);
  }
  return Array.isArray(value) ? canonicalList(value) : canonicalMap(value);
}

const canonicalList = (items: readonly unknown[]): string => `[${items.map(canonical).join(',')}]`;

/** Called for every template of every review: a loop over keys costs half of what pairs would. */
function canonicalMap(map: object): string {
  const fields: Readonly<Record<string, unknown>> = { ...map };
  let text = '';
  for (const key of Object.keys(fields).sort()) {
    const value = fields[key];
    if (value === null || value === undefined) continue;
    text += `${text === '' ? '' : ','}${JSON.stringify(key)}:${canonical(value)}`;
  }
  return `{${text}}`;
}

/** Hex digits of SHA-256 that identify a template; 64 bits are plenty within one workload. */
const LENGTH = 16;
const HASH_LABEL = 'pod-template-hash';
const RESTARTED_AT = 'kubectl.kubernetes.io/restartedAt';

export const digest = (text: string): string =>
  bytesToHex(sha256(utf8ToBytes(text))).slice(0, LENGTH);

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
  if (typeof a !== 'object' || typeof b !== 'object') return (a ?? null) === (b ?? null);
  if (a === null || b === null || Array.isArray(a) !== Array.isArray(b)) return false;
  const left: Readonly<Record<string, unknown>> = { ...a };
  const right: Readonly<Record<string, unknown>> = { ...b };
  const fields = (of: Readonly<Record<string, unknown>>): string[] =>
    Object.keys(of).filter((key) => of[key] !== null && of[key] !== undefined);
  const keys = fields(left);
  return (
    keys.length === fields(right).length && keys.every((key) => isEqual(left[key], right[key]))
  );
}

/** The template as its author knows it: without what the Deployment controller adds. */
export function bare(template: Template): Template {
  const { labels, ...metadata } = asRecord(template['metadata']);
  const { [HASH_LABEL]: _, ...own } = asRecord(labels);
  const kept = Object.keys(own).length === 0 ? metadata : { ...metadata, labels: own };
  return { ...template, metadata: kept };
}

/** True when nothing but the restart mark differs. */
export const isRestart = (from: Template, to: Template): boolean =>
  refusalFingerprint(from) === refusalFingerprint(to);
