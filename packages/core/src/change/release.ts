// SPDX-License-Identifier: Apache-2.0
import type { ChangeWorkloadStatus, Verdict } from '@altershield/api';
import { createFailureKind, createFailures } from '../check/create-failure.ts';
import { wait, type Finding } from '../check/pod-health.ts';
import {
  acceptedBefore,
  batchIntent,
  batchRecord,
  batchStatus,
  due,
  heardAt,
  nextBatch,
  type BatchView,
} from './batch.ts';
import type { Decision, Observation } from './observation.ts';
import type { Goal } from '../workload/goal.ts';
import type { PodView } from '../check/pod-view.ts';
import type { WorkloadView } from '../workload/view.ts';
import { startRollback } from './rollback.ts';
import { move, timeText } from './status.ts';
import { holdGoal, routeOf, suspend } from './suspend.ts';

/** Where a held change stands: what is looked at, how far it is, what its pods say. */
export interface Standing {
  readonly o: Observation;
  readonly workload: WorkloadView;
  readonly status: ChangeWorkloadStatus;
  readonly batch: BatchView;
  readonly finding: Finding;
}

/** Releases a held change, batch by batch. */
export function decideRelease(s: Standing): Decision {
  const { status, o } = s;
  if (status.phase === 'Suspend') return keepSuspended(s);
  if (isPausedByUser(s)) return { ...pausedByUser(s), goal: holdGoal(o) };
  if (s.workload.size === 0) return { ...awaitReplicas(s), goal: holdGoal(o) };
  return proveFrom(s) ?? act(s);
}

/**
 * A new workload whose first soak was interrupted: held until its first revision has run alone, and
 * healthy, for the soak time, so that there is one to roll back to. One that is not healthy is waited
 * for by nobody: the change may be its cure.
 */
function proveFrom({ o, status, workload }: Standing): Decision | undefined {
  const { from, policy } = o.change.spec;
  if (from?.isNew !== true || status.fromVerified === true || o.fresh.length > 0) return undefined;
  if (o.stable.length < workload.replicas || !o.stable.every((p) => p.ready)) return undefined;
  const soakMs = Math.max(policy.spec.release.soakSeconds, workload.minReadySeconds) * 1000;
  const dueAt = Math.max(...o.stable.map((p) => p.readySince)) + soakMs;
  if (heardAt(o) >= dueAt) return { status: { ...status, fromVerified: true }, recheckAt: o.now };
  return { status, goal: holdGoal(o), ...due(wait(dueAt, o.now)) };
}

/** Judges a change that the native controller rolls at its own pace. */
export function decideRolling(s: Standing): Decision {
  if (s.status.phase === 'Suspend') return keepSuspended(s);
  if (isPausedByUser(s)) return pausedByUser(s);
  if (s.workload.size === 0) return awaitReplicas(s);
  const { goal, ...decision } = act(s);
  if (goal === undefined) return decision;
  if (goal.type !== 'Release') return { ...decision, goal };
  return s.workload.isMarked ? { ...decision, goal: { type: 'LetGo' } } : decision;
}

/** A pause by the user stops the change and its deadlines; it does not hide a failure. */
export const isPausedByUser = ({ workload: { paused }, finding }: Standing): boolean =>
  paused && finding.result.verdict !== 'Fail';

export function pausedByUser(s: Standing): Decision {
  const message = 'the workload is paused; `kubectl rollout resume` lets the change begin';
  return { status: move(s.status, s.o.now, ['Init', 'PausedByUser'], message) };
}

/** Without pods nothing is judged: the change waits, held, until there are some again. */
export function awaitReplicas({ status, o, workload }: Standing): Decision {
  const message =
    workload.replicas === 0
      ? 'the workload is scaled to zero; the change goes on when it has replicas again'
      : 'the workload keeps all of its pods as they are by its own partition; lower it to let the change begin';
  return { status: move(status, o.now, ['Init', 'NoReplicas'], message) };
}

/** A suspended change moves only when what was unclear turns out to be a failure. */
function keepSuspended(s: Standing): Decision {
  const { status, finding, o } = s;
  if (status.reason === 'CheckInconclusive' && finding.result.verdict === 'Fail') return failed(s);
  // What was denied once is not tried again before a user decides.
  return status.reason === 'WriteDenied' ? { status } : { status, goal: holdGoal(o) };
}

/** What the verdict of the batch in progress leads to. */
export function act(s: Standing): Decision {
  switch (s.finding.result.verdict) {
    case 'Fail':
      return failed(s);
    case 'Inconclusive':
      return inconclusive(s);
    case 'Pass':
      return passed(s);
    case 'Pending':
    case 'None':
      return release(s);
  }
}

function failed(s: Standing): Decision {
  const { o, workload, finding } = s;
  const because = {
    reason: 'CheckFailed',
    message: finding.result.message,
    verdict: 'Fail',
  } as const;
  const decision =
    o.change.spec.policy.spec.onFail === 'Suspend'
      ? suspend(o, begun(s), because)
      : startRollback(o, workload, begun(s), because);
  return { ...decision, batch: batchRecord(o, s.batch, finding) };
}

