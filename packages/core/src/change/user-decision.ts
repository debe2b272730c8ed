// SPDX-License-Identifier: Apache-2.0
import {
  MAX_DECISIONS,
  type ChangeWorkloadSpec,
  type ChangeWorkloadStatus,
  type DecisionAction,
  type PastDecision,
  type Phase,
} from '@altershield/api';
import type { Decision, Observation } from './observation.ts';
import type { WorkloadView } from '../workload/view.ts';
import { isEnforced } from './enforcement.ts';
import { rollbackReason, startRollback } from './rollback.ts';
import { isOver, move, timeText } from './status.ts';
import { suspend } from './suspend.ts';
import { isFromVerified } from './history.ts';

type UserDecision = NonNullable<ChangeWorkloadSpec['decision']>;

/** User name for a decision that bypassed admission. */
const UNKNOWN_USER = 'an unknown user';

/** Carries out a new decision of a user; undefined when there is none. */
export function answerDecision(
  observation: Observation,
  status: ChangeWorkloadStatus,
): Decision | undefined {
  const { decision } = observation.change.spec;
  if (decision === undefined || decisionKey(decision) === status.observedDecision) return undefined;
  const answer = carryOut(
    observation,
    { ...status, observedDecision: decisionKey(decision) },
    decision,
  );
  const carriedOut = isCarriedOut(decision.action, status, answer.status);
  const entry = {
    ...pastDecision(decision),
    carriedOut,
    ...(carriedOut ? overridden(observation, status) : {}),
  };
  const decisions = [...(status.decisions ?? []), entry].slice(-MAX_DECISIONS);
  return { ...answer, status: { ...answer.status, decisions } };
}

function carryOut(
  observation: Observation,
  status: ChangeWorkloadStatus,
  decision: UserDecision,
): Decision {
  switch (decision.action) {
    case 'Lift':
      return { status: lift(status, decision, observation.now) };
    case 'Resume':
      return { status: resume(status, decision, observation.now) };
    case 'RollBack':
      return rollBackNow(observation, status, decision);
  }
}

function isCarriedOut(
  action: DecisionAction,
  before: ChangeWorkloadStatus,
  after: ChangeWorkloadStatus,
): boolean {
  switch (action) {
    case 'Lift':
      return after.quarantine?.lifted !== before.quarantine?.lifted;
    case 'Resume':
      return before.phase === 'Suspend';
    case 'RollBack':
      return before.phase !== 'RollingBack' && after.phase === 'RollingBack';
  }
}

const pastDecision = ({
  action,
  by,
  at,
  reason,
}: UserDecision): Omit<PastDecision, 'carriedOut'> => ({
  action,
  ...(by === undefined ? {} : { by }),
  ...(at === undefined ? {} : { at }),
  ...(reason === undefined ? {} : { reason }),
});

/** Evidence items kept with a decision, because the ChangePod may be judged again later. */
const MAX_EVIDENCE = 3;

/** The state that the user overrode: later transitions of the change overwrite it. */
function overridden(
  { batch }: Observation,
  { phase, reason, message, verdict, batch: progress }: ChangeWorkloadStatus,
): Pick<PastDecision, 'overridden'> {
  const checks = batch?.status?.checks ?? [];
  const evidence = checks
    .filter((check) => check.verdict === verdict)
    .flatMap((check) => check.evidence)
    .slice(0, MAX_EVIDENCE);
  return {
    overridden: {
      phase,
      reason,
      ...(message === '' ? {} : { message }),
      verdict,
      ...(progress === undefined ? {} : { batch: progress.index }),
      ...(evidence.length === 0 ? {} : { evidence }),
    },
  };
}

const decisionKey = ({ action, at = '' }: UserDecision): string => `${action} ${at}`.slice(0, 40);

function lift(
  status: ChangeWorkloadStatus,
  { by = UNKNOWN_USER }: UserDecision,
  now: number,
): ChangeWorkloadStatus {
  if (status.quarantine === undefined || status.quarantine.lifted !== undefined) return status;
  return { ...status, quarantine: { ...status.quarantine, lifted: { by, at: timeText(now) } } };
}

/** Accepts the existing pods despite the verdict; later pods are judged as usual. */
function resume(
  status: ChangeWorkloadStatus,
  { by = UNKNOWN_USER }: UserDecision,
  now: number,
): ChangeWorkloadStatus {
  if (status.phase !== 'Suspend') return status;
  const message = `resumed by ${by}`;
  // Continue a suspended rollback: its verdict stands.
  if (status.rolledBackAt !== undefined) {
    return move(status, now, ['RollingBack', rollbackReason(status)], message);
  }
  const moved = move(status, now, ['Running', 'BatchReleasing'], message);
  // The pause was planned: nothing is accepted that checks would not pass.
  if (status.reason === 'PausedAfterStep') {
    return status.batch === undefined
      ? moved
      : { ...moved, batch: { ...status.batch, resumed: true } };
  }
  const running = { ...moved, resumedAt: timeText(now) };
  return status.batch === undefined
    ? running
    : { ...running, batch: { ...status.batch, overridden: true } };
}

const PHASES_WITHOUT_ROLLBACK: ReadonlySet<Phase> = new Set([
  'RollingBack',
  'RolledBack',
  'Superseded',
]);

/** Whether this workload, not another one of the same name, runs the revision of the change. */
const isOut = ({ change: { spec } }: Observation, { uid, fingerprint }: WorkloadView): boolean =>
  uid === spec.target.uid && fingerprint === spec.to.fingerprint;

/** Rolls back on request, also after the change ended, as long as its revision still runs. */
function rollBackNow(
  observation: Observation,
  status: ChangeWorkloadStatus,
  { by = UNKNOWN_USER, reason = '' }: UserDecision,
): Decision {
  const { workload } = observation;
  if (
    workload === undefined ||
    PHASES_WITHOUT_ROLLBACK.has(status.phase) ||
    !isOut(observation, workload)
  ) {
    return { status };
  }
  const message = `requested by ${by}${reason === '' ? '' : `: ${reason}`}`;
  const obstacle = obstacleOf(observation);
  if (obstacle !== undefined) return notBack(observation, status, `${message}; ${obstacle}`);
  return startRollback(observation, workload, status, { reason: 'RequestedByUser', message });
}

/**
 * Suspends a change whose rollback was requested but is impossible: no more of its pods are
 * released.
 */
function notBack(
  observation: Observation,
  status: ChangeWorkloadStatus,
  message: string,
): Decision {
  const isClosed = isOver(status.phase) || !isEnforced(observation.change.spec);
  if (isClosed) return { status: { ...status, message: message.slice(0, 1024) } };
  return suspend(observation, status, { reason: 'NoVerifiedRevision', message });
}

/** Why the change cannot be rolled back; undefined when it can. */
function obstacleOf({ change, isTargetQuarantined }: Observation): string | undefined {
  if (isTargetQuarantined === true) return 'the rollback target has been quarantined since';
  return isFromVerified(change) ? undefined : 'there is no verified revision to roll back to';
}
