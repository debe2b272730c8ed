// SPDX-License-Identifier: Apache-2.0
import { GROUP } from '@altershield/api';
import { CRD_NAMES } from './crds.ts';
import { NAME, OWN, labels, type InstallOptions, type Manifest } from './manifest.ts';

const RBAC = 'rbac.authorization.k8s.io';
const READ = ['get', 'list', 'watch'] as const;

interface PolicyRule {
  readonly apiGroups: readonly string[];
  readonly resources: readonly string[];
  readonly resourceNames?: readonly string[];
  readonly verbs: readonly string[];
}

const WEBHOOKS = {
  apiGroups: ['admissionregistration.k8s.io'],
  resources: ['mutatingwebhookconfigurations', 'validatingwebhookconfigurations'],
} as const;

/** What the operator may do in the whole cluster: each verb is one that it uses, no wildcards. */
export const OPERATOR_RULES: readonly PolicyRule[] = [
  { apiGroups: ['apps'], resources: ['deployments', 'replicasets'], verbs: [...READ, 'patch'] },
  { apiGroups: [''], resources: ['pods', 'namespaces'], verbs: READ },
  { apiGroups: [''], resources: ['events'], verbs: ['create', 'patch'] },
  { apiGroups: [GROUP], resources: ['changepolicies'], verbs: READ },
  {
    apiGroups: [GROUP],
    resources: ['changeworkloads', 'changepods'],
    verbs: [...READ, 'create', 'patch', 'delete'],
  },
  {
    apiGroups: [GROUP],
    resources: ['changepolicies/status', 'changeworkloads/status', 'changepods/status'],
    verbs: ['patch'],
  },
  // Kubernetes cannot tie `create` to a name; every other verb is tied to ours.
  { ...WEBHOOKS, verbs: ['create'] },
  { ...WEBHOOKS, resourceNames: [NAME], verbs: [...READ, 'patch', 'delete'] },
  {
    apiGroups: ['apiextensions.k8s.io'],
    resources: ['customresourcedefinitions'],
    resourceNames: CRD_NAMES,
    verbs: ['get'],
  },
];

const LEASES = { apiGroups: ['coordination.k8s.io'], resources: ['leases'] } as const;
const SECRETS = { apiGroups: [''], resources: ['secrets'] } as const;

/** What the operator may do in its own namespace: elect a leader, share certificates and a key. */
export const OWN_NAMESPACE_RULES: readonly PolicyRule[] = [
  { ...LEASES, verbs: ['create'] },
  { ...LEASES, resourceNames: [OWN.lease], verbs: ['get', 'patch'] },
  { ...SECRETS, verbs: ['create'] },
  { ...SECRETS, resourceNames: [OWN.certificates, OWN.seal], verbs: [...READ, 'patch'] },
];

/** ServiceAccount, roles and bindings of the operator, and the roles that people inherit. */
export const rbac = (options: InstallOptions): Manifest[] => [
  serviceAccount(options),
  { ...role('ClusterRole', NAME), rules: OPERATOR_RULES },
  binding('ClusterRole', options),
  { ...role('Role', NAME, options.namespace), rules: OWN_NAMESPACE_RULES },
  binding('Role', options),
  viewRole(),
  editRole(),
];

const serviceAccount = ({ namespace }: InstallOptions): Manifest => ({
  apiVersion: 'v1',
  kind: 'ServiceAccount',
  metadata: { name: NAME, namespace, labels },
});

const role = (kind: string, name: string, namespace?: string): Manifest => ({
  apiVersion: `${RBAC}/v1`,
  kind,
  metadata: { name, ...(namespace === undefined ? {} : { namespace }), labels },
});

const binding = (of: 'ClusterRole' | 'Role', { namespace }: InstallOptions): Manifest => ({
  ...role(`${of}Binding`, NAME, of === 'Role' ? namespace : undefined),
  roleRef: { apiGroup: RBAC, kind: of, name: NAME },
  subjects: [{ kind: 'ServiceAccount', name: NAME, namespace }],
});

const viewRole = (): Manifest => ({
  ...inherited('altershield-view', ['view', 'edit', 'admin']),
  rules: [
    {
      apiGroups: [GROUP],
      resources: ['changepolicies', 'changeworkloads', 'changepods'],
      verbs: READ,
    },
  ],
});

const editRole = (): Manifest => ({
  ...inherited('altershield-edit', ['edit', 'admin']),
  rules: [
    {
      apiGroups: [GROUP],
      resources: ['changepolicies'],
      verbs: ['create', 'update', 'patch', 'delete'],
    },
    // People write only `spec.decision`; admission refuses the rest.
    { apiGroups: [GROUP], resources: ['changeworkloads'], verbs: ['patch'] },
  ],
});

/** A ClusterRole that Kubernetes merges into its own roles for people. */
const inherited = (name: string, into: readonly string[]): Manifest => ({
  apiVersion: `${RBAC}/v1`,
  kind: 'ClusterRole',
  metadata: {
    name,
    labels: {
      ...labels,
      ...Object.fromEntries(into.map((to) => [`${RBAC}/aggregate-to-${to}`, 'true'])),
    },
  },
});
