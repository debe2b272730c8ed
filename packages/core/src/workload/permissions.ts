// SPDX-License-Identifier: Apache-2.0
import { GROUP, OWN } from '@altershield/api';
import type { APIResource, KindDescriptor } from './adapter.ts';
import { ADAPTERS } from './registry.ts';

/** A rule of a Role or ClusterRole, as Kubernetes has it. */
export interface PolicyRule {
  readonly apiGroups: readonly string[];
  readonly resources: readonly string[];
  readonly resourceNames?: readonly string[];
  readonly verbs: readonly string[];
}

const FOLLOW = ['list', 'watch'] as const;

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

/** What the operator may do in the whole cluster, whatever kinds it follows. */
export const BASE_RULES: readonly PolicyRule[] = [
  { apiGroups: [''], resources: ['pods'], verbs: FOLLOW },
  { apiGroups: [''], resources: ['namespaces'], verbs: ['get', ...FOLLOW] },
  { apiGroups: [''], resources: ['events'], verbs: ['create', 'patch'] },
  { apiGroups: [GROUP], resources: ['changepolicies'], verbs: FOLLOW },
  { apiGroups: [GROUP], resources: ['changeworkloads'], verbs: [...FOLLOW, 'create', 'delete'] },
  { apiGroups: [GROUP], resources: ['changepods'], verbs: ['get', ...FOLLOW, 'create'] },
  {
    apiGroups: [GROUP],
    resources: ['changepolicies/status', 'changeworkloads/status', 'changepods/status'],
    verbs: ['patch'],
  },
  // Kubernetes cannot tie `create` to a name; every other verb is tied to ours.
  { ...WEBHOOKS, verbs: ['create'] },
  { ...WEBHOOKS, resourceNames: [OWN.webhooks], verbs: ['get', ...FOLLOW, 'patch'] },
  { ...MUTATING_POLICIES, verbs: ['create'] },
  {
    ...MUTATING_POLICIES,
    resourceNames: [OWN.clamp, OWN.keep],
    verbs: ['get', ...FOLLOW, 'patch'],
  },
  { ...VALIDATING_POLICIES, verbs: ['create'] },
  { ...VALIDATING_POLICIES, resourceNames: [OWN.clamp], verbs: ['get', ...FOLLOW, 'patch'] },
];

/** What it needs for one kind: for the roles, and for the check at its start. */
export function rulesOf({ resource, verbs, relatedResources }: KindDescriptor): PolicyRule[] {
  const own = Object.entries(verbs).map(([subresource, more]) =>
    subresource === ''
      ? rule(resource, [...FOLLOW, ...more])
      : rule({ ...resource, plural: `${resource.plural}/${subresource}` }, more),
  );
  const related = Object.values(relatedResources).map((each) =>
    rule(each.resource, [...FOLLOW, ...each.verbs]),
  );
  return [...own, ...related];
}

const rule = (
  { group, plural }: Pick<APIResource, 'group' | 'plural'>,
  verbs: readonly string[],
): PolicyRule => ({ apiGroups: [group], resources: [plural], verbs });

/** One rule for each resource: several kinds may need the same. */
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
 * What the operator may do in the whole cluster: each verb is one that it uses, no wildcards. The
 * roles that are installed and the check at its start are both made from it.
 */
export const OPERATOR_RULES: readonly PolicyRule[] = merged([
  ...BASE_RULES,
  ...ADAPTERS.flatMap(({ descriptor }) => rulesOf(descriptor)),
]);

const LEASES = { apiGroups: ['coordination.k8s.io'], resources: ['leases'] } as const;
const SECRETS = { apiGroups: [''], resources: ['secrets'] } as const;

/** What the operator may do in its own namespace: elect a leader, share certificates and a key. */
export const OWN_NAMESPACE_RULES: readonly PolicyRule[] = [
  { ...LEASES, verbs: ['create'] },
  { ...LEASES, resourceNames: [OWN.lease], verbs: ['get', 'patch'] },
  { ...SECRETS, verbs: ['create'] },
  { ...SECRETS, resourceNames: [OWN.certificates], verbs: ['get', ...FOLLOW, 'patch'] },
  { ...SECRETS, resourceNames: [OWN.seal], verbs: ['get'] },
];
