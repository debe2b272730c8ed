// SPDX-License-Identifier: Apache-2.0

export interface OwnerReference {
  readonly apiVersion: string;
  readonly kind: string;
  readonly name: string;
  readonly uid: string;
  readonly controller?: boolean;
  readonly blockOwnerDeletion?: boolean;
}

export interface ObjectMeta {
  readonly name: string;
  readonly namespace?: string;
  readonly uid: string;
  readonly resourceVersion: string;
  readonly generation?: number;
  readonly creationTimestamp: string;
  readonly deletionTimestamp?: string;
  readonly labels?: Readonly<Record<string, string>>;
  readonly annotations?: Readonly<Record<string, string>>;
  readonly ownerReferences?: readonly OwnerReference[];
  readonly finalizers?: readonly string[];
  readonly managedFields?: readonly unknown[];
}

/** Any object as the server sent it. The client keeps every field. */
export interface KubeObject {
  readonly apiVersion: string;
  readonly kind: string;
  readonly metadata: ObjectMeta;
}

/** What identifies a resource type in URLs. `group` is '' for the core group. */
export interface APIResource {
  readonly group: string;
  readonly version: string;
  readonly plural: string;
  readonly kind: string;
  readonly namespaced: boolean;
}

/** `namespace` is '' for cluster-scoped objects. */
export interface ObjectKey {
  readonly namespace: string;
  readonly name: string;
}

export const apiVersionOf = ({ group, version }: APIResource): string =>
  group === '' ? version : `${group}/${version}`;

export const keyOf = ({ metadata }: KubeObject): ObjectKey => ({
  namespace: metadata.namespace ?? '',
  name: metadata.name,
});

/** `namespace/name`, or `name` for cluster-scoped objects: the form of queue keys and log fields. */
export const keyString = ({ namespace, name }: ObjectKey): string =>
  namespace === '' ? name : `${namespace}/${name}`;

export function parseKey(key: string): ObjectKey {
  const slash = key.indexOf('/');
  return slash < 0
    ? { namespace: '', name: key }
    : { namespace: key.slice(0, slash), name: key.slice(slash + 1) };
}

const native = (group: string, kind: string, plural: string, namespaced = true): APIResource => ({
  group,
  version: 'v1',
  plural,
  kind,
  namespaced,
});

const admission = (kind: string, plural: string): APIResource =>
  native('admissionregistration.k8s.io', kind, plural, false);

/** The built-in resources that callers name most. */
export const RESOURCES = {
  configMap: native('', 'ConfigMap', 'configmaps'),
  event: native('', 'Event', 'events'),
  namespace: native('', 'Namespace', 'namespaces', false),
  node: native('', 'Node', 'nodes', false),
  pod: native('', 'Pod', 'pods'),
  secret: native('', 'Secret', 'secrets'),
  deployment: native('apps', 'Deployment', 'deployments'),
  replicaSet: native('apps', 'ReplicaSet', 'replicasets'),
  statefulSet: native('apps', 'StatefulSet', 'statefulsets'),
  daemonSet: native('apps', 'DaemonSet', 'daemonsets'),
  controllerRevision: native('apps', 'ControllerRevision', 'controllerrevisions'),
  job: native('batch', 'Job', 'jobs'),
  cronJob: native('batch', 'CronJob', 'cronjobs'),
  lease: native('coordination.k8s.io', 'Lease', 'leases'),
  crd: native(
    'apiextensions.k8s.io',
    'CustomResourceDefinition',
    'customresourcedefinitions',
    false,
  ),
  mutatingWebhook: admission('MutatingWebhookConfiguration', 'mutatingwebhookconfigurations'),
  validatingWebhook: admission('ValidatingWebhookConfiguration', 'validatingwebhookconfigurations'),
  mutatingPolicy: admission('MutatingAdmissionPolicy', 'mutatingadmissionpolicies'),
  mutatingPolicyBinding: admission(
    'MutatingAdmissionPolicyBinding',
    'mutatingadmissionpolicybindings',
  ),
  validatingPolicy: admission('ValidatingAdmissionPolicy', 'validatingadmissionpolicies'),
  validatingPolicyBinding: admission(
    'ValidatingAdmissionPolicyBinding',
    'validatingadmissionpolicybindings',
  ),
} as const satisfies Record<string, APIResource>;
