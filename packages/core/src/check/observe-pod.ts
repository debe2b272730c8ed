// SPDX-License-Identifier: Apache-2.0

import type { Pod } from './pod.ts';
import { nodeRejection, podFailure } from './pod-failure.ts';
import { unexpectedRestarts, wasRestartedByRule, type RestartCounts } from './restart-rules.ts';
import type { PodView } from './pod-view.ts';

/** What only an observer that followed the pod knows of it, by the observer's own clock. */
export interface PodObservations {
  readonly readySeenAt?: number;
  readonly configErrorSeenAt?: number;
  readonly restarts?: RestartCounts;
}

/** Reduces a pod to what a verdict needs. `unreadyCount` and `observations` come from whoever watches it. */
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
    ...terminatedOf(status),
    ...failureOf(pod, observations),
  };
}

const readySeen = ({ readySeenAt }: PodObservations): Pick<PodView, 'readySeenAt'> =>
  readySeenAt === undefined ? {} : { readySeenAt };

const terminatedOf = (status: Pod['status']): Pick<PodView, 'terminated'> =>
  status?.phase === 'Failed' ? { terminated: true } : {};

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

/** True when a pod that was ready is no longer, of the same pod seen twice, and no rule asked for that. */
export const lostReadiness = (before: Pod, after: Pod): boolean =>
  readiness(before) === 'True' &&
  readiness(after) === 'False' &&
  !wasRestartedByRule(before, after);

/** True when the pod is ready and was not when it was seen before, or has been unready in between. */
export const becameReady = (before: Pod | undefined, after: Pod): boolean =>
  readiness(after) === 'True' &&
  (before === undefined || readiness(before) !== 'True' || readyTime(before) !== readyTime(after));

const readyTime = (pod: Pod): string | undefined => conditionOf(pod, 'Ready')?.lastTransitionTime;

/** True while the kubelet cannot make a container of the pod, which may pass. */
export const hasConfigError = (pod: Pod): boolean => podFailure(pod)?.kind === 'ConfigError';

/** Those that a ReplicaSet counts: in place of one that ended it makes another. */
export const activePods = (pods: readonly PodView[]): PodView[] =>
  pods.filter((p) => p.terminated !== true);

/** A pod that is going away, or that ended well, is no pod of a batch. */
export const isTerminating = ({ metadata, status }: Pod): boolean =>
  metadata.deletionTimestamp !== undefined || status?.phase === 'Succeeded';
