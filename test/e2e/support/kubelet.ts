// SPDX-License-Identifier: Apache-2.0

import type { ClusterAccess } from '../../cluster/access.ts';
import type { ContainerState, Pod } from './pods.ts';

/** What a kubelet writes of a pod with one container. */
export async function reportContainer(
  cluster: ClusterAccess,
  { metadata, status }: Pod,
  { ready, state }: { readonly ready: boolean; readonly state: Partial<ContainerState> },
): Promise<void> {
  const [container] = status.containerStatuses ?? [];
  const isReady = {
    status: ready ? 'True' : 'False',
    lastTransitionTime: wholeSeconds(new Date()),
  };
  await cluster.call({
    method: 'PATCH',
    path: `/api/v1/namespaces/${metadata.namespace}/pods/${metadata.name}/status`,
    contentType: 'application/merge-patch+json',
    body: {
      status: {
        phase: 'Running',
        containerStatuses: [{ ...container, ready, state }],
        conditions: (status.conditions ?? []).map((condition) =>
          condition.type === 'Ready' ? { ...condition, ...isReady } : condition,
        ),
      },
    },
  });
}

export const wholeSeconds = (time: Date): string => `${time.toISOString().slice(0, 19)}Z`;
