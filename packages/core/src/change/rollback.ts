// SPDX-License-Identifier: Apache-2.0
import type { ChangeWorkload, ChangeWorkloadStatus, Reason } from '@altershield/api';
import type { Decision, Observation } from './observation.ts';
import type { Goal } from '../workload/goal.ts';
import type { WorkloadView } from '../workload/view.ts';
import { contentOf } from '../revision/content.ts';
import { isEnforced } from './enforcement.ts';
import { move, timeText } from './status.ts';
import { isRestored } from '../workload/ownership.ts';
import { isFromVerified } from './history.ts';
import { routeOf, suspend, type Explanation } from './suspend.ts';

/** How long a rollback may take before it counts as incomplete and needs a user. */
const MIN_ROLLBACK_MS = 600_000;

/** Rollback reasons that quarantine the revision. */
const QUARANTINED: ReadonlySet<Reason> = new Set([
  'CheckFailed',
  'RequestedByUser',
  'Rejected',
  'QuarantinedRevision',
]);

/**
 * Rolls back to the last verified revision, or suspends the change with the reason why it cannot.
 * Never makes things worse: it needs a verified target, and it respects the limits for automatic
 * rollbacks per hour, of the policy for the workload and of the operator for the cluster.
 */
export function startRollback(
  observation: Observation,
  workload: WorkloadView,
  status: ChangeWorkloadStatus,
  explanation: Explanation,
): Decision {
  const { rollbackProblem } = workload;
  if (rollbackProblem !== undefined) {
    const message = `${explanation.message}; ${rollbackProblem}`;
    return suspend(observation, status, { ...explanation, message });
  }
  if (!isFromVerified(observation.change)) {
    const message = `${explanation.message}; no verified revision to roll back to`;
    return suspend(observation, status, { ...explanation, reason: 'NoVerifiedRevision', message });
  }
  const isAutomatic = !['RequestedByUser', 'Rejected'].includes(explanation.reason);
  const limit = isAutomatic ? limitReached(observation) : undefined;
  if (limit !== undefined) {
    const message = `${explanation.message}; ${limit}`;
    return suspend(observation, status, { ...explanation, reason: 'RollbackLimit', message });
  }
  const next: ChangeWorkloadStatus = {
    ...move(status, observation.now, ['RollingBack', explanation.reason], explanation.message),
    ...(explanation.verdict === undefined ? {} : { verdict: explanation.verdict }),
    rolledBackAt: timeText(observation.now),
    rolledBackAtSequence: observation.newest ?? observation.change.spec.sequence,
    automaticRollback: isAutomatic,
    ...quarantineOf(observation.change, explanation.reason, observation.now),
  };
  return { status: next, goal: rollBackGoal(observation, next) };
}

function limitReached({
  change: { spec },
  recentRollbacks: recent,
  clusterRollbacks: cluster,
}: Observation): string | undefined {
  const allowed = spec.policy.spec.limits.rollbacksPerHour;
  const within = 'automatic rollbacks within an hour';
  if (recent >= allowed) return `${recent} ${within}, ${allowed} allowed`;
  if (cluster === undefined || cluster.recent < cluster.allowed) return undefined;
  return `${cluster.recent} ${within} in the whole cluster, ${cluster.allowed} allowed`;
}

/** A failed restart says nothing about the template: there is no revision to quarantine. */
function quarantineOf(
  { spec }: ChangeWorkload,
  reason: Reason,
  now: number,
): Pick<ChangeWorkloadStatus, 'quarantine'> {
  const { quarantineSeconds } = spec.policy.spec.limits;
  const isRestart = spec.to.quarantineKey === spec.from?.quarantineKey;
  if (quarantineSeconds === 0 || isRestart || !QUARANTINED.has(reason)) return {};
  const until = timeText(now + quarantineSeconds * 1000);
  return { quarantine: { fingerprint: spec.to.quarantineKey, until } };
}

const rollBackGoal = (
  observation: Observation,
  { reason, rolledBackAt, message }: ChangeWorkloadStatus,
): Goal => {
  const { from, policy } = observation.change.spec;
  const isOwn = reason !== 'RevertedByUser';
  return {
    type: 'RollBack',
    ...routeOf(observation),
    template: from === undefined ? {} : contentOf(from),
    ...(isOwn && from?.ownership !== undefined ? { ownership: from.ownership } : {}),
    ...(isOwn && rolledBackAt !== undefined ? { failure: { since: rolledBackAt, message } } : {}),
    isOwn,
    keepsHold: policy.spec.failurePolicy === 'Fail',
  };
};

/** The reason of a rollback that resumes after it was suspended. */
export const rollbackReason = ({ automaticRollback }: ChangeWorkloadStatus): Reason =>
  automaticRollback === true ? 'CheckFailed' : 'RequestedByUser';

/**
 * Continues a rollback until it ends. Its end, a newer revision or a denied write leaves this
 * phase.
 */
