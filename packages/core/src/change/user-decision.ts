// SPDX-License-Identifier: Apache-2.0
import type {
  ChangeApproval,
  ChangeWorkloadStatus,
  DecisionAction,
  PastDecision,
  Phase,
} from '@altershield/api';
import type { Decision, Observation } from './observation.ts';
import type { WorkloadView } from '../workload/view.ts';
import { isEnforced } from './enforcement.ts';
import { rollbackReason, startRollback } from './rollback.ts';
import { isOver, move, timeText } from './status.ts';
import { suspend } from './suspend.ts';
import { isFromVerified } from './history.ts';
import { isAnswered } from './approval-answer.ts';
import { entryOf, withDecisions } from './past-decisions.ts';

/** A decision that is not carried out yet. */
interface UserDecision {
  readonly action: DecisionAction;
  readonly by?: string | undefined;
  readonly reason?: string | undefined;
  /** How the record keeps it. */
  readonly entry: Omit<PastDecision, 'carriedOut'>;
}

/** User name for a decision that bypassed admission. */
const UNKNOWN_USER = 'an unknown user';

/** Carries out the oldest new decision of a user; undefined when there is none. */
export function answerDecision(
  observation: Observation,
  status: ChangeWorkloadStatus,
): Decision | undefined {
  const decision = nextDecision(observation, status);
  if (decision === undefined) return undefined;
  const answer = carryOut(observation, status, decision);
  const carriedOut = isCarriedOut(decision.action, status, answer.status);
  const kept = {
    ...decision.entry,
    carriedOut,
    ...(carriedOut ? overridden(observation, status) : {}),
  };
  return {
    ...answer,
    status: { ...answer.status, decisions: withDecisions(answer.status, [kept]) },
  };
}

/** Approvals are counted where a batch waits for them; a rejection needs a proven author, as they do. */
function nextDecision(
  { approvals = [] }: Observation,
  { decisions = [] }: ChangeWorkloadStatus,
): UserDecision | undefined {
  const isOnRecord = (uid: string): boolean => decisions.some(({ approval }) => approval === uid);
  const [next] = approvals
    .filter((each) => each.spec.decision !== 'Approve' && !isAnswered(each))
    .filter(({ spec }) => spec.decision !== 'Reject' || spec.author !== undefined)
    .filter(({ metadata }) => !isOnRecord(metadata.uid))
    .toSorted((a, b) => (orderOf(a) < orderOf(b) ? -1 : 1));
  if (next === undefined) return undefined;
  const { decision: action, author, reason } = next.spec;
  return { action, by: author?.user, reason, entry: entryOf(next) };
}

const orderOf = ({ metadata, spec }: ChangeApproval): string =>
  `${spec.at ?? metadata.creationTimestamp} ${metadata.name}`;

function carryOut(
  observation: Observation,
  status: ChangeWorkloadStatus,
  decision: UserDecision,
): Decision {
  const { now } = observation;
  switch (decision.action) {
    case 'Lift':
      return { status: lift(status, decision, now) };
    case 'Resume':
      return { status: resume(status, decision, now) };
    case 'Skip':
      return { status: skip(status, decision, now) };
    case 'Pause':
      return pause(observation, status, decision);
    case 'Reject':
      return isOver(status.phase) ? { status } : rollBackNow(observation, status, decision);
    case 'RollBack':
      return rollBackNow(observation, status, decision);
    case 'Approve':
      return { status };
  }
}

const isCarriedOut = (
  action: DecisionAction,
  before: ChangeWorkloadStatus,
  after: ChangeWorkloadStatus,
): boolean => EFFECTS[action](before, after);

type Effect = (before: ChangeWorkloadStatus, after: ChangeWorkloadStatus) => boolean;

const entered =
  (phase: Phase): Effect =>
  (before, after) =>
    before.phase !== phase && after.phase === phase;

/** How the status shows that a decision was carried out. */
const EFFECTS: Readonly<Record<DecisionAction, Effect>> = {
  Approve: () => false,
  Reject: entered('RollingBack'),
  RollBack: entered('RollingBack'),
  Pause: entered('Suspend'),
  Resume: (before) => before.phase === 'Suspend',
  Skip: (before, after) => after.batch?.skipped === true && before.batch?.skipped !== true,
  Lift: (before, after) => after.quarantine?.lifted !== before.quarantine?.lifted,
};

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
  const isPause = status.reason === 'RequestedByUser';
  if (isPause && status.startedAt === undefined) {
    return move(status, now, ['Init', 'AwaitingRelease'], message);
  }
  const moved = move(status, now, ['Running', 'BatchReleasing'], message);
  // The pause was planned: nothing is accepted that checks would not pass.
  if (status.reason === 'PausedAfterStep') {
    return status.batch === undefined
      ? moved
      : { ...moved, batch: { ...status.batch, resumed: true } };
  }
  // A pause overrode no verdict: its end accepts nothing.
  if (isPause) return moved;
  const running = { ...moved, resumedAt: timeText(now) };
  return status.batch === undefined
    ? running
    : { ...running, batch: { ...status.batch, overridden: true } };
}

/** Suspends a change that is being released, whatever its checks say. */
function pause(
  observation: Observation,
  status: ChangeWorkloadStatus,
  decision: UserDecision,
): Decision {
  const isReleasing = isEnforced(observation.change.spec) && PAUSABLE.has(status.phase);
  const { workload } = observation;
  if (!isReleasing || workload === undefined || !isOut(observation, workload)) return { status };
  const message = `paused by ${whoAndWhy(decision)}`;
  return suspend(observation, status, { reason: 'RequestedByUser', message });
}

const PAUSABLE: ReadonlySet<Phase> = new Set(['Init', 'Running', 'TimeOutPreThreshold']);

/** Accepts the pods of the batch as they are, without the rest of its soak time. */
function skip(
  status: ChangeWorkloadStatus,
  decision: UserDecision,
  now: number,
): ChangeWorkloadStatus {
  const { phase, batch } = status;
  if (batch === undefined || (phase !== 'Running' && phase !== 'TimeOutPreThreshold'))
    return status;
  return {
    ...status,
    message: `batch ${batch.index} skipped by ${whoAndWhy(decision)}`.slice(0, 1024),
    resumedAt: timeText(now),
    batch: { ...batch, overridden: true, skipped: true },
  };
}

const whoAndWhy = ({ by = UNKNOWN_USER, reason = '' }: UserDecision): string =>
  `${by}${reason === '' ? '' : `: ${reason}`}`;

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
  decision: UserDecision,
): Decision {
  const { workload } = observation;
  const isRejected = decision.action === 'Reject';
  if (
    workload === undefined ||
    PHASES_WITHOUT_ROLLBACK.has(status.phase) ||
    !isOut(observation, workload)
  ) {
    return { status };
  }
  const message = `${isRejected ? 'rejected' : 'requested'} by ${whoAndWhy(decision)}`;
  const obstacle = obstacleOf(observation);
  if (obstacle !== undefined) return notBack(observation, status, `${message}; ${obstacle}`);
  return startRollback(observation, workload, status, {
    reason: isRejected ? 'Rejected' : 'RequestedByUser',
    message,
  });
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
function obstacleOf({ change, isTargetQuarantined, workload }: Observation): string | undefined {
  if (workload?.rollbackProblem !== undefined) return workload.rollbackProblem;
  if (isTargetQuarantined === true) return 'the rollback target has been quarantined since';
  return isFromVerified(change) ? undefined : 'there is no verified revision to roll back to';
}
