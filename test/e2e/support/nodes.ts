// SPDX-License-Identifier: Apache-2.0

import type { ClusterAccess } from '../../cluster/access.ts';
import { eventually } from '@altershield/testing/eventually';
import { poolOf } from './manifests.ts';

const CAPACITY = { cpu: '64', memory: '256Gi', pods: '1000' };

interface Node {
  readonly spec: { readonly taints?: readonly unknown[] };
  readonly status: { readonly conditions?: readonly { type: string; status: string }[] };
}

/** Sees to it that the cluster has a pool of as many nodes that are ready, for DaemonSets of this size. */
export async function ensureNodes(cluster: ClusterAccess, size: number): Promise<void> {
  const names = Array.from({ length: size }, (_, at) => `pool-of-${size}-${at + 1}`);
  for (const name of names) await apply(cluster, name, poolOf(size));
  for (const name of names) {
    await eventually(() => isReady(cluster, name), {
      what: `${name} to be ready`,
      timeoutMs: 60_000,
    });
  }
}

async function apply(cluster: ClusterAccess, name: string, pool: object): Promise<void> {
  const labels = { 'kubernetes.io/hostname': name, 'kubernetes.io/os': 'linux', ...pool };
  await cluster.call({
    method: 'PATCH',
    path: `/api/v1/nodes/${name}?fieldManager=test&force=true`,
    contentType: 'application/apply-patch+yaml',
    body: {
      apiVersion: 'v1',
      kind: 'Node',
      metadata: { name, labels },
      status: { capacity: CAPACITY, allocatable: CAPACITY },
    },
  });
}

async function isReady(cluster: ClusterAccess, name: string): Promise<boolean> {
  const { spec, status } = (await cluster.call({ path: `/api/v1/nodes/${name}` })) as Node;
  const ready = status.conditions?.find(({ type }) => type === 'Ready');
  return ready?.status === 'True' && (spec.taints ?? []).length === 0;
}
