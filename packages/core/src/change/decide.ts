// SPDX-License-Identifier: Apache-2.0
import type { ChangeWorkloadStatus, Phase, Reason, Verdict } from '@altershield/api';
import { answersTo } from './approval-answer.ts';
import { answerDecision } from './user-decision.ts';
import { batchIntent, batchRecord, batchStatus, due, isRevertTo, judge, stepOf } from './batch.ts';
import { isEnforced, isHeld } from './enforcement.ts';
import type { Decision, Observation } from './observation.ts';
import type { WorkloadView } from '../workload/view.ts';
import {
  awaitReplicas,
  decideRelease,
  decideRolling,
  END_OF,
  endVerdict,
  isPausedByUser,
  pausedByUser,
  type ReleaseContext,
} from './release.ts';
import { withHold } from './recorded-hold.ts';
import { decideRollback, rollbackReason, startRollback } from './rollback.ts';
import { isRecordedOnly } from '../workload/recorded-kinds.ts';
import { isOver, move, statusOf } from './status.ts';
import { suspend } from './suspend.ts';

/**
 * Decides what a change does next. Pure, total and level-based: it looks only at the current state,
 * so repeating it after its own actions took effect does nothing. A phase that ends the change has
 * no goal.
 */
export function decide(observation: Observation): Decision {
  const decision = decideNext(observation);
  const answers = answersTo(observation, decision.status);
  const answered = answers.length === 0 ? decision : { ...decision, answers };
  if (isOver(statusOf(observation.change).phase)) return answered;
  return { ...answered, status: withHold(decision.status, observation.workload) };
}

function decideNext(observation: Observation): Decision {
  const status = statusOf(observation.change);
  const answered = answerDecision(observation, status);
  if (answered !== undefined) return answered;
  if (isOver(status.phase)) return { status };
  const { workload, now, change } = observation;
  if (isRecordedOnly(change.spec))
    return { status: move(status, now, ['Success', 'RecordedOnly'], '') };
  if (workload === undefined || workload.uid !== observation.change.spec.target.uid) {
    return {
      status: move(status, observation.now, ['Failed', 'WorkloadDeleted'], 'the workload is gone'),
    };
  }
  if (status.phase === 'RollingBack') return decideRollback(observation, workload, status);
  if (workload.fingerprint !== observation.change.spec.to.fingerprint)
    return handleOtherRevision(observation, workload, status);
  return decideCurrent(observation, workload, status);
}

/** The workload runs a template other than the one this change releases. */
function handleOtherRevision(
  observation: Observation,
  workload: WorkloadView,
  status: ChangeWorkloadStatus,
): Decision {
  if (isRevertTo(observation.change.spec, workload.fingerprint)) {
    return reverted(observation, workload, status);
  }
  const isNewest = (observation.newest ?? 0) <= observation.change.spec.sequence;
  if (workload.isOwnWrite && isNewest && isEnforced(observation.change.spec)) {
    const why =
      'another admission plug-in altered the pod template when AlterShield wrote its annotation; exempt the user of the operator from it';
    return { status: move(status, observation.now, ['Suspend', 'AlteredByAdmission'], why) };
  }
  const message = 'a newer revision was applied before this change ended';
  return { status: move(status, observation.now, ['Superseded', 'Superseded'], message) };
}

function reverted(
  { now }: Observation,
  { actor }: WorkloadView,
  status: ChangeWorkloadStatus,
): Decision {
  const reason = status.rolledBackAt === undefined ? 'RevertedByUser' : rollbackReason(status);
  const message = actor.stamped
    ? `${actor.user} applied the previous revision again`
    : 'the previous revision was applied again';
  const next = move(status, now, ['RollingBack', reason], message);
  return { status: { ...next, revertedBy: actor }, recheckAt: now };
}

function decideCurrent(
  observation: Observation,
  workload: WorkloadView,
  status: ChangeWorkloadStatus,
): Decision {
  if (observation.denial !== undefined) {
    return {
      status: suspend(observation, status, { reason: 'WriteDenied', message: observation.denial })
        .status,
    };
  }
  const batch = stepOf(observation, workload, status);
  const outcome = judge(observation, workload, status, batch);
  const context: ReleaseContext = { observation, workload, status, batch, outcome };
  if (mustRollBack(observation, status)) return rollBackQuarantined(observation, workload, status);
  if (!isEnforced(observation.change.spec)) return observe(context);
  return decideEnforced(context);
}

