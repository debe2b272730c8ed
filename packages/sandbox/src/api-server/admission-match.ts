// SPDX-License-Identifier: Apache-2.0
import { isJsonObject, list, text, type Json, type StoredObject } from '../json.ts';
import type { AdmissionAttributes } from './call.ts';
import { compileLabelSelector, type Labels } from './selectors.ts';

const has = (values: unknown, wanted: string): boolean =>
  list(values).some((value) => value === '*' || value === wanted);

/** Whether a webhook's rules and selectors choose this write; `matchConditions` come later. */
export function isSelected(
  webhook: Json,
  attributes: AdmissionAttributes,
  namespace: StoredObject | undefined,
): boolean {
  return (
    list(webhook['rules']).some((rule) => isJsonObject(rule) && matchesRule(rule, attributes)) &&
    matchesNamespace(webhook, attributes, namespace) &&
    matchesObject(webhook, attributes)
  );
}

function matchesRule(rule: Json, { call, operation }: AdmissionAttributes): boolean {
  const { group, version, plural, namespaced } = call.definition.resource;
  const scope = text(rule['scope']);
  return (
    has(rule['operations'], operation) &&
    has(rule['apiGroups'], group) &&
    has(rule['apiVersions'], version) &&
    (scope === '*' || scope === (namespaced ? 'Namespaced' : 'Cluster')) &&
    list(rule['resources']).some((one) => matchesResource(text(one), plural, call.subresource))
  );
}

function matchesResource(pattern: string, plural: string, subresource: string): boolean {
  const [resource, sub = ''] = pattern.split('/');
  if (pattern === '*/*') return true;
  return (resource === '*' || resource === plural) && (sub === '*' || sub === subresource);
}

/** Cluster-wide objects pass every namespaceSelector, except namespaces, which answer for themselves. */
function matchesNamespace(
  webhook: Json,
  { call, object, oldObject }: AdmissionAttributes,
  namespace: StoredObject | undefined,
): boolean {
  const { namespaced, kind } = call.definition.resource;
  const judged = kind === 'Namespace' ? (object ?? oldObject) : namespace;
  if (!namespaced && kind !== 'Namespace') return true;
  return compileLabelSelector(webhook['namespaceSelector'])(labelsOf(judged));
}

function matchesObject(webhook: Json, { object, oldObject }: AdmissionAttributes): boolean {
  const matches = compileLabelSelector(webhook['objectSelector']);
  return [object, oldObject].some((one) => one !== undefined && matches(labelsOf(one)));
}

const labelsOf = (object: StoredObject | undefined): Labels => object?.metadata.labels ?? {};
