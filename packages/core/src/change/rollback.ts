// SPDX-License-Identifier: Apache-2.0
import type { ChangeWorkload, ChangeWorkloadStatus, Reason } from '@altershield/api';
import type { Action, Decision, Observation, WorkloadView } from './model.ts';
import { move, timeText } from './status.ts';
import { suspend, type Because } from './stop.ts';

/** How long the verified revision may take to come back before a person is told. */
const MIN_ROLLBACK_MS = 600_000;

/** Reasons for which the revision is refused from now on. */
const QUARANTINED: ReadonlySet<Reason> = new Set([
  'CheckFailed',
  'RequestedByUser',
  'QuarantinedRevision',
]);

/**
 * Goes back to the last verified revision, or says why that can't be done. Never makes it worse:
 * no unverified destination, and no more automatic rollbacks per hour than the policy allows for the
 * workload and the operator's owner for the cluster.
 */
export function startRollback(
  o: Observation,
  workload: WorkloadView,
  status: ChangeWorkloadStatus,
  because: Because,
): Decision {
  const { from } = o.change.spec;
  if (from === undefined || !from.verified) {
    const message = `${because.message}; no verified revision to go back to`;
    return suspend(o, workload, status, { ...because, reason: 'NoVerifiedRevision', message });
  }
  const isAutomatic = because.reason !== 'RequestedByUser';
  const limit = isAutomatic ? limitReached(o) : undefined;
  if (limit !== undefined) {
    const message = `${because.message}; ${limit}`;
    return suspend(o, workload, status, { ...because, reason: 'RollbackLimit', message });
  }
  const next: ChangeWorkloadStatus = {
    ...move(status, o.now, ['RollingBack', because.reason], because.message),
    ...(because.verdict === undefined ? {} : { verdict: because.verdict }),
    rolledBackAt: timeText(o.now),
    rolledBackAfter: o.newest ?? o.change.spec.sequence,
    automaticRollback: isAutomatic,
    ...quarantineOf(o.change, because.reason, o.now),
  };
  return { status: next, action: rollBack(o, workload) };
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

/** A restart that fails leaves the template as good as it was: there is no revision to refuse. */
function quarantineOf(
  { spec }: ChangeWorkload,
  reason: Reason,
  now: number,
): Pick<ChangeWorkloadStatus, 'quarantine'> {
  const { quarantineSeconds } = spec.policy.spec.limits;
  const isRestart = spec.to.refusal === spec.from?.refusal;
  if (quarantineSeconds === 0 || isRestart || !QUARANTINED.has(reason)) return {};
  const until = timeText(now + quarantineSeconds * 1000);
  return { quarantine: { fingerprint: spec.to.refusal, until } };
}

/**
 * One write of template and fields. Not-ready pods of the refused revision go at once when
 * `maxUnavailable` covers what is not ready already; wider, and ready pods would go with them.
 */
function rollBack(
  { change, fresh, stable }: Observation,
  { user, replicas }: WorkloadView,
): Action {
  const { from } = change.spec;
  const missing = replicas - [...fresh, ...stable].filter((p) => p.ready).length;
  const isWide = missing > user.unavailable && fresh.some((p) => !p.ready);
  return {
    type: 'RollBack',
    id: change.metadata.uid,
    from: from?.fingerprint ?? '',
    template: from?.template ?? {},
    widenBy: isWide ? missing : 0,
  };
}

/** Why a rollback that was stopped on its way goes on. */
export const reasonOf = ({ automaticRollback }: ChangeWorkloadStatus): Reason =>
  automaticRollback === true ? 'CheckFailed' : 'RequestedByUser';

/** Carries a rollback to its end. Nothing but its end, or a newer revision, leaves this phase. */
export function decideRollback(
  o: Observation,
  workload: WorkloadView,
  status: ChangeWorkloadStatus,
): Decision {
  const { from, to } = o.change.spec;
  if (workload.hold.state === 'Lost') {
    const message = `${workload.hold.why}; the rollback can’t restore the owner’s fields`;
    return suspend(o, workload, status, { reason: 'HoldRecordLost', message });
  }
  if (workload.fingerprint === to.fingerprint) return stillThere(o, workload, status);
  if (workload.fingerprint !== from?.fingerprint) {
    const message = 'a newer revision was applied during the rollback';
    return { status: move(status, o.now, ['Superseded', 'Superseded'], message) };
  }
  if (workload.hold.state === 'Held') return narrow(o, workload, status);
  return awaitVerified(o, workload, status);
}

/** Our own rollback is repeated; an owner who reverted and then thought better of it begins anew. */
function stillThere(
  o: Observation,
  workload: WorkloadView,
  status: ChangeWorkloadStatus,
): Decision {
  if (status.reason !== 'RevertedByUser') return { status, action: rollBack(o, workload) };
  const message = 'the owner applied the revision again';
  const { batch: _, resumedAt: __, ...anew } = status;
  return { status: move(anew, o.now, ['Init', 'AwaitingRelease'], message), recheckAt: o.now };
}

/** Takes the width back once the pods that it was for are gone. */
function narrow(o: Observation, workload: WorkloadView, status: ChangeWorkloadStatus): Decision {
  const dueAt = deadlineOf(o, workload, status);
  const isDone = o.fresh.every((p) => p.ready) || status.reason === 'RevertedByUser';
  return isDone || o.now >= dueAt
    ? { status, action: { type: 'FinishRollBack' } }
    : { status, recheckAt: dueAt };
}

/** When a rollback that is not done is given to a person; counted from its write, which may come late. */
function deadlineOf(
  { now }: Observation,
  { progressDeadlineSeconds, writtenAt }: WorkloadView,
  { phaseSince, rolledBackAt }: ChangeWorkloadStatus,
): number {
  const since = Date.parse(phaseSince ?? rolledBackAt ?? timeText(now));
  return Math.max(since, writtenAt) + Math.max(MIN_ROLLBACK_MS, progressDeadlineSeconds * 1000);
}

function awaitVerified(
  o: Observation,
  workload: WorkloadView,
  status: ChangeWorkloadStatus,
): Decision {
  const ready = o.stable.filter((p) => p.ready).length;
  const wanted = workload.replicas - workload.user.unavailable;
  if (workload.settled && o.fresh.length === 0 && ready >= wanted) {
    const reason = status.reason === 'RevertedByUser' ? 'RevertedByUser' : 'RolledBack';
    return { status: endOf(status, o.now, reason, status.message) };
  }
  const dueAt = deadlineOf(o, workload, status);
  if (o.now < dueAt) return { status, recheckAt: dueAt };
  const message = `${ready} of ${workload.replicas} pods of the verified revision are ready, ${o.fresh.length} of the refused one are left; look at the pods`;
  return { status: endOf(status, o.now, 'RollbackIncomplete', message) };
}

const endOf = (
  status: ChangeWorkloadStatus,
  now: number,
  reason: Reason,
  message: string,
): ChangeWorkloadStatus =>
  move(status, now, [reason === 'RollbackIncomplete' ? 'Failed' : 'RolledBack', reason], message);
