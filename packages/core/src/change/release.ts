// SPDX-License-Identifier: Apache-2.0
import type { ChangeWorkloadStatus, Reason, Verdict } from '@altershield/api';
import { createFailureKind, createFailures } from '../check/create-failure.ts';
import { wait, type CheckOutcome } from '../check/pod-health.ts';
import { pendingApproval, usersOf, type PendingApproval } from './approval.ts';
import {
  overriddenBefore,
  batchIntent,
  batchRecord,
  batchStatus,
  due,
  currentAsOf,
  nextStep,
} from './batch.ts';
import type { Decision, Observation } from './observation.ts';
import { misfit, type Step } from '../policy/steps.ts';
import { strategyOf } from './enforcement.ts';
import type { Goal } from '../workload/goal.ts';
import type { PodView } from '../check/pod-view.ts';
import type { WorkloadView } from '../workload/view.ts';
import { startRollback } from './rollback.ts';
import { move, timeText } from './status.ts';
import { holdGoal, routeOf, suspend } from './suspend.ts';
import { entryOf, withDecisions } from './past-decisions.ts';

/**
 * One change at one reconcile: the observation, its status, the batch in progress and the check
 * outcome.
 */
export interface ReleaseContext {
  readonly observation: Observation;
  readonly workload: WorkloadView;
  readonly status: ChangeWorkloadStatus;
  readonly batch: Step;
  readonly outcome: CheckOutcome;
}

/** Releases a held change, batch by batch. */
export function decideRelease(context: ReleaseContext): Decision {
  const { status, observation } = context;
  if (status.phase === 'Suspend') return keepSuspended(context);
  if (isPausedByUser(context)) return { ...pausedByUser(context), goal: holdGoal(observation) };
  if (context.workload.size === 0)
    return { ...awaitReplicas(context), goal: holdGoal(observation) };
  return releaseApproved(context);
}

/** Failing pods are acted on also while the next batch waits for approval. */
function releaseApproved(context: ReleaseContext): Decision {
  const { observation, status, batch, outcome } = context;
  const pending = pendingApproval(observation, status, batch);
  const isFailing = outcome.result.verdict === 'Fail';
  if (pending === undefined || isFailing) return proceedApproved(context);
  if (pending.missing !== undefined) return awaitApproval(context, pending, pending.missing);
  const approved = { ...context, status: withApproval(status, pending, { batch, observation }) };
  return proceedApproved(approved);
}

const proceedApproved = (context: ReleaseContext): Decision =>
  suspendMisfit(context) ?? proveFrom(context) ?? applyVerdict(context);

function awaitApproval(
  { observation, status, batch }: ReleaseContext,
  { expiresAt }: PendingApproval,
  message: string,
): Decision {
  const waiting = move(status, observation.now, ['Init', 'AwaitingApproval'], message);
  return {
    status: { ...waiting, message, verdict: 'Pending', batch: batchStatus(batch) },
    goal: holdGoal(observation),
    ...(expiresAt === undefined ? {} : due(wait(expiresAt, observation.now))),
  };
}

/** Once approved, a batch stays approved: an approval that expires later changes nothing. */
function withApproval(
  status: ChangeWorkloadStatus,
  { counted }: PendingApproval,
  { batch, observation }: Pick<ReleaseContext, 'batch' | 'observation'>,
): ChangeWorkloadStatus {
  const used = counted.map((approval) => ({ ...entryOf(approval), carriedOut: true }));
  return {
    ...status,
    approval: {
      ...{ batch: batch.index, step: batch.number },
      ...{ by: usersOf(counted), at: timeText(observation.now) },
    },
    decisions: withDecisions(status, used),
  };
}

/** Before anything is released: a strategy that makes no sense for this workload waits for a user. */
function suspendMisfit({ observation, status, workload }: ReleaseContext): Decision | undefined {
  const { spec } = observation.change;
  if (status.phase !== 'Init' || observation.updated.length > 0) return undefined;
  const why = misfit(spec.policy.spec.release, strategyOf(spec), workload);
  if (why === undefined) return undefined;
  const message = `${why}; \`altershield resume\` then releases the change, \`altershield rollback\` ends it`;
  return suspend(observation, status, { reason: 'CannotMove', message });
}

/**
 * A change that interrupted the first soak of a new workload stays held until the first revision
 * has run alone and healthy for the soak time, so that a rollback target exists. An unhealthy first
 * revision is not waited for: the change may be its fix.
 */
