// SPDX-License-Identifier: Apache-2.0
import { GROUP, OBJECT_NAMES } from '@altershield/api';
import { OPERATOR_RULES, OWN_NAMESPACE_RULES } from '@altershield/core';
import { NAME, labels, type InstallOptions, type Manifest } from './manifest.ts';

const RBAC = 'rbac.authorization.k8s.io';

/** ServiceAccount, roles and bindings of the operator, and the roles that users inherit. */
export const rbac = (options: InstallOptions): Manifest[] => [
  serviceAccount(options),
  { ...role('ClusterRole', NAME), rules: OPERATOR_RULES },
  binding('ClusterRole', options),
  { ...role('Role', NAME, options.namespace), rules: OWN_NAMESPACE_RULES },
  binding('Role', options),
  ...peopleRoles(),
];

const serviceAccount = ({ namespace }: InstallOptions): Manifest => ({
  apiVersion: 'v1',
  kind: 'ServiceAccount',
  metadata: { name: OBJECT_NAMES.serviceAccount, namespace, labels },
});

const role = (kind: string, name: string, namespace?: string): Manifest => ({
  apiVersion: `${RBAC}/v1`,
  kind,
  metadata: { name, ...(namespace === undefined ? {} : { namespace }), labels },
});

const binding = (of: 'ClusterRole' | 'Role', { namespace }: InstallOptions): Manifest => ({
  ...role(`${of}Binding`, NAME, of === 'Role' ? namespace : undefined),
  roleRef: { apiGroup: RBAC, kind: of, name: NAME },
  subjects: [{ kind: 'ServiceAccount', name: OBJECT_NAMES.serviceAccount, namespace }],
});

/**
 * Permissions of users who may view, edit or administer a namespace; admin includes edit, edit
 * includes view. Editors may not write policies: one of the namespace precedes those of the cluster.
 */
const peopleRoles = (): Manifest[] => [
  inherited('view', {
    resources: [
      'changepolicies',
      'changeworkloads',
      'changepods',
      'changeapprovals',
      'changechecks',
      'metricsources',
    ],
    verbs: ['get', 'list', 'watch'],
  }),
  inherited('edit', { resources: ['changeapprovals'], verbs: ['create'] }),
  inherited(
    'admin',
    {
      resources: ['changepolicies', 'changechecks', 'metricsources'],
      verbs: ['create', 'update', 'patch', 'delete'],
    },
    { resources: ['changeapprovals'], verbs: ['delete'] },
  ),
  approver,
];

interface Rule {
  readonly resources: readonly string[];
  readonly verbs: readonly string[];
}

const inOurGroup = (rule: Rule): object => ({ apiGroups: [GROUP], ...rule });

/** Not aggregated to a role of Kubernetes: the cluster's administrator chooses who may approve. */
const approver: Manifest = {
  ...role('ClusterRole', `${NAME}-approver`),
  rules: [
    {
      resources: ['changeworkloads', 'changepods', 'changeapprovals'],
      verbs: ['get', 'list', 'watch'],
    },
    { resources: ['changeworkloads'], verbs: ['approve'] },
    { resources: ['changeapprovals'], verbs: ['create'] },
  ].map(inOurGroup),
};

/** A ClusterRole that Kubernetes merges into its own role of that name. */
const inherited = (into: string, ...rules: readonly Rule[]): Manifest => ({
  apiVersion: `${RBAC}/v1`,
  kind: 'ClusterRole',
  metadata: {
    name: `${NAME}-${into}`,
    labels: { ...labels, [`${RBAC}/aggregate-to-${into}`]: 'true' },
  },
  rules: rules.map(inOurGroup),
});
