// SPDX-License-Identifier: Apache-2.0
import type { ChangePodStatus, ChangeWorkloadStatus } from '@altershield/api';
import { createFailures } from '../check/create-failure.ts';
import { judgePods, type CheckOutcome } from '../check/pod-health.ts';
import { batchesOf, batchTargets } from '../policy/batch-targets.ts';
import type { BatchRecord, Decision, Observation } from './observation.ts';
import { mayMakeRoom, type WorkloadView } from '../workload/view.ts';
import { isEnforced, isHeld } from './enforcement.ts';
import { timeText } from './status.ts';

export interface BatchView {
  readonly index: number;
  readonly total: number;
  /** Updated pods at the end of the batch. */
  readonly target: number;
  readonly previous: number;
  readonly isLast: boolean;
}

/** Whether the change is released in steps; otherwise everything is one batch. */
export const isBatched = (
  { spec }: Observation['change'],
  { isAllOrNothing }: Pick<WorkloadView, 'isAllOrNothing'>,
): boolean => isHeld(spec) && !isAllOrNothing;

/**
 * Whether a workload that runs this revision reverted the change. An observed-only change is
 * reverted only to a verified revision; any other revision is a new change.
 */
export const isRevertTo = (spec: Observation['change']['spec'], fingerprint: string): boolean =>
  spec.from?.fingerprint === fingerprint && (spec.from.verified || isEnforced(spec));

/** The batch in progress, for the current replicas: percentages follow a scale. */
export function batchOf(
  { change, updated }: Observation,
  workload: WorkloadView,
  status: ChangeWorkloadStatus,
): BatchView {
  const targets = isBatched(change, workload)
    ? batchTargets(batchesOf(change.spec.policy.spec.release), workload.size)
    : [workload.size];
  return batchAt(targets, status.batch?.index ?? firstBatch(targets, updated.length));
}

/** A change that was held late begins with the batch that covers the pods already released. */
function firstBatch(targets: readonly number[], released: number): number {
  const index = targets.findIndex((target) => target >= released);
  return index < 0 ? targets.length : index + 1;
}

function batchAt(targets: readonly number[], wanted: number): BatchView {
  const index = Math.max(1, Math.min(wanted, targets.length));
  const target = targets[index - 1] ?? 0;
  const previous = index > 1 ? (targets[index - 2] ?? 0) : 0;
  return {
    index,
    total: targets.length,
    target,
    previous,
    isLast: target >= (targets.at(-1) ?? 0),
  };
}

/** The first later batch that is larger than this one. */
export function nextBatch(
  observation: Observation,
  workload: WorkloadView,
  status: ChangeWorkloadStatus,
): BatchView {
  const current = batchOf(observation, workload, status);
  for (let index = current.index + 1; index <= current.total; index += 1) {
    const batch = batchOf(observation, workload, {
      ...status,
      batch: { index, total: 1, target: 0 },
    });
    if (batch.target > current.target) return batch;
  }
  return current;
}

export const batchStatus = ({ index, total, target }: BatchView) => ({ index, total, target });

/** The verdict of the batch in progress. */
export function judge(
  observation: Observation,
  workload: WorkloadView,
  status: ChangeWorkloadStatus,
  batch: BatchView,
): CheckOutcome {
  const { policy } = observation.change.spec;
  const { podHealth } = policy.spec.checks;
  const from = observation.change.spec.from?.fingerprint ?? '';
  return judgePods({
    ...(observation.evidence ?? { updated: observation.updated, stable: observation.stable }),
    target: batch.target,
    settings: podHealth,
    readyDeadlineSeconds: podHealth.readyDeadlineSeconds ?? workload.progressDeadlineSeconds,
    // A pod is available only after the user's `minReadySeconds`.
    soakSeconds: Math.max(policy.spec.release.soakSeconds, workload.minReadySeconds),
    releasedAt: Math.max(
      releasedAt(observation, status),
      workload.lastOperatorWriteAt,
      observation.since ?? 0,
    ),
    mayReleaseMore: workload.allowed > observation.updated.length,
    now: observation.now,
    currentAsOf: currentAsOf(observation),
    overriddenBefore: overriddenBefore(status),
    seenAt: Date.parse(observation.change.spec.detectedAt),
    ...createFailures(observation.change.spec, workload),
    mayFreeQuota:
      !isHeld(observation.change.spec) ||
      mayMakeRoom(
        { from, to: observation.change.spec.to.fingerprint, target: batch.target },
        workload,
      ),
  });
}

/** The time up to which the pod cache is current. */
export const currentAsOf = (observation: Observation): number =>
  Math.min(observation.now, observation.currentAsOf ?? observation.now);

/** When to check pending pods again. */
export const due = ({
  dueAt,
  needsPodListing,
}: Pick<CheckOutcome, 'dueAt' | 'needsPodListing'>): Pick<
  Decision,
  'recheckAt' | 'needsPodListing'
> => ({
  ...(dueAt === undefined ? {} : { recheckAt: dueAt }),
  ...(needsPodListing === undefined ? {} : { needsPodListing }),
});

/**
 * Pods created before a user resumed the change are accepted. Creation times have whole seconds: a
 * pod of the same second may be newer than the resume, so it is judged.
 */
export const overriddenBefore = ({ resumedAt }: ChangeWorkloadStatus): number =>
  resumedAt === undefined ? 0 : Math.floor(Date.parse(resumedAt) / 1000) * 1000;

/** No deadline runs while a change waits to be released; an exceeded deadline stays exceeded. */
function releasedAt({ batch, change, now }: Observation, status: ChangeWorkloadStatus): number {
  if (status.phase === 'Init') return now;
  const recorded = Date.parse(batch?.spec.releasedAt ?? change.spec.detectedAt);
  if (status.phase === 'TimeOutPreThreshold') return recorded;
  return Math.max(recorded, Date.parse(status.phaseSince ?? change.spec.detectedAt));
}

/** The record of a batch, written before its first pod is released. */
export function batchIntent(observation: Observation, batch: BatchView): BatchRecord {
  const { index, total, target, previous } = batch;
  const releasedAt = observation.batch?.spec.releasedAt ?? timeText(observation.now);
  return { index, spec: { batch: index, total, targetUnits: target, previous, releasedAt } };
}

/** The record of a batch with its verdict and evidence. */
export const batchRecord = (
  observation: Observation,
  batch: BatchView,
  outcome: CheckOutcome,
): BatchRecord => ({
  ...batchIntent(observation, batch),
  status: judged(observation, outcome),
});

function judged(observation: Observation, { result, unhealthy }: CheckOutcome): ChangePodStatus {
  const { updated, stable } = observation;
  return {
    phase: PHASE_OF[result.verdict],
    verdict: result.verdict,
    pods: {
      updated: updated.length,
      ready: updated.filter((p) => p.ready).length,
      unhealthy,
      stable: stable.length,
      stableReady: stable.filter((p) => p.ready).length,
    },
    checks: [result],
    judgedAt: timeText(observation.now),
  };
}

const PHASE_OF = {
  None: 'PostWait',
  Pending: 'PostWait',
  Pass: 'ExecuteDone',
  Fail: 'PostFailed',
  Inconclusive: 'PostTimeout',
} as const;