export function decideRollback(
  observation: Observation,
  workload: WorkloadView,
  status: ChangeWorkloadStatus,
): Decision {
  const { from, to } = observation.change.spec;
  const { fingerprint } = workload;
  if (observation.denial !== undefined) {
    const message = `the rollback was denied: ${observation.denial}`;
    return { status: suspend(observation, status, { reason: 'WriteDenied', message }).status };
  }
  if (fingerprint === to.fingerprint) return stillThere(observation, status);
  if ([from?.fingerprint, status.restoredFingerprint].includes(fingerprint)) {
    return awaitVerified(observation, workload, status);
  }
  if (isOwnRollback(observation, workload, status)) {
    return { status: { ...status, restoredFingerprint: fingerprint }, recheckAt: observation.now };
  }
  const message = 'a newer revision was applied during the rollback';
  return { status: move(status, observation.now, ['Superseded', 'Superseded'], message) };
}

/**
 * Whether the workload runs the verified template as another admission plug-in altered it: the
 * operator wrote it last.
 */
function isOwnRollback(
  { newest = 0, change: { spec } }: Observation,
  { isOwnWrite }: WorkloadView,
  { reason, rolledBackAtSequence = spec.sequence }: ChangeWorkloadStatus,
): boolean {
  return isOwnWrite && newest <= rolledBackAtSequence && reason !== 'RevertedByUser';
}

/**
 * Repeats the operator's own rollback; a change that the user reverted and then applied again
 * starts over.
 */
function stillThere(observation: Observation, status: ChangeWorkloadStatus): Decision {
  if (status.reason !== 'RevertedByUser')
    return { status, goal: rollBackGoal(observation, status) };
  const message = 'the revision was applied again';
  const { batch: _, resumedAt: __, revertedBy: ___, ...anew } = status;
  return {
    status: move(anew, observation.now, ['Init', 'AwaitingRelease'], message),
    recheckAt: observation.now,
  };
}

/**
 * Deadline of a rollback, after which a user must look at it. It counts from the rollback's write,
 * which may come late.
 */
function rollbackDeadline(
  { now }: Observation,
  { progressDeadlineSeconds, lastOperatorWriteAt }: WorkloadView,
  { phaseSince, rolledBackAt }: ChangeWorkloadStatus,
): number {
  const since = Date.parse(phaseSince ?? rolledBackAt ?? timeText(now));
  return (
    Math.max(since, lastOperatorWriteAt) + Math.max(MIN_ROLLBACK_MS, progressDeadlineSeconds * 1000)
  );
}

function awaitVerified(
  observation: Observation,
  workload: WorkloadView,
  status: ChangeWorkloadStatus,
): Decision {
  const ready = observation.stable.filter((p) => p.ready).length;
  const isRestored = workload.borrowed?.isRestored !== false;
  const isBack =
    workload.isObserved &&
    isRestored &&
    observation.updated.length === 0 &&
    ready >= workload.minReady;
  if (isBack && isOwned(observation, workload, status)) {
    const reason = status.reason === 'RevertedByUser' ? 'RevertedByUser' : 'RolledBack';
    return { status: rollbackEnd(status, observation.now, reason, status.message) };
  }
  // Pods that are back are no failure, however late the last write is: it has a deadline of its own.
  const dueAt = isBack
    ? ownershipDueAt(observation, status)
    : rollbackDeadline(observation, workload, status);
  if (observation.now < dueAt) {
    return { status, ...restoreGoal(observation, status), recheckAt: dueAt };
  }
  const message = `${ready} of ${workload.replicas} pods of the verified revision are ready, ${observation.updated.length} of the quarantined one remain; check the pods`;
  return { status: rollbackEnd(status, observation.now, 'RollbackIncomplete', message) };
}

/**
 * A user who reverts a change that was observed only leaves nothing to restore: a write would fight
 * with the rest of a policy that modifies nothing.
 */
const restoreGoal = (
  observation: Observation,
  status: ChangeWorkloadStatus,
): Pick<Decision, 'goal'> =>
  status.reason === 'RevertedByUser' && !isEnforced(observation.change.spec)
    ? {}
    : { goal: rollBackGoal(observation, status) };

/** How long a rollback waits for its last write, which conflicts with other clients may delay. */
const OWNERSHIP_MS = 10_000;

/** That write comes only once the controller has observed the template, which may be late. */
const ownershipDueAt = (
  { observedSince = 0 }: Observation,
  { rolledBackAt = '' }: ChangeWorkloadStatus,
): number => Math.max(observedSince, Date.parse(rolledBackAt) || 0) + OWNERSHIP_MS;

/** Whether field ownership of the template is restored; otherwise the next apply conflicts. */
function isOwned(
  observation: Observation,
  { ownership: now }: WorkloadView,
  status: ChangeWorkloadStatus,
): boolean {
  const wanted = observation.change.spec.from?.ownership;
  if (wanted === undefined || status.reason === 'RevertedByUser') return true;
  return isRestored(now, wanted) || observation.now >= ownershipDueAt(observation, status);
}

const rollbackEnd = (
  status: ChangeWorkloadStatus,
  now: number,
  reason: Reason,
  message: string,
): ChangeWorkloadStatus =>
  move(status, now, [reason === 'RollbackIncomplete' ? 'Failed' : 'RolledBack', reason], message);