function proveFrom({ observation, status, workload }: ReleaseContext): Decision | undefined {
  const { from, policy } = observation.change.spec;
  if (from?.isNew !== true || status.fromVerified === true || observation.updated.length > 0)
    return undefined;
  // A pod that runs to completion proves nothing by being ready.
  if (workload.completion !== undefined) return undefined;
  if (observation.stable.length < workload.replicas || !observation.stable.every((p) => p.ready))
    return undefined;
  const soakMs = Math.max(policy.spec.release.soakSeconds, workload.minReadySeconds) * 1000;
  const dueAt = Math.max(...observation.stable.map((p) => p.readySince)) + soakMs;
  if (currentAsOf(observation) >= dueAt)
    return { status: { ...status, fromVerified: true }, recheckAt: observation.now };
  return { status, goal: holdGoal(observation), ...due(wait(dueAt, observation.now)) };
}

/** Evaluates a change that the workload's own controller rolls out at its own pace. */
export function decideRolling(context: ReleaseContext): Decision {
  if (context.status.phase === 'Suspend') return keepSuspended(context);
  if (isPausedByUser(context)) return pausedByUser(context);
  if (context.workload.size === 0) return awaitReplicas(context);
  const { goal, ...applied } = applyVerdict(context);
  const decision = { ...applied, status: withPace(applied.status, context.workload) };
  if (goal === undefined) return decision;
  if (goal.type !== 'Release') return { ...decision, goal };
  return context.workload.isMarked ? { ...decision, goal: { type: 'Restore' } } : decision;
}

/** Says what a running change waits for whose pods AlterShield does not release, e.g. its user. */
const withPace = (
  status: ChangeWorkloadStatus,
  { unsupported }: WorkloadView,
): ChangeWorkloadStatus =>
  status.phase === 'Running' && status.message === '' && unsupported !== undefined
    ? { ...status, message: `AlterShield does not release the pods: ${unsupported}` }
    : status;

/** A pause by the user stops the change and its deadlines; it does not hide a failure. */
export const isPausedByUser = ({ workload: { isPaused }, outcome }: ReleaseContext): boolean =>
  isPaused && outcome.result.verdict !== 'Fail';

export function pausedByUser(context: ReleaseContext): Decision {
  const { resumeHint = 'run `kubectl rollout resume` to start the change' } = context.workload;
  const message = `the workload is paused; ${resumeHint}`;
  return {
    status: move(context.status, context.observation.now, ['Init', 'PausedByUser'], message),
  };
}

/**
 * Without pods there is nothing to check: the change waits, held, until the workload has replicas.
 */
export function awaitReplicas({ status, observation, workload }: ReleaseContext): Decision {
  const message =
    workload.replicas === 0
      ? 'the workload is scaled to zero; the change continues when it has replicas again'
      : 'the partition of the workload excludes all pods from the update; lower it to start the change';
  return { status: move(status, observation.now, ['Init', 'NoReplicas'], message) };
}

/** Reasons for which the pods of a suspended change are still checked. */
const JUDGED_WHILE_SUSPENDED: ReadonlySet<string> = new Set([
  'CheckInconclusive',
  'PausedAfterStep',
  'RequestedByUser',
] satisfies Reason[]);

/** A suspended change moves only when its pods turn out to be bad. */
function keepSuspended(context: ReleaseContext): Decision {
  const { status, outcome, observation, workload } = context;
  if (status.reason === SLOW) return awaitSlowPods(context);
  const isBroken = status.reason === 'CannotMove' && workload.brokenHold !== undefined;
  const isJudged = isBroken || JUDGED_WHILE_SUSPENDED.has(status.reason);
  if (isJudged && outcome.result.verdict === 'Fail') return fail(context);
  // Do not repeat a denied write before a user decides.
  return status.reason === 'WriteDenied'
    ? { status }
    : { status, goal: holdGoal(observation, status.reason) };
}

const SLOW = 'SlowToBecomeReady' satisfies Reason;

/** Goes on by itself once the slow pod is ready; another slow pod does not change the story. */
const awaitSlowPods = (context: ReleaseContext): Decision =>
  context.outcome.result.reason === SLOW && context.outcome.result.verdict === 'Inconclusive'
    ? { status: context.status, goal: holdGoal(context.observation), ...due(context.outcome) }
    : applyVerdict(context);

/** Acts on the verdict of the batch in progress. */
export function applyVerdict(context: ReleaseContext): Decision {
  switch (context.outcome.result.verdict) {
    case 'Fail':
      return fail(context);
    case 'Inconclusive':
      return inconclusive(context);
    case 'Pass':
      return completeBatch(context);
    case 'Pending':
    case 'None':
      return release(context);
  }
}

