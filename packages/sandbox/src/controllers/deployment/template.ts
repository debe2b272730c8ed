// SPDX-License-Identifier: Apache-2.0
import { NAME_LETTERS } from '../../api-server/util.ts';
import { canonicalJson, same, without } from '../../json.ts';
import type { PodTemplate } from '../types.ts';

export const HASH_LABEL = 'pod-template-hash';

const labelsWithoutHash = ({ metadata }: PodTemplate) => without(metadata.labels ?? {}, HASH_LABEL);

/** Whether two templates make the same pods; the hash label does not count. */
export const isSameTemplate = (a: PodTemplate, b: PodTemplate): boolean =>
  same(
    { ...a, metadata: { ...a.metadata, labels: labelsWithoutHash(a) } },
    { ...b, metadata: { ...b.metadata, labels: labelsWithoutHash(b) } },
  );

/** A short hash of a template; the real controller computes another one, so no test may rely on it. */
export function templateHash(template: PodTemplate, collisions: number): string {
  let hash = 0x811c9dc5 ^ collisions;
  for (const character of canonicalJson(template)) {
    hash = Math.imul(hash ^ (character.codePointAt(0) ?? 0), 0x01000193) >>> 0;
  }
  const digits = String(hash).padStart(10, '0');
  return Array.from(
    digits,
    (digit) => NAME_LETTERS[digit.charCodeAt(0) % NAME_LETTERS.length],
  ).join('');
}
