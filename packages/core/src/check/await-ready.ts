// SPDX-License-Identifier: Apache-2.0
import type { CheckReason, Evidence } from '@altershield/api';
import type { PodView } from './pod-view.ts';
import { createDeadlines, createEvidence, explain, judgeCreateFailure } from './create-failure.ts';
import {
  truncate,
  isAccepted,
  result,
  wait,
  type CheckOutcome,
  type PodHealthInput,
} from './finding.ts';
import { activePods } from './observe-pod.ts';
import { judgeSlowPods } from './slow-pods.ts';

/**
 * A kubelet retries every 10 to 15 s to create a container whose Secret, ConfigMap or volume is
 * missing: a config error counts if it persists after two retries.
 */
const CONFIG_GRACE_MS = 30_000;

/** A pod that lost its readiness has as long to recover as a new pod has to become ready. */
export const deadlineOf = (
  pod: PodView,
  { readyDeadlineSeconds }: Pick<PodHealthInput, 'readyDeadlineSeconds'>,
): number => Math.max(pod.createdAt, pod.unreadySince ?? 0) + readyDeadlineSeconds * 1000;

/** When the pod's failure becomes evidence; until then it may be transient. */
function decisiveAt(pod: PodView, input: PodHealthInput): number {
  const deadline = deadlineOf(pod, input);
  return pod.failure?.kind === 'ConfigError' ? Math.min(deadline, graceOf(pod)) : deadline;
}

const graceOf = ({ failure, createdAt }: PodView): number =>
  (failure?.seenAt ?? createdAt) + CONFIG_GRACE_MS;

/** True while the pod's failure may be transient. */
export const mayPass = (pod: PodView, input: PodHealthInput): boolean =>
  pod.failure?.kind === 'ConfigError' && input.currentAsOf < decisiveAt(pod, input);

/**
 * Waits for the unready pods of the batch, unless there is a reason why they cannot become ready.
 */
export function awaitReady(ready: number, input: PodHealthInput): CheckOutcome {
  const progress = `${ready} of ${input.target} updated pods are ready`;
  const denied = judgeCreateFailure(progress, input);
  if (denied !== undefined) return denied;
  const updated = activePods(input.updated);
  const isLate = ready === updated.length && input.mayReleaseMore;
  const stuckAt = lastProgress(updated, input) + input.readyDeadlineSeconds * 1000;
  if (isLate && input.currentAsOf >= stuckAt) return notCreated(progress, input);
  const unready = updated.filter((p) => !p.ready && !isAccepted(p, input));
  const slow = judgeSlowPods(progress, unready, input);
  if (slow.outcome !== undefined) return slow.outcome;
  const deadlines = [
    ...unready.map((p) => decisiveAt(p, input)),
    ...(unready.length === 0 && isLate ? [stuckAt] : []),
    ...createDeadlines(input),
    ...slow.deadlines,
  ];
  return stillWaiting(`${progress}${whyUnready(unready) || whyMissing(input)}`, deadlines, input);
}

const stillWaiting = (
  message: string,
  deadlines: readonly number[],
  { now }: PodHealthInput,
): CheckOutcome => ({
  unhealthy: 0,
  result: result('Pending', 'AwaitingReady' satisfies CheckReason, message),
  ...(deadlines.length > 0 ? wait(Math.min(...deadlines), now) : {}),
});

const lastProgress = (
  updated: readonly PodView[],
  { releasedAt, missingSince = releasedAt }: PodHealthInput,
): number =>
  Math.max(releasedAt, missingSince, ...updated.flatMap((p) => [p.createdAt, p.readySince]));

/** The kubelet's message about why pods are not ready yet. */
function whyUnready(unready: readonly PodView[]): string {
  const failed = unready.find((p) => p.failure !== undefined);
  if (failed?.failure === undefined) return '';
  const { reason, message } = failed.failure;
  return `; ${failed.name} waits: ${reason}${message === '' ? '' : `: ${truncate(message)}`}`;
}

const whyMissing = ({ createFailure: failure, updated, target }: PodHealthInput): string =>
  failure === undefined || activePods(updated).length >= target ? '' : explain('', failure);

function notCreated(progress: string, input: PodHealthInput): CheckOutcome {
  const { createFailure: failure, readyDeadlineSeconds } = input;
  const message = `${progress}; the others were not created within ${readyDeadlineSeconds} s`;
  const rejected = rejectedPods(input);
  const texts = [
    ...(failure === undefined ? [] : [truncate(failure.message)]),
    ...(rejected.length === 0 ? [] : [rejectionText(rejected)]),
  ];
  const evidence = [
    ...(failure === undefined ? [] : [createEvidence(failure)]),
    ...rejected.map(rejectionEvidence),
  ];
  return {
    unhealthy: 0,
    result: result(
      'Inconclusive',
      'ReadyDeadlineExceeded' satisfies CheckReason,
      [message, ...texts].join(': '),
      evidence,
    ),
  };
}

/**
 * Pods of this batch that their node rejected. Each is replaced by a new pod, which may be rejected
 * as well.
 */
const rejectedPods = ({ updated, releasedAt }: PodHealthInput): PodView[] =>
  updated.filter(
    (p) => p.nodeRejection !== undefined && p.createdAt >= Math.floor(releasedAt / 1000) * 1000,
  );

function rejectionText(rejected: readonly PodView[]): string {
  const { reason = '', message = '' } = rejected[0]?.nodeRejection ?? {};
  return `${rejected.length} were rejected by their node: ${reason}: ${truncate(message)}`;
}

const rejectionEvidence = ({ name, node, nodeRejection }: PodView): Evidence => ({
  pod: name,
  ...(node === '' ? {} : { node }),
  reason: nodeRejection?.reason ?? '',
  message: truncate(nodeRejection?.message ?? ''),
});
