// SPDX-License-Identifier: Apache-2.0
import { GROUP, OBJECT_NAMES } from '@altershield/api';
import type { APIResource, KindDescriptor } from './adapter.ts';
import { ADAPTERS } from './registry.ts';

/** A rule of a Role or ClusterRole, in the Kubernetes shape. */
export interface PolicyRule {
  readonly apiGroups: readonly string[];
  readonly resources: readonly string[];
  readonly resourceNames?: readonly string[];
  readonly verbs: readonly string[];
}

const LIST_WATCH = ['list', 'watch'] as const;

const WEBHOOKS = {
  apiGroups: ['admissionregistration.k8s.io'],
  resources: ['mutatingwebhookconfigurations', 'validatingwebhookconfigurations'],
} as const;

const MUTATING_POLICIES = {
  apiGroups: ['admissionregistration.k8s.io'],
  resources: ['mutatingadmissionpolicies', 'mutatingadmissionpolicybindings'],
} as const;
const VALIDATING_POLICIES = {
  apiGroups: ['admissionregistration.k8s.io'],
  resources: ['validatingadmissionpolicies', 'validatingadmissionpolicybindings'],
} as const;

/** Cluster-wide permissions of the operator that do not depend on the kinds it follows. */
export const BASE_RULES: readonly PolicyRule[] = [
  { apiGroups: [''], resources: ['pods'], verbs: LIST_WATCH },
  { apiGroups: [''], resources: ['namespaces'], verbs: ['get', ...LIST_WATCH] },
  { apiGroups: [''], resources: ['events'], verbs: ['create', 'patch'] },
  { apiGroups: [GROUP], resources: ['changepolicies'], verbs: LIST_WATCH },
  {
    apiGroups: [GROUP],
    resources: ['changeworkloads'],
    verbs: [...LIST_WATCH, 'create', 'delete'],
  },
  { apiGroups: [GROUP], resources: ['changepods'], verbs: ['get', ...LIST_WATCH, 'create'] },
  {
    apiGroups: [GROUP],
    resources: ['changeapprovals', 'changechecks', 'metricsources'],
    verbs: LIST_WATCH,
  },
  {
    apiGroups: [GROUP],
    resources: [
      'changepolicies/status',
      'changeworkloads/status',
      'changepods/status',
      'changeapprovals/status',
      'metricsources/status',
    ],
    verbs: ['patch'],
  },
  // Asks at admission whether a user may approve.
  {
    apiGroups: ['authorization.k8s.io'],
    resources: ['subjectaccessreviews'],
    verbs: ['create'],
  },
  // Kubernetes cannot restrict `create` to a name; all other verbs are limited to AlterShield's
  // names.
  { ...WEBHOOKS, verbs: ['create'] },
  { ...WEBHOOKS, resourceNames: [OBJECT_NAMES.webhooks], verbs: ['get', ...LIST_WATCH, 'patch'] },
  { ...MUTATING_POLICIES, verbs: ['create'] },
  {
    ...MUTATING_POLICIES,
    resourceNames: [OBJECT_NAMES.clamp, OBJECT_NAMES.keep],
    verbs: ['get', ...LIST_WATCH, 'patch'],
  },
  { ...VALIDATING_POLICIES, verbs: ['create'] },
  {
    ...VALIDATING_POLICIES,
    resourceNames: [OBJECT_NAMES.clamp],
    verbs: ['get', ...LIST_WATCH, 'patch'],
  },
];

/** Permissions for one kind: for the roles, and for the check at startup. */
export function rulesOf({ resource, verbs, relatedResources }: KindDescriptor): PolicyRule[] {
  const own = Object.entries(verbs).map(([subresource, more]) =>
    subresource === ''
      ? rule(resource, [...LIST_WATCH, ...more])
      : rule({ ...resource, plural: `${resource.plural}/${subresource}` }, more),
  );
  const related = Object.values(relatedResources).map((each) =>
    rule(each.resource, [...LIST_WATCH, ...each.verbs]),
  );
  return [...own, ...related];
}

const rule = (
  { group, plural }: Pick<APIResource, 'group' | 'plural'>,
  verbs: readonly string[],
): PolicyRule => ({ apiGroups: [group], resources: [plural], verbs });

/** Merges to one rule per resource: several kinds may need the same one. */
function merged(rules: readonly PolicyRule[]): PolicyRule[] {
  const known = new Map<string, PolicyRule>();
  for (const each of rules) {
    const key = JSON.stringify([each.apiGroups, each.resources, each.resourceNames]);
    const verbs = [...new Set([...(known.get(key)?.verbs ?? []), ...each.verbs])];
    known.set(key, { ...each, verbs });
  }
  return [...known.values()];
}

/**
 * Cluster-wide permissions of the operator: only verbs that it uses, no wildcards. The installed
 * roles and the check at startup both use this list.
 */
export const OPERATOR_RULES: readonly PolicyRule[] = merged([
  ...BASE_RULES,
  ...ADAPTERS.flatMap(({ descriptor }) => rulesOf(descriptor)),
]);

const LEASES = { apiGroups: ['coordination.k8s.io'], resources: ['leases'] } as const;
const SECRETS = { apiGroups: [''], resources: ['secrets'] } as const;

/** Permissions in the operator's namespace: leader election, certificates and the signing key. */
export const OWN_NAMESPACE_RULES: readonly PolicyRule[] = [
  { ...LEASES, verbs: ['create'] },
  { ...LEASES, resourceNames: [OBJECT_NAMES.lease], verbs: ['get', 'patch'] },
  { ...SECRETS, verbs: ['create'] },
  {
    ...SECRETS,
    resourceNames: [OBJECT_NAMES.certificates],
    verbs: ['get', ...LIST_WATCH, 'patch'],
  },
  {
    ...SECRETS,
    resourceNames: [OBJECT_NAMES.seal, OBJECT_NAMES.metricSources],
    verbs: ['get'],
  },
];
