// SPDX-License-Identifier: Apache-2.0

import type { ApiCall } from './api.ts';
import { OPERATOR } from './users.ts';

const NODES = ['node-1', 'node-2', 'node-3'];
const NODE_INFO = {
  architecture: 'amd64',
  bootID: '',
  containerRuntimeVersion: 'simulated',
  kernelVersion: 'simulated',
  kubeProxyVersion: '',
  kubeletVersion: 'simulated',
  machineID: '',
  operatingSystem: 'linux',
  osImage: 'simulated',
  systemUUID: '',
};
const CAPACITY = { cpu: '64', memory: '256Gi', pods: '1000' };

export function namespaceObject(
  name: string,
  labels: Readonly<Record<string, string>> = {},
): unknown {
  return { apiVersion: 'v1', kind: 'Namespace', metadata: { name, labels } };
}

/** Lets the developers and the GitOps robot edit in a namespace. */
export function editorBinding(namespace: string): ApiCall {
  return {
    method: 'POST',
    path: `/apis/rbac.authorization.k8s.io/v1/namespaces/${namespace}/rolebindings`,
    body: {
      apiVersion: 'rbac.authorization.k8s.io/v1',
      kind: 'RoleBinding',
      metadata: { name: 'editors' },
      roleRef: { apiGroup: 'rbac.authorization.k8s.io', kind: 'ClusterRole', name: 'edit' },
      subjects: [
        { apiGroup: 'rbac.authorization.k8s.io', kind: 'Group', name: 'developers' },
        { kind: 'ServiceAccount', namespace: 'flux-system', name: 'kustomize-controller' },
      ],
    },
  };
}

/** Asks whether that is in force: the answer has `status.allowed`. */
export function mayEdit(namespace: string): ApiCall {
  return {
    method: 'POST',
    path: '/apis/authorization.k8s.io/v1/subjectaccessreviews',
    body: {
      apiVersion: 'authorization.k8s.io/v1',
      kind: 'SubjectAccessReview',
      spec: {
        user: 'someone',
        groups: ['developers'],
        resourceAttributes: { namespace, verb: 'create', group: 'apps', resource: 'deployments' },
      },
    },
  };
}

/** What every cluster has before a test begins. */
export function initialObjects(): ApiCall[] {
  return [
    ...NODES.map((name) => create('/api/v1/nodes', node(name))),
    create('/api/v1/namespaces', namespaceObject(OPERATOR.namespace)),
    create(`/api/v1/namespaces/${OPERATOR.namespace}/serviceaccounts`, {
      apiVersion: 'v1',
      kind: 'ServiceAccount',
      metadata: { name: OPERATOR.serviceAccount },
    }),
    editorBinding('default'),
  ];
}

/** Whether the answer to a list of nodes shows that pods can be bound to all of them. */
export function nodesAreReady(list: unknown): boolean {
  const nodes = (list as { items: Node[] }).items;
  return nodes.length >= NODES.length && nodes.every(isReady);
}

interface Node {
  readonly spec: { readonly taints?: readonly unknown[] };
  readonly status: { readonly conditions?: readonly { type: string; status: string }[] };
}

function isReady({ spec, status }: Node): boolean {
  const ready = status.conditions?.find(({ type }) => type === 'Ready');
  return ready?.status === 'True' && (spec.taints ?? []).length === 0;
}

function create(path: string, body: unknown): ApiCall {
  return { method: 'POST', path, body };
}

function node(name: string): unknown {
  return {
    apiVersion: 'v1',
    kind: 'Node',
    metadata: { name, labels: { 'kubernetes.io/hostname': name, 'kubernetes.io/os': 'linux' } },
    status: { capacity: CAPACITY, allocatable: CAPACITY, nodeInfo: NODE_INFO },
  };
}
