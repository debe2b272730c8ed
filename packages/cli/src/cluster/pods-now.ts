// SPDX-License-Identifier: Apache-2.0
import type { ChangeWorkload } from '@altershield/api';
import { adapterOfTarget } from '@altershield/core';
import { KubeError, type KubeObject } from '@altershield/kube';
import type { PodsNow } from '../change.ts';
import type { ReadClient } from './records.ts';

interface Workload extends KubeObject {
  readonly status?: {
    readonly updatedReplicas?: number;
    readonly readyReplicas?: number;
    readonly replicas?: number;
  };
}

/** Pod counts in the workload's status; undefined when it cannot be read: they are then left out. */
export async function podsNow(
  client: ReadClient,
  { metadata: { namespace = 'default' }, spec: { target } }: ChangeWorkload,
): Promise<PodsNow | undefined> {
  const adapter = adapterOfTarget(target);
  if (adapter === undefined) return undefined;
  try {
    const key = { namespace, name: target.name };
    const { metadata, status = {} } = await client.get<Workload>(adapter.descriptor.resource, key);
    if (metadata.uid !== target.uid) return undefined;
    const { updatedReplicas = 0, readyReplicas = 0, replicas = 0 } = status;
    return { updated: updatedReplicas, ready: readyReplicas, all: replicas };
  } catch (error) {
    if (error instanceof KubeError) return undefined;
    throw error;
  }
}
