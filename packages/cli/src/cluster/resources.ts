// SPDX-License-Identifier: Apache-2.0
import { RESOURCES, type APIResource } from '@altershield/kube';

const rbac = (kind: string, namespaced: boolean): APIResource => ({
  group: 'rbac.authorization.k8s.io',
  version: 'v1',
  kind,
  plural: `${kind.toLowerCase()}s`,
  namespaced,
});

const INSTALLED: readonly APIResource[] = [
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

/** The resource of an object that `altershield install` creates. */
export function resourceOf({ kind }: { readonly kind: string }): APIResource {
  const found = INSTALLED.find((resource) => resource.kind === kind);
  if (found === undefined) throw new Error(`install a ${kind}: no resource is known for this kind`);
  return found;
}
