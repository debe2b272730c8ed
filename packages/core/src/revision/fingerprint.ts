// SPDX-License-Identifier: Apache-2.0
import { asJsonObject } from '../json/json.ts';
import type { Template } from '../json/objects.ts';
import { canonicalJson, shortHash, isEqual } from '../json/canonical.ts';

/** The Deployment controller adds this label to the template of a ReplicaSet. */
export const POD_TEMPLATE_HASH = 'pod-template-hash';
const RESTARTED_AT = 'kubectl.kubernetes.io/restartedAt';

/** Caches the result for an immutable object for as long as the object lives. */
function memoize(compute: (template: Template) => string): (template: Template) => string {
  const known = new WeakMap<Template, string>();
  return (template) => {
    const before = known.get(template);
    if (before !== undefined) return before;
    const made = compute(template);
    known.set(template, made);
    return made;
  };
}

/**
 * Computes the identity of a pod template, the same on a Deployment and on its ReplicaSet. Tests
 * replace it.
 */
export type FingerprintOf = (template: Template) => string;

export const fingerprint = memoize((template) =>
  shortHash(canonicalJson(withoutTemplateHash(template))),
);

/**
 * Identity for quarantines: a restart annotation alone does not make a quarantined template new.
 */
export const quarantineKey = memoize((template) => {
  const { metadata, ...rest } = template;
  const { annotations, ...others } = asJsonObject(metadata);
  const { [RESTARTED_AT]: mark, ...kept } = asJsonObject(annotations);
  if (mark === undefined) return fingerprint(template);
  const isEmpty = Object.keys(kept).length === 0;
  const added = isEmpty ? others : { ...others, annotations: kept };
  return fingerprint({ ...rest, metadata: added });
});

/** Whether two templates are the same revision; much cheaper than comparing fingerprints. */
export const isSameTemplate = (a: Template, b: Template): boolean =>
  isEqual(withoutTemplateHash(a), withoutTemplateHash(b));

/** The template as the user wrote it: without the label that the Deployment controller adds. */
export function withoutTemplateHash(template: Template): Template {
  const { labels, ...metadata } = asJsonObject(template['metadata']);
  const { [POD_TEMPLATE_HASH]: _, ...own } = asJsonObject(labels);
  const kept = Object.keys(own).length === 0 ? metadata : { ...metadata, labels: own };
  return { ...template, metadata: kept };
}
