// SPDX-License-Identifier: Apache-2.0
import type { ChangeWorkloadStatus, Phase, Reason, Verdict } from '@altershield/api';
import { answerDecision } from './answer.ts';
import { batchIntent, batchOf, batchRecord, batchStatus, due, isBackAt, judge } from './batch.ts';
import { isGated, isHeld } from './enforcement.ts';
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
  type Standing,
} from './release.ts';
import { decideRollback, reasonOf, startRollback } from './rollback.ts';
import { isOver, move, statusOf } from './status.ts';
import { suspend } from './suspend.ts';

/**
 * Decides what a change does next. Pure, total and level-based: it judges where things stand, so
 * that repeating it after its own actions took effect adds nothing. A phase that ends the change
 * carries no action.
 */
export function decide(o: Observation): Decision {
  const status = statusOf(o.change);
  const answered = answerDecision(o, status);
  if (answered !== undefined) return answered;
  if (isOver(status.phase)) return { status };
  const { workload } = o;
  if (workload === undefined || workload.uid !== o.change.spec.target.uid) {
    return { status: move(status, o.now, ['Failed', 'WorkloadDeleted'], 'the workload is gone') };
  }
  if (status.phase === 'RollingBack') return decideRollback(o, workload, status);
  if (workload.fingerprint !== o.change.spec.to.fingerprint) return movedOn(o, workload, status);
  return decideHere(o, workload, status);
}

/** The workload runs another template than the one this change releases. */
function movedOn(o: Observation, workload: WorkloadView, status: ChangeWorkloadStatus): Decision {
  if (isBackAt(o.change.spec, workload.fingerprint)) {
    return reverted(o, workload, status);
  }
  const isNewest = (o.newest ?? 0) <= o.change.spec.sequence;
  if (workload.isOwnWrite && isNewest && isGated(o.change.spec)) {
    const why =
      'another admission plug-in altered the pod template when AlterShield wrote its annotation; exempt the user of the operator from it';
    return { status: move(status, o.now, ['Suspend', 'AlteredByAdmission'], why) };
  }
  const message = 'a newer revision was applied before this one was done';
  return { status: move(status, o.now, ['Superseded', 'Superseded'], message) };
}

function reverted(
  { now }: Observation,
  { actor }: WorkloadView,
  status: ChangeWorkloadStatus,
): Decision {
  const reason = status.rolledBackAt === undefined ? 'RevertedByUser' : reasonOf(status);
  const message = actor.stamped
    ? `${actor.user} applied the previous revision again`
    : 'the previous revision was applied again';
  const next = move(status, now, ['RollingBack', reason], message);
  return { status: { ...next, revertedBy: actor }, recheckAt: now };
}

function decideHere(
  o: Observation,
  workload: WorkloadView,
  status: ChangeWorkloadStatus,
): Decision {
  if (o.denial !== undefined) {
    return { status: suspend(o, status, { reason: 'WriteDenied', message: o.denial }).status };
  }
  const batch = batchOf(o, workload, status);
  const finding = judge(o, workload, status, batch);
  const standing: Standing = { o, workload, status, batch, finding };
  if (isToBeTakenBack(o, status)) return takeBack(o, workload, status);
  if (!isGated(o.change.spec)) return observe(standing);
  return decideEnforced(standing);
}

/** The user may have edited the workload so that it can no longer be released in batches: nothing moves. */
function decideEnforced(s: Standing): Decision {
  const { o, status } = s;
  const { unsupported } = s.workload;
  if (!isHeld(o.change.spec)) return decideRolling(s);
  if (unsupported === undefined) return decideRelease(s);
  const message = `${unsupported}; change that back, then run \`altershield resume\`, or run \`altershield rollback\``;
  return { status: suspend(o, status, { reason: 'CannotMove', message }).status };
}

/** A refused revision that got past admission, whether by a new change, late, or as a way back. */
function isToBeTakenBack(
  { change: { spec }, refused }: Observation,
  { phase }: ChangeWorkloadStatus,
): boolean {
  const isOurs = spec.policy.spec.mode === 'Enforce' && spec.operation !== 'Create';
  return refused && isOurs && phase === 'Init';
}

/** What is out and can't be taken back is left to a user as it is. */
function takeBack(o: Observation, workload: WorkloadView, status: ChangeWorkloadStatus): Decision {
  const message = 'this revision was quarantined before; it is rolled back';
  const back = startRollback(o, workload, status, { reason: 'QuarantinedRevision', message });
  const isStuck = back.status.phase === 'Suspend' && !isGated(o.change.spec);
  return isStuck ? { status: back.status } : back;
}

/** Audit mode, new workloads, ways back and what was out when it was found: recorded and judged, nothing is touched. */
function observe(s: Standing): Decision {
  const { o, batch, finding } = s;
  if (s.status.phase === 'Suspend') return { status: s.status };
  if (isPausedByUser(s)) return pausedByUser(s);
  if (s.workload.size === 0) return awaitReplicas(s);
  const { verdict, message } = finding.result;
  const status = observing(s);
  switch (verdict) {
    case 'Fail':
      return closed(s, ['Failed', 'CheckFailed', verdict], message);
    case 'Inconclusive':
      return closed(s, ['Failed', 'CheckInconclusive', verdict], message);
    case 'Pass':
      return closed(s, ['Success', END_OF[endVerdict(s)], endVerdict(s)], message);
    case 'None':
    case 'Pending':
      return { status, batch: batchIntent(o, batch), ...due(finding) };
  }
}

function observing({ o, status, batch }: Standing): ChangeWorkloadStatus {
  const reason: Reason = o.change.spec.operation === 'Create' ? 'NewWorkload' : 'ObserveOnly';
  const running = move(status, o.now, ['Running', reason], '');
  return { ...running, verdict: 'Pending', batch: batchStatus(batch) };
}

function closed(
  s: Standing,
  [phase, reason, verdict]: readonly [Phase, Reason, Verdict],
  message: string,
): Decision {
  const status = { ...move(observing(s), s.o.now, [phase, reason], message), verdict };
  return { status, batch: batchRecord(s.o, s.batch, s.finding) };
}