/**
 * The user may have edited the workload so that it can no longer be released in batches: suspend
 * the change.
 */
function decideEnforced(context: ReleaseContext): Decision {
  const { observation, status } = context;
  const { unsupported, unsupportedHint = 'edit the workload' } = context.workload;
  if (!isHeld(observation.change.spec)) return decideRolling(context);
  if (unsupported === undefined) return decideBrokenHold(context) ?? decideRelease(context);
  const message = `${unsupported}; ${unsupportedHint} and run \`altershield resume\`, or run \`altershield rollback\``;
  return { status: suspend(observation, status, { reason: 'CannotMove', message }).status };
}

/**
 * Stable pods that are replaced would be updated ones, beyond the batch: a user decides whether the
 * change goes on all the same. A failure is still acted on.
 */
function decideBrokenHold({
  observation,
  workload: { brokenHold },
  status,
  outcome,
}: ReleaseContext): Decision | undefined {
  const isAccepted = status.resumedAt !== undefined || status.phase === 'Suspend';
  if (brokenHold === undefined || isAccepted || outcome.result.verdict === 'Fail') return undefined;
  const message = `${brokenHold}; run \`altershield resume\` to go on all the same, or run \`altershield rollback\``;
  return suspend(observation, status, { reason: 'CannotMove', message });
}

/** Whether a quarantined revision bypassed admission, by a new change, a late one or a revert. */
function mustRollBack(
  { change: { spec }, isQuarantined }: Observation,
  { phase }: ChangeWorkloadStatus,
): boolean {
  const isOurs = spec.policy.spec.mode === 'Enforce' && spec.operation !== 'Create';
  return isQuarantined && isOurs && phase === 'Init';
}

/** An observed-only change that cannot be rolled back is left to a user, without a hold. */
function rollBackQuarantined(
  observation: Observation,
  workload: WorkloadView,
  status: ChangeWorkloadStatus,
): Decision {
  const message = 'this revision was quarantined before; it is rolled back';
  const back = startRollback(observation, workload, status, {
    reason: 'QuarantinedRevision',
    message,
  });
  const isStuck = back.status.phase === 'Suspend' && !isEnforced(observation.change.spec);
  return isStuck ? { status: back.status } : back;
}

/**
 * Observe-only changes (audit mode, new workloads, reverts, pre-existing revisions): evaluate and
 * record, never modify the workload.
 */
function observe(context: ReleaseContext): Decision {
  const { observation, batch, outcome } = context;
  if (context.status.phase === 'Suspend') return { status: context.status };
  if (isPausedByUser(context)) return pausedByUser(context);
  if (context.workload.size === 0) return awaitReplicas(context);
  const { verdict, message } = outcome.result;
  const status = observing(context);
  switch (verdict) {
    case 'Fail':
      return close(context, ['Failed', 'CheckFailed', verdict], message);
    case 'Inconclusive':
      return close(context, ['Failed', 'CheckInconclusive', verdict], message);
    case 'Pass':
      return close(context, ['Success', END_OF[endVerdict(context)], endVerdict(context)], message);
    case 'None':
    case 'Pending':
      return { status, batch: batchIntent(observation, batch), ...due(outcome) };
  }
}

function observing({ observation, status, batch }: ReleaseContext): ChangeWorkloadStatus {
  const reason: Reason =
    observation.change.spec.operation === 'Create' ? 'NewWorkload' : 'ObserveOnly';
  const running = move(status, observation.now, ['Running', reason], '');
  return { ...running, verdict: 'Pending', batch: batchStatus(batch) };
}

function close(
  context: ReleaseContext,
  [phase, reason, verdict]: readonly [Phase, Reason, Verdict],
  message: string,
): Decision {
  const status = {
    ...move(observing(context), context.observation.now, [phase, reason], message),
    verdict,
  };
  return { status, batch: batchRecord(context.observation, context.batch, context.outcome) };
}
