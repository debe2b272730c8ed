// SPDX-License-Identifier: Apache-2.0
import { GROUP } from './kind.ts';

/** A rule of a Role or ClusterRole, as Kubernetes has it. */
export interface PolicyRule {
  readonly apiGroups: readonly string[];
  readonly resources: readonly string[];
  readonly resourceNames?: readonly string[];
  readonly verbs: readonly string[];
}

/** What the operator makes itself, by name: beside its records, and in its own namespace but for the webhooks. */
export const OWN = {
  lease: 'altershield',
  certificates: 'altershield-webhook',
  /** The key that seals records; without it, those that exist read as forged. */
  seal: 'altershield-seal',
  webhooks: 'altershield',
  /** The policies in the API server, and their bindings: the clamp, and what keeps its annotation. */
  clamp: 'altershield-release',
  keep: 'altershield-keep',
  /** Whom the operator acts as; the shipped roles are bound to it. */
  serviceAccount: 'altershield',
} as const;

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

/**
 * What the operator may do in the whole cluster: each verb is one that it uses, no wildcards. The
 * roles that are installed and the check at its start are both made from it.
 */
export const OPERATOR_RULES: readonly PolicyRule[] = [
  { apiGroups: [''], resources: ['pods'], verbs: FOLLOW },
  { apiGroups: [''], resources: ['namespaces'], verbs: ['get', ...FOLLOW] },
  { apiGroups: [''], resources: ['events'], verbs: ['create', 'patch'] },
  { apiGroups: ['apps'], resources: ['deployments'], verbs: ['get', ...FOLLOW, 'patch'] },
  { apiGroups: ['apps'], resources: ['deployments/status'], verbs: ['patch'] },
  { apiGroups: ['apps'], resources: ['replicasets'], verbs: [...FOLLOW, 'patch'] },
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
