// SPDX-License-Identifier: Apache-2.0
import { keyOf, RESOURCES } from '@altershield/kube';
import { isFailure, type Cluster } from '../cluster.ts';
import type { StatefulSet, StatefulSetStatus } from '../types.ts';
import {
  isAvailable,
  isRunningAndReady,
  isTerminating,
  type Availability,
  type Replica,
} from './replicas.ts';
import type { Revisions } from './revisions.ts';

const MAX_ATTEMPTS = 5;

/** A status with all its numbers; those that are zero are omitted when it is written. */
export type Counted = Required<StatefulSetStatus>;

export function countedStatus(
  set: StatefulSet,
  { current, update, collisionCount }: Revisions,
  { replicas, availability }: { replicas: readonly Replica[]; availability: Availability },
): Counted {
  const created = replicas.filter(({ pod }) => pod !== undefined);
  const ready = created.filter(isRunningAndReady);
  const staying = created.filter((replica) => !isTerminating(replica));
  const count = (name: string) => staying.filter(({ revision }) => revision === name).length;
  return {
    observedGeneration: set.metadata.generation ?? 1,
    replicas: created.length,
    readyReplicas: ready.length,
    availableReplicas: ready.filter((replica) => isAvailable(replica, availability)).length,
    currentReplicas: count(current.metadata.name),
    updatedReplicas: count(update.metadata.name),
    currentRevision: current.metadata.name,
    updateRevision: update.metadata.name,
    collisionCount,
  };
}

/** Once every pod is of the update revision and ready, that is the current one. */
export function completed({ spec }: StatefulSet, status: Counted, withOnDelete: boolean): Counted {
  const { updatedReplicas, readyReplicas, replicas, updateRevision } = status;
  const isCounted = spec.updateStrategy.type === 'RollingUpdate' || withOnDelete;
  const isComplete = [updatedReplicas, readyReplicas, replicas].every(
    (count) => count === spec.replicas,
  );
  return isCounted && isComplete
    ? { ...status, currentReplicas: updatedReplicas, currentRevision: updateRevision }
    : status;
}

const COUNTS = [
  'replicas',
  'readyReplicas',
  'availableReplicas',
  'currentReplicas',
  'updatedReplicas',
] as const;

export function isNews({ status }: StatefulSet, next: Counted): boolean {
  return (
    next.observedGeneration > (status?.observedGeneration ?? 0) ||
    COUNTS.some((field) => next[field] !== (status?.[field] ?? 0)) ||
    next.currentRevision !== status?.currentRevision ||
    next.updateRevision !== status.updateRevision
  );
}

function omitZeros(status: Counted): StatefulSetStatus {
  const { readyReplicas, currentReplicas, updatedReplicas, ...rest } = status;
  return {
    ...rest,
    ...(readyReplicas === 0 ? {} : { readyReplicas }),
    ...(currentReplicas === 0 ? {} : { currentReplicas }),
    ...(updatedReplicas === 0 ? {} : { updatedReplicas }),
  };
}

/** Writes the status that one pass found; on a conflict it reads the object again and retries. */
export async function writeStatus(
  cluster: Cluster,
  set: StatefulSet,
  counted: Counted,
): Promise<void> {
  const status = omitZeros(counted);
  for (let attempt = 1; ; attempt += 1) {
    const present =
      attempt === 1 ? set : cluster.get<StatefulSet>(RESOURCES.statefulSet, keyOf(set));
    try {
      await cluster.update(RESOURCES.statefulSet, { ...(present ?? set), status }, 'status');
      return;
    } catch (error) {
      if (!isFailure(error, 409) || attempt === MAX_ATTEMPTS) throw error;
    }
  }
}
