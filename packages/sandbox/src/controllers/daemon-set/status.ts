// SPDX-License-Identifier: Apache-2.0
import { RESOURCES } from '@altershield/kube';
import { same } from '../../json.ts';
import { isFailure, type Cluster } from '../cluster.ts';
import { isReady } from '../conditions.ts';
import type { DaemonSet, DaemonSetStatus, Node, Pod } from '../types.ts';
import { isAvailable, isUpdated, wants, type Template } from './pods.ts';

export interface StatusInput {
  readonly nodes: readonly Node[];
  readonly pods: ReadonlyMap<string, readonly Pod[]>;
  readonly template: Template;
  readonly collisionCount: number;
  readonly now: number;
}

/** Counts nodes; of several pods of a node, the oldest counts. */
export function countedStatus(set: DaemonSet, input: StatusInput): DaemonSetStatus {
  const { nodes, pods, template, collisionCount, now } = input;
  const wanted = nodes.filter((node) => wants(set, node));
  const first = wanted.flatMap(({ metadata }) => pods.get(metadata.name)?.slice(0, 1) ?? []);
  const ready = first.filter(isReady);
  const available = ready.filter((pod) => isAvailable(pod, set, now)).length;
  const updated = first.filter((pod) => isUpdated(pod, template)).length;
  const others = nodes.filter((node) => !wants(set, node));
  const numberUnavailable = wanted.length - available;
  return {
    observedGeneration: set.metadata.generation ?? 1,
    currentNumberScheduled: first.length,
    desiredNumberScheduled: wanted.length,
    numberMisscheduled: others.filter(({ metadata }) => pods.has(metadata.name)).length,
    numberReady: ready.length,
    ...(updated === 0 ? {} : { updatedNumberScheduled: updated }),
    ...(available === 0 ? {} : { numberAvailable: available }),
    ...(numberUnavailable === 0 ? {} : { numberUnavailable }),
    ...(collisionCount === 0 ? {} : { collisionCount }),
  };
}

export async function writeStatus(
  cluster: Cluster,
  set: DaemonSet,
  status: DaemonSetStatus,
): Promise<void> {
  if (same(status, set.status)) return;
  try {
    await cluster.update(RESOURCES.daemonSet, { ...set, status }, 'status');
  } catch (error) {
    if (!isFailure(error, 404)) throw error;
  }
}
