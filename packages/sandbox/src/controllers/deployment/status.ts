// SPDX-License-Identifier: Apache-2.0
import { timestamp } from '../../api-server/util.ts';
import { same } from '../../json.ts';
import { findCondition, withCondition, withoutCondition } from '../conditions.ts';
import type { Condition, Deployment, DeploymentStatus, ReplicaSet } from '../types.ts';
import { countedTotal, desiredTotal, unavailableOf } from './sizes.ts';

const NO_DEADLINE = 2 ** 31 - 1;

export interface Sets {
  readonly newSet: ReplicaSet | undefined;
  readonly oldSets: readonly ReplicaSet[];
}

export const allOf = ({ newSet, oldSets }: Sets): ReplicaSet[] =>
  newSet === undefined ? [...oldSets] : [...oldSets, newSet];

export const hasDeadline = ({ spec }: Deployment): boolean =>
  spec.progressDeadlineSeconds !== NO_DEADLINE;

export function deploymentCondition(
  type: string,
  status: Condition['status'],
  why: { reason: string; message: string },
  nowMs: number,
): Condition {
  const now = timestamp(nowMs);
  return { type, status, ...why, lastUpdateTime: now, lastTransitionTime: now };
}

/** Counts and the Available condition; Progressing is left as it is. */
export function countedStatus(deployment: Deployment, sets: Sets, nowMs: number): DeploymentStatus {
  const all = allOf(sets);
  const available = countedTotal(all, 'availableReplicas');
  const counts = {
    replicas: countedTotal(all, 'replicas'),
    updatedReplicas: countedTotal(sets.newSet === undefined ? [] : [sets.newSet], 'replicas'),
    readyReplicas: countedTotal(all, 'readyReplicas'),
    availableReplicas: available,
    unavailableReplicas: Math.max(0, desiredTotal(all) - available),
  };
  const isEnough = available >= deployment.spec.replicas - unavailableOf(deployment);
  const minimum = isEnough
    ? { reason: 'MinimumReplicasAvailable', message: 'Deployment has minimum availability.' }
    : {
        reason: 'MinimumReplicasUnavailable',
        message: 'Deployment does not have minimum availability.',
      };
  const condition = deploymentCondition('Available', isEnough ? 'True' : 'False', minimum, nowMs);
  const { collisionCount, conditions = [] } = deployment.status ?? {};
  return {
    observedGeneration: deployment.metadata.generation ?? 1,
    // Zero counts are absent in the real JSON too.
    ...Object.fromEntries(Object.entries(counts).filter(([, count]) => count !== 0)),
    ...(collisionCount === undefined ? {} : { collisionCount }),
    conditions: withCondition(conditions, condition),
  };
}

export function isComplete({ spec, metadata }: Deployment, status: DeploymentStatus): boolean {
  const {
    updatedReplicas = 0,
    replicas = 0,
    availableReplicas = 0,
    observedGeneration = 0,
  } = status;
  return (
    [updatedReplicas, replicas, availableReplicas].every((count) => count === spec.replicas) &&
    observedGeneration >= (metadata.generation ?? 1)
  );
}

function hasProgressed(before: DeploymentStatus, after: DeploymentStatus): boolean {
  const old = ({ replicas = 0, updatedReplicas = 0 }: DeploymentStatus): number =>
    replicas - updatedReplicas;
  return (
    (after.updatedReplicas ?? 0) > (before.updatedReplicas ?? 0) ||
    old(after) < old(before) ||
    (after.readyReplicas ?? 0) > (before.readyReplicas ?? 0) ||
    (after.availableReplicas ?? 0) > (before.availableReplicas ?? 0)
  );
}

/** The status of a rollout with its conditions for progress, deadline and failed creation. */
export function rolloutStatus(deployment: Deployment, sets: Sets, nowMs: number): DeploymentStatus {
  const counted = countedStatus(deployment, sets, nowMs);
  const conditions = withReplicaFailure(progressConditions(deployment, sets, counted, nowMs), sets);
  return { ...counted, conditions };
}

function progressConditions(
  deployment: Deployment,
  sets: Sets,
  counted: DeploymentStatus,
  nowMs: number,
): readonly Condition[] {
  const conditions = counted.conditions ?? [];
  if (!hasDeadline(deployment)) return withoutCondition(conditions, 'Progressing');
  const current = findCondition(deployment.status?.conditions, 'Progressing');
  const isSettled =
    counted.replicas === counted.updatedReplicas && current?.reason === 'NewReplicaSetAvailable';
  const verdict = isSettled ? undefined : progress(deployment, counted, current, nowMs);
  if (verdict === undefined) return conditions;
  const message = `${subject(deployment, sets)} ${verdict.does}.`;
  const why = { reason: verdict.reason, message };
  const next = deploymentCondition('Progressing', verdict.status, why, nowMs);
  return verdict.reason === 'ReplicaSetUpdated'
    ? replaced(conditions, current, next)
    : withCondition(conditions, next);
}

const subject = ({ metadata }: Deployment, { newSet }: Sets): string =>
  newSet === undefined ? `Deployment "${metadata.name}"` : `ReplicaSet "${newSet.metadata.name}"`;

interface Progress {
  readonly status: Condition['status'];
  readonly reason: string;
  readonly does: string;
}

function progress(
  deployment: Deployment,
  counted: DeploymentStatus,
  current: Condition | undefined,
  nowMs: number,
): Progress | undefined {
  if (isComplete(deployment, counted)) {
    return {
      status: 'True',
      reason: 'NewReplicaSetAvailable',
      does: 'has successfully progressed',
    };
  }
  if (hasProgressed(deployment.status ?? {}, counted)) {
    return { status: 'True', reason: 'ReplicaSetUpdated', does: 'is progressing' };
  }
  return isTimedOut(deployment, current, nowMs)
    ? { status: 'False', reason: 'ProgressDeadlineExceeded', does: 'has timed out progressing' }
    : undefined;
}

/** Progress renews the condition's update time even when the condition is otherwise equal. */
function replaced(
  conditions: readonly Condition[],
  current: Condition | undefined,
  next: Condition,
): readonly Condition[] {
  const lastTransitionTime =
    current?.status === 'True' ? current.lastTransitionTime : next.lastTransitionTime;
  return [...withoutCondition(conditions, 'Progressing'), { ...next, lastTransitionTime }];
}

/** When the rollout will count as stuck; undefined when it cannot. */
export function deadlineOf(
  deployment: Deployment,
  current: Condition | undefined,
): number | undefined {
  if (!hasDeadline(deployment) || current?.lastUpdateTime === undefined) return undefined;
  if (current.reason === 'NewReplicaSetAvailable') return undefined;
  return Date.parse(current.lastUpdateTime) + deployment.spec.progressDeadlineSeconds * 1000;
}

function isTimedOut(
  deployment: Deployment,
  current: Condition | undefined,
  nowMs: number,
): boolean {
  if (current?.reason === 'ProgressDeadlineExceeded') return true;
  const deadline = deadlineOf(deployment, current);
  return deadline !== undefined && deadline < nowMs;
}

function withReplicaFailure(conditions: readonly Condition[], sets: Sets): readonly Condition[] {
  const preferred = [sets.newSet, ...sets.oldSets];
  const failure = preferred
    .map((set) => findCondition(set?.status?.conditions, 'ReplicaFailure'))
    .find((one) => one !== undefined);
  return failure === undefined
    ? withoutCondition(conditions, 'ReplicaFailure')
    : withCondition(conditions, failure);
}

export const isSameStatus = (a: DeploymentStatus | undefined, b: DeploymentStatus): boolean =>
  same(a ?? {}, b);
