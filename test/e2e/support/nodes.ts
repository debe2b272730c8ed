// SPDX-License-Identifier: Apache-2.0

import type { ClusterAccess } from '../../cluster/access.ts';
import { eventually } from './eventually.ts';
import { poolOf } from './manifests.ts';

const CAPACITY = { cpu: '64', memory: '256Gi', pods: '1000' };

interface Node {
  readonly spec: { readonly taints?: readonly unknown[] };
  readonly status: { readonly conditions?: readonly { type: string; status: string }[] };
}

/** Sees to it that the cluster has a pool of as many nodes that are ready, for DaemonSets of this size. */
export async function ensureNodes(cluster: ClusterAccess, size: number): Promise<void> {
  for (let node = 1; node <= size; node += 1) {
    const name = `pool-of-${size}-${node}`;
    const labels = { 'kubernetes.io/hostname': name, 'kubernetes.io/os': 'linux', ...poolOf(size) };
    const status = { capacity: CAPACITY, allocatable: CAPACITY };
    const body = { apiVersion: 'v1', kind: 'Node', metadata: { name, labels }, status };
    await cluster.call({
      method: 'PATCH',
      path: `/api/v1/nodes/${name}?fieldManager=test&force=true`,
      contentType: 'application/apply-patch+yaml',
      body,
    });
    const isReady = async (): Promise<boolean> => {
      const { spec, status } = (await cluster.call({ path: `/api/v1/nodes/${name}` })) as Node;
      const ready = status.conditions?.find(({ type }) => type === 'Ready');
      return ready?.status === 'True' && (spec.taints ?? []).length === 0;
    };
    await eventually(isReady, { what: `${name} to be ready`, timeoutMs: 30_000 });
  }
}