function inconclusive(s: Standing): Decision {
  const { o, status, finding } = s;
  const { onInconclusive } = o.change.spec.policy.spec;
  if (onInconclusive === 'Proceed' && s.o.fresh.some((p) => isDone(s, p))) return proceed(s);
  if (status.batch?.overridden === true) return isOut(s) ? passed(s) : release(s);
  const because = {
    reason: 'CheckInconclusive',
    message: finding.result.message,
    verdict: 'Inconclusive',
  } as const;
  return { ...suspend(o, begun(s), because), batch: batchRecord(o, s.batch, finding) };
}

/** On in spite of doubt. Of a batch that is late, the pods that are there must stay ready as long as a whole one. */
function proceed(s: Standing): Decision {
  const { o, status, finding } = s;
  if (finding.result.reason !== 'ReadyDeadlineExceeded') return passed(s);
  const late = move(
    begun(s),
    o.now,
    ['TimeOutPreThreshold', 'ReadyDeadlineExceeded'],
    finding.result.message,
  );
  const since = status.phase === late.phase ? Date.parse(status.phaseSince ?? '') : o.now;
  const dueAt = since + o.change.spec.policy.spec.release.soakSeconds * 1000;
  return heardAt(o) >= dueAt
    ? passed(s)
    : { status: late, batch: batchIntent(o, s.batch), ...due(wait(dueAt, o.now)) };
}

const isOut = ({ o, batch }: Standing): boolean => o.fresh.length >= batch.target;

/** Ready, or accepted by a user as it is. */
const isDone = ({ status }: Standing, pod: PodView): boolean =>
  pod.ready || pod.createdAt < acceptedBefore(status);

/** The status with the batch in progress in it. */
function begun({ status, batch, o, finding }: Standing): ChangeWorkloadStatus {
  // What was late once is so still while nothing is heard of it.
  const isLate =
    status.phase === 'TimeOutPreThreshold' &&
    (finding.result.verdict === 'Inconclusive' || finding.unheard === true);
  const running = isLate ? status : move(status, o.now, ['Running', 'BatchReleasing'], '');
  if (status.batch?.index === batch.index && status.batch.target === batch.target) return running;
  return { ...running, verdict: 'Pending', batch: batchStatus(batch) };
}

/** The batch in progress: the record of it first, then its pods. */
function release(s: Standing): Decision {
  const { o, batch } = s;
  return {
    status: begun(s),
    batch: batchIntent(o, batch),
    goal: releaseGoal(s),
    ...due(s.finding),
  };
}

const releaseGoal = ({
  o,
  workload,
  status,
  finding,
  batch: { target, isLast },
}: Standing): Goal => ({
  type: 'Release',
  ...routeOf(o),
  ...{ target, isLast },
  needsRoom: needsRoom(o, workload),
  ...(mayBeAsleep(o, workload, status) ? { wakes: true } : {}),
  ...(finding.result.reason === 'Soaking' && finding.dueAt !== undefined
    ? { soaksUntil: finding.dueAt }
    : {}),
});

/** Whether the controller may have given up before this process began to look. */
const mayBeAsleep = (
  { isFirstLook }: Observation,
  { createFailure }: WorkloadView,
  { phase }: ChangeWorkloadStatus,
): boolean => isFirstLook === true && (phase !== 'Init' || createFailure !== undefined);

/** A new pod that no node takes, or that a quota does not let be created, may need the place of a stable one. */
function needsRoom({ fresh, change }: Observation, workload: WorkloadView): boolean {
  const { createFailure } = createFailures(change.spec, workload);
  const isFull =
    createFailure !== undefined && createFailureKind(createFailure.message) === 'Quota';
  return isFull || fresh.some(({ scheduled }) => !scheduled);
}

/** The batch is done: on to the next, or to the end. */
function passed(s: Standing): Decision {
  const { o, workload, batch, finding, status } = s;
  const record = batchRecord(o, batch, finding);
  if (batch.isLast) return { ...finish(s, finding.result.message), batch: record };
  const next = nextBatch(o, workload, { ...status, batch: batchStatus(batch) });
  const running = move(status, o.now, ['Running', 'BatchReleasing'], '');
  const phaseSince = timeText(o.now);
  const moved = { ...running, phaseSince, verdict: 'Pending' as const, batch: batchStatus(next) };
  return { status: moved, batch: record, recheckAt: o.now };
}

/** A change ends well only if all of its pods do: one that a user let pass as it was proves nothing. */
export const endVerdict = ({ o, finding: { result } }: Standing): Verdict =>
  result.verdict === 'Pass' && !o.fresh.every((p) => p.ready) ? 'Inconclusive' : result.verdict;

/** The change ends; only a Pass makes its revision one to go back to. What caps the workload at rest follows from that. */
function finish(s: Standing, message: string): Decision {
  const verdict = endVerdict(s);
  return { status: { ...move(begun(s), s.o.now, ['Success', END_OF[verdict]], message), verdict } };
}

export const END_OF = {
  Pass: 'Verified',
  None: 'NoReplicas',
  Pending: 'CompletedUnverified',
  Fail: 'CompletedUnverified',
  Inconclusive: 'CompletedUnverified',
} as const;
