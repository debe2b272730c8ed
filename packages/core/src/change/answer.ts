// SPDX-License-Identifier: Apache-2.0
import type { ChangeWorkloadSpec, ChangeWorkloadStatus, Phase } from '@altershield/api';
import type { Decision, Observation, WorkloadView } from './model.ts';
import { isGated } from './batch.ts';
import { reasonOf, startRollback } from './rollback.ts';
import { isOver, move, timeText } from './status.ts';
import { suspend } from './suspend.ts';
import { isFromVerified } from './verified.ts';

type PersonDecision = NonNullable<ChangeWorkloadSpec['decision']>;

/** Carries out what a person decided since we last looked; undefined when there is nothing new. */
export function answerDecision(o: Observation, status: ChangeWorkloadStatus): Decision | undefined {
  const { decision } = o.change.spec;
  if (decision === undefined || keyOf(decision) === status.decisionSeen) return undefined;
  const seen = { ...status, decisionSeen: keyOf(decision) };
  switch (decision.action) {
    case 'Lift':
      return { status: lift(seen, decision, o.now) };
    case 'Resume':
      return { status: resume(seen, o.now) };
    case 'RollBack':
      return rollBackNow(o, seen, decision);
  }
}

const keyOf = ({ action, at = '' }: PersonDecision): string => `${action} ${at}`.slice(0, 40);

function lift(
  status: ChangeWorkloadStatus,
  { by = 'unknown' }: PersonDecision,
  now: number,
): ChangeWorkloadStatus {
  if (status.quarantine === undefined || status.quarantine.lifted !== undefined) return status;
  return { ...status, quarantine: { ...status.quarantine, lifted: { by, at: timeText(now) } } };
}

/** The pods that are there go on in spite of the verdict; later ones are judged as ever. */
function resume(status: ChangeWorkloadStatus, now: number): ChangeWorkloadStatus {
  if (status.phase !== 'Suspend') return status;
  if (status.rolledBackAt !== undefined) return resumeRollback(status, now);
  const moved = move(status, now, ['Running', 'BatchReleasing'], 'resumed by a person');
  const running = { ...moved, resumedAt: timeText(now) };
  return status.batch === undefined
    ? running
    : { ...running, batch: { ...status.batch, waived: true } };
}

/** A rollback that was stopped on its way goes on: its verdict stands. */
const resumeRollback = (status: ChangeWorkloadStatus, now: number): ChangeWorkloadStatus =>
  move(status, now, ['RollingBack', reasonOf(status)], 'resumed by a person');

const NOT_TO_BE_TAKEN_BACK: ReadonlySet<Phase> = new Set([
  'RollingBack',
  'RolledBack',
  'Superseded',
]);

/** Whether the workload, and not another one of that name, runs what the change brought. */
const isOut = ({ change: { spec } }: Observation, { uid, fingerprint }: WorkloadView): boolean =>
  uid === spec.target.uid && fingerprint === spec.to.fingerprint;

/** Also of a change that ended, well or not, as long as its revision still runs. */
function rollBackNow(
  o: Observation,
  status: ChangeWorkloadStatus,
  { by = 'a person', reason = '' }: PersonDecision,
): Decision {
  const { workload } = o;
  if (workload === undefined || NOT_TO_BE_TAKEN_BACK.has(status.phase) || !isOut(o, workload)) {
    return { status };
  }
  const message = `${by} asked for it${reason === '' ? '' : `: ${reason}`}`;
  const obstacle = obstacleOf(o);
  if (obstacle !== undefined) return notBack(o, status, `${message}; ${obstacle}`);
  return startRollback(o, workload, status, { reason: 'RequestedByUser', message });
}

/** Who wants a change back does not want more of it. */
function notBack(o: Observation, status: ChangeWorkloadStatus, message: string): Decision {
  const isAtRest = isOver(status.phase) || !isGated(o.change.spec);
  if (isAtRest) return { status: { ...status, message: message.slice(0, 1024) } };
  return suspend(o, status, { reason: 'NoVerifiedRevision', message });
}

/** Why there is no way back; undefined when there is one. */
function obstacleOf({ change, isBackRefused }: Observation): string | undefined {
  if (isBackRefused === true) return 'the revision to go back to was quarantined since';
  return isFromVerified(change) ? undefined : 'there is no verified revision to go back to';
}