function fail(context: ReleaseContext): Decision {
  const { observation, workload, outcome } = context;
  const explanation = {
    reason: 'CheckFailed',
    message: outcome.result.message,
    verdict: 'Fail',
  } as const;
  if (hasEnded(workload)) {
    const [phase, reason] = ['Failed', 'CheckFailed'] as const;
    const failed = move(enterBatch(context), observation.now, [phase, reason], explanation.message);
    const batch = batchRecord(observation, context.batch, outcome);
    return { status: { ...failed, verdict: 'Fail' }, batch };
  }
  const decision =
    observation.change.spec.policy.spec.onFail === 'Suspend'
      ? suspend(observation, enterBatch(context), explanation)
      : startRollback(observation, workload, enterBatch(context), explanation);
  return { ...decision, batch: batchRecord(observation, context.batch, outcome) };
}

/** Nothing is left to be decided: it has run to its end, and there is nothing to roll back to. */
const hasEnded = ({ completion, rollbackProblem }: WorkloadView): boolean =>
  rollbackProblem !== undefined && completion?.run?.state === 'Failed';

function inconclusive(context: ReleaseContext): Decision {
  const { observation, status, outcome } = context;
  if (outcome.result.reason === SLOW) return suspendSlow(context);
  const { onInconclusive } = observation.change.spec.policy.spec;
  if (onInconclusive === 'Proceed' && context.observation.updated.some((p) => isDone(context, p)))
    return proceed(context);
  if (status.batch?.overridden === true)
    return isOut(context) ? completeBatch(context) : release(context);
  const explanation = {
    reason: 'CheckInconclusive',
    message: outcome.result.message,
    verdict: 'Inconclusive',
  } as const;
  return {
    ...suspend(observation, enterBatch(context), explanation),
    batch: batchRecord(observation, context.batch, outcome),
  };
}

/** A sign, not a verdict: nothing proceeds because of it, and no record is closed. */
function suspendSlow(context: ReleaseContext): Decision {
  const { observation, outcome } = context;
  const explanation = { reason: SLOW, message: outcome.result.message } as const;
  return {
    ...suspend(observation, enterBatch(context), explanation),
    batch: batchIntent(observation, context.batch),
    ...due(outcome),
  };
}

/**
 * Proceeds despite an inconclusive verdict. If the batch is late, its existing pods must first stay
 * ready for the soak time of a whole batch.
 */
function proceed(context: ReleaseContext): Decision {
  const { observation, status, outcome } = context;
  if (outcome.result.reason !== 'ReadyDeadlineExceeded') return completeBatch(context);
  const late = move(
    enterBatch(context),
    observation.now,
    ['TimeOutPreThreshold', 'ReadyDeadlineExceeded'],
    outcome.result.message,
  );
  const since = status.phase === late.phase ? Date.parse(status.phaseSince ?? '') : observation.now;
  const dueAt = since + context.batch.soakSeconds * 1000;
  return currentAsOf(observation) >= dueAt
    ? completeBatch(context)
    : {
        status: late,
        batch: batchIntent(observation, context.batch),
        ...due(wait(dueAt, observation.now)),
      };
}

const isOut = ({ observation, batch }: ReleaseContext): boolean =>
  observation.updated.length >= batch.target;

/** Whether the pod is ready, or a user accepted it as it is. */
const isDone = ({ status }: ReleaseContext, pod: PodView): boolean =>
  pod.ready || pod.createdAt < overriddenBefore(status);

/** The status with the batch in progress. */
function enterBatch({ status, batch, observation, outcome }: ReleaseContext): ChangeWorkloadStatus {
  // A late batch stays late until newer pod data says otherwise.
  const isLate =
    status.phase === 'TimeOutPreThreshold' &&
    (outcome.result.verdict === 'Inconclusive' || outcome.needsPodListing === true);
  const running = isLate
    ? status
    : move(status, observation.now, ['Running', 'BatchReleasing'], '');
  if (status.batch?.index === batch.index && status.batch.target === batch.target) return running;
  const isResumed = status.batch?.index === batch.index && status.batch.resumed === true;
  const resumed = isResumed ? { resumed: true } : {};
  return { ...running, verdict: 'Pending', batch: { ...batchStatus(batch), ...resumed } };
}

/** Releases the batch in progress: writes its record first, then releases its pods. */
function release(context: ReleaseContext): Decision {
  const { observation, batch } = context;
  return {
    status: enterBatch(context),
    batch: batchIntent(observation, batch),
    goal: releaseGoal(context),
    ...due(context.outcome),
  };
}

