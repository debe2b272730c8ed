// SPDX-License-Identifier: Apache-2.0

import type { Pod } from './pod.ts';
import { nodeRejection, podFailure } from './pod-failure.ts';
import { unexpectedRestarts, wasRestartedByRule, type RestartCounts } from './restart-rules.ts';
import type { PodView } from './pod-view.ts';

/** Facts that only an observer of the pod knows, by the observer's own clock. */
export interface PodObservations {
  readonly readySeenAt?: number;
  readonly configErrorSeenAt?: number;
  readonly restarts?: RestartCounts;
}

/**
 * Reduces a pod to what a verdict needs. The pod's watcher provides `unreadyCount` and
 * `observations`.
 */
export function viewPod(
  pod: Pod,
  unreadyCount: number,
  observations: PodObservations = {},
): PodView {
  const { metadata, spec, status } = pod;
  const ready = conditionOf(pod, 'Ready');
  const isReady = ready?.status === 'True';
  return {
    name: metadata.name,
    uid: metadata.uid,
    node: spec?.nodeName ?? '',
    createdAt: timeOf(metadata.creationTimestamp),
    ready: isReady,
    readySince: isReady ? timeOf(ready.lastTransitionTime) : 0,
    ...(isReady ? readySeen(observations) : { unreadySince: timeOf(ready?.lastTransitionTime) }),
    scheduled: conditionOf(pod, 'PodScheduled')?.status !== 'False',
    restarts: unexpectedRestarts(pod, observations.restarts),
    unreadyCount,
    ...phaseOf(status),
    ...startOf(status),
    ...failureOf(pod, observations),
  };
}

const readySeen = ({ readySeenAt }: PodObservations): Pick<PodView, 'readySeenAt'> =>
  readySeenAt === undefined ? {} : { readySeenAt };

function phaseOf(status: Pod['status']): Pick<PodView, 'started' | 'terminated'> {
  if (status?.phase === 'Running') return { started: true };
  return status?.phase === 'Failed' ? { terminated: true } : {};
}

function startOf(status: Pod['status']): Pick<PodView, 'startedAt'> {
  const times = (status?.containerStatuses ?? []).flatMap(
    ({ state }) => state?.running?.startedAt ?? [],
  );
  return times.length === 0 ? {} : { startedAt: Math.max(...times.map(timeOf)) };
}

function failureOf(
  pod: Pod,
  { configErrorSeenAt: seenAt }: PodObservations,
): Pick<PodView, 'failure' | 'nodeRejection'> {
  const failure = podFailure(pod);
  if (failure?.kind === 'ConfigError' && seenAt !== undefined) {
    return { failure: { ...failure, seenAt } };
  }
  if (failure !== undefined) return { failure };
  const rejection = nodeRejection(pod);
  return rejection === undefined ? {} : { nodeRejection: rejection };
}

const timeOf = (text: string | undefined): number => (text === undefined ? 0 : Date.parse(text));

const conditionOf = ({ status }: Pod, type: string) =>
  status?.conditions?.find((c) => c.type === type);

const readiness = (pod: Pod): string | undefined => conditionOf(pod, 'Ready')?.status;

/**
 * True when a pod was ready in the first state and is not in the second, and no restart rule caused
 * it.
 */
export const lostReadiness = (before: Pod, after: Pod): boolean =>
  readiness(before) === 'True' &&
  readiness(after) === 'False' &&
  !wasRestartedByRule(before, after);

/** True when the pod is ready and either was not before or lost its readiness in between. */
export const becameReady = (before: Pod | undefined, after: Pod): boolean =>
  readiness(after) === 'True' &&
  (before === undefined || readiness(before) !== 'True' || readyTime(before) !== readyTime(after));

const readyTime = (pod: Pod): string | undefined => conditionOf(pod, 'Ready')?.lastTransitionTime;

/** True while the kubelet cannot create a container of the pod, which may be transient. */
export const hasConfigError = (pod: Pod): boolean => podFailure(pod)?.kind === 'ConfigError';

/** Pods that a ReplicaSet counts: it replaces terminated ones. */
export const activePods = (pods: readonly PodView[]): PodView[] =>
  pods.filter((p) => p.terminated !== true);

/** A pod that is being deleted or has succeeded does not belong to a batch. */
export const isTerminating = ({ metadata, status }: Pod): boolean =>
  metadata.deletionTimestamp !== undefined || status?.phase === 'Succeeded';
