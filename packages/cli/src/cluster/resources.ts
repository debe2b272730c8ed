// SPDX-License-Identifier: Apache-2.0
import {
  ChangePodKind,
  ChangePolicyKind,
  ChangeWorkloadKind,
  GROUP,
  VERSION,
} from '@altershield/api';
import { RESOURCES, type Resource } from '@altershield/kube';

const ours = ({ kind, plural }: { kind: string; plural: string }): Resource => ({
  group: GROUP,
  version: VERSION,
  kind,
  plural,
  namespaced: true,
});

export const POLICIES = ours(ChangePolicyKind);
export const CHANGES = ours(ChangeWorkloadKind);
export const BATCHES = ours(ChangePodKind);

const rbac = (kind: string, namespaced: boolean): Resource => ({
  group: 'rbac.authorization.k8s.io',
  version: 'v1',
  kind,
  plural: `${kind.toLowerCase()}s`,
  namespaced,
});

const INSTALLED: readonly Resource[] = [
  RESOURCES.crd,
  RESOURCES.namespace,
  RESOURCES.deployment,
  { group: '', version: 'v1', kind: 'ServiceAccount', plural: 'serviceaccounts', namespaced: true },
  { group: '', version: 'v1', kind: 'Service', plural: 'services', namespaced: true },
  rbac('ClusterRole', false),
  rbac('ClusterRoleBinding', false),
  rbac('Role', true),
  rbac('RoleBinding', true),
  {
    group: 'policy',
    version: 'v1',
    kind: 'PodDisruptionBudget',
    plural: 'poddisruptionbudgets',
    namespaced: true,
  },
];

/** The resource of an object that we install. */
export function resourceOf({ kind }: { readonly kind: string }): Resource {
  const found = INSTALLED.find((resource) => resource.kind === kind);
  if (found === undefined) throw new Error(`install a ${kind}: no resource is known for this kind`);
  return found;
}