const releaseGoal = ({
  observation,
  workload,
  status,
  outcome,
  batch: { target, isLast, traffic, domain, weight },
}: ReleaseContext): Goal => ({
  type: 'Release',
  sequence: observation.change.spec.sequence,
  ...routeOf(observation),
  ...{ target, isLast },
  ...(traffic === undefined ? {} : { traffic }),
  ...(domain === undefined ? {} : topologyOf(observation)),
  ...(weight === undefined ? {} : { weight }),
  needsRoom: needsRoom(observation, workload),
  ...(mayBeAsleep(observation, workload, status) ? { wakes: true } : {}),
  ...(outcome.passesAt === undefined ? {} : { soaksUntil: outcome.passesAt }),
});

const topologyOf = ({ change }: Observation): { readonly topologyKey?: string } => {
  const { topologyKey } = change.spec.policy.spec.release;
  return topologyKey === undefined ? {} : { topologyKey };
};

/** Whether the controller may have given up before this process started to observe the change. */
const mayBeAsleep = (
  { isFirstLook }: Observation,
  { createFailure }: WorkloadView,
  { phase }: ChangeWorkloadStatus,
): boolean => isFirstLook === true && (phase !== 'Init' || createFailure !== undefined);

/**
 * An updated pod that cannot be scheduled, or that a quota blocks, may need the place of a stable
 * one.
 */
function needsRoom({ updated, change }: Observation, workload: WorkloadView): boolean {
  const { createFailure } = createFailures(change.spec, workload);
  const isFull =
    createFailure !== undefined && createFailureKind(createFailure.message) === 'Quota';
  return isFull || updated.some(({ scheduled }) => !scheduled);
}

/**
 * Completes the batch: pauses after it, starts the next one, or ends the change. A change does not
 * end before the workload has its user's fields again: afterwards no record would have them, and
 * what is still held would be a change without a record.
 */
function completeBatch(context: ReleaseContext): Decision {
  const { observation, workload, batch, outcome, status } = context;
  if (batch.isLast && isHolding(workload)) return release(context);
  if (isUnrouted(context)) return release(context);
  const record = batchRecord(observation, batch, outcome);
  if (batch.pauseAfter && enterBatch(context).batch?.resumed !== true)
    return { ...pauseAfter(context), batch: record };
  if (batch.isLast) return { ...finish(context, outcome.result.message), batch: record };
  const next = nextStep(observation, workload, batch);
  const running = move(status, observation.now, ['Running', 'BatchReleasing'], '');
  const phaseSince = timeText(observation.now);
  const moved = { ...running, phaseSince, verdict: 'Pending' as const, batch: batchStatus(next) };
  return { status: moved, batch: record, recheckAt: observation.now };
}

const isHolding = ({ borrowed, hold }: WorkloadView): boolean =>
  borrowed?.isRestored === false || hold?.isInFlight === true;

/** The step is judged by requests: without its share of them, nothing is proven. */
const isUnrouted = ({ batch: { weight }, workload: { routedSince }, outcome }: ReleaseContext) =>
  weight !== undefined &&
  routedSince !== undefined &&
  outcome.result.verdict === 'Pass' &&
  routedSince(weight) === undefined;

/** Waits for a user, as the policy asks for after this step. */
function pauseAfter(context: ReleaseContext): Decision {
  const { observation, batch, outcome } = context;
  const { index, total } = batch;
  const message = `batch ${index} of ${total} is done: ${outcome.result.message}; the policy pauses here, \`altershield resume\` continues`;
  const verdict = outcome.result.verdict;
  return suspend(observation, enterBatch(context), { reason: 'PausedAfterStep', message, verdict });
}

/**
 * A change passes only if all of its pods are ready and soaked: a pod that a user accepted unready
 * proves nothing.
 */
export function endVerdict(context: ReleaseContext): Verdict {
  const { outcome, status } = context;
  const { verdict } = outcome.result;
  const isSkipped = status.batch?.skipped === true;
  return verdict === 'Pass' && (isSkipped || !isProven(context)) ? 'Inconclusive' : verdict;
}

/** Whether the revision works: by its run where pods run to completion, else by its ready pods. */
const isProven = ({ observation, workload: { completion } }: ReleaseContext): boolean =>
  completion === undefined
    ? observation.updated.every((p) => p.ready)
    : completion.run?.state === 'Succeeded';

/**
 * Ends the change. Only a Pass makes its revision a rollback target, and so decides what the
 * workload protects at rest.
 */
function finish(context: ReleaseContext, message: string): Decision {
  const verdict = endVerdict(context);
  return {
    status: {
      ...move(enterBatch(context), context.observation.now, ['Success', END_OF[verdict]], message),
      verdict,
    },
  };
}

export const END_OF = {
  Pass: 'Verified',
  None: 'NoReplicas',
  Pending: 'CompletedUnverified',
  Fail: 'CompletedUnverified',
  Inconclusive: 'CompletedUnverified',
} as const;
