// SPDX-License-Identifier: Apache-2.0
import type { CheckReason, Evidence } from '@altershield/api';
import type { PodView, FailureKind } from './pod-view.ts';
import { awaitReady, deadlineOf, mayPass } from './await-ready.ts';
import { truncate, isAccepted, result, type CheckOutcome, type PodHealthInput } from './finding.ts';
import { activePods } from './observe-pod.ts';
import { soak } from './soak.ts';

export { wait, type CheckOutcome, type PodHealthInput } from './finding.ts';

interface UnhealthyPod {
  readonly pod: PodView;
  readonly kind: FailureKind;
  readonly reason: string;
  readonly message: string;
}

/**
 * Judges a batch by its pods. One pod with evidence that is not transient fails the batch at once,
 * unless stable pods have the same failure: then the change is not the cause.
 */
export function judgePods(input: PodHealthInput): CheckOutcome {
  if (input.target === 0) {
    return {
      unhealthy: 0,
      result: result(
        'None',
        'NoReplicas' satisfies CheckReason,
        'there are no pods to check, so the revision is not verified',
      ),
    };
  }
  const failed = judgeFailures(input);
  if (failed !== undefined) return failed;
  const done = activePods(input.updated).filter((p) => p.ready || isAccepted(p, input));
  if (done.length < input.target) return awaitReady(done.length, input);
  return soak(done, input);
}

/** The verdict on pods that have failed; undefined: none has. */
export function judgeFailures(input: PodHealthInput): CheckOutcome | undefined {
  const unhealthy = input.updated
    .filter((p) => isJudged(p, input))
    .flatMap((p) => unhealthyPod(p, input));
  return unhealthy.length > 0 ? judgeUnhealthy(unhealthy, input) : undefined;
}

const isJudged = (pod: PodView, input: PodHealthInput): boolean => {
  const isOlder = pod.createdAt < Math.floor((input.seenAt ?? 0) / 1000) * 1000 - RECENT_MS;
  return !isAccepted(pod, input) && (!isOlder || isFailingNow(pod, input));
};

/** The pod's current failure, transient or not. */
function podFailureNow(pod: PodView, input: PodHealthInput): UnhealthyPod[] {
  const { settings } = input;
  if (pod.failure !== undefined) {
    const { kind, reason, message } = pod.failure;
    return [{ pod, kind, reason, message }];
  }
  if (pod.restarts > settings.maxRestarts) {
    const message = `${pod.restarts} restarts, more than ${settings.maxRestarts} allowed`;
    return [{ pod, kind: 'Restarts', reason: 'Restarts' satisfies CheckReason, message }];
  }
  if (pod.unreadyCount > settings.maxReadinessLosses) {
    const message = `lost readiness ${pod.unreadyCount} times, more than ${settings.maxReadinessLosses} allowed`;
    return [{ pod, kind: 'Flapping', reason: 'ReadinessFlapping' satisfies CheckReason, message }];
  }
  return isOverdue(pod, input) ? [overdue(pod, input)] : [];
}

/** The pod's current failure, ignoring one that may be transient. */
function unhealthyPod(pod: PodView, input: PodHealthInput): UnhealthyPod[] {
  if (!mayPass(pod, input)) return podFailureNow(pod, input);
  const { failure: _, ...rest } = pod;
  return podFailureNow(rest, input);
}

const isOverdue = (pod: PodView, input: PodHealthInput): boolean =>
  !pod.ready && pod.terminated !== true && input.currentAsOf >= deadlineOf(pod, input);

function overdue(pod: PodView, { readyDeadlineSeconds }: PodHealthInput): UnhealthyPod {
  const after = `after ${readyDeadlineSeconds} s`;
  return pod.scheduled
    ? { pod, kind: 'NotReady', reason: readinessReason(pod), message: `not ready ${after}` }
    : {
        pod,
        kind: 'Unschedulable',
        reason: 'Unschedulable' satisfies CheckReason,
        message: `not scheduled ${after}`,
      };
}

const readinessReason = ({ unreadyCount }: PodView): CheckReason =>
  unreadyCount > 0 ? 'ReadinessLost' : 'NeverReady';

/** Failure kinds with the same class can have the same cause: an outage can show as any of them. */
const FAILURE_CLASS: Readonly<Record<FailureKind, string>> = {
  ImagePull: 'image',
  ConfigError: 'config',
  Crash: 'run',
  OutOfMemory: 'run',
  Restarts: 'run',
  Failed: 'run',
  Flapping: 'ready',
  NotReady: 'ready',
  Unschedulable: 'schedule',
};

function judgeUnhealthy(unhealthy: readonly UnhealthyPod[], input: PodHealthInput): CheckOutcome {
  const own = unhealthy.filter((b) => !stableHasSameFailure(b.kind, input));
  const [first] = own.length > 0 ? own : unhealthy;
  const verdict = own.length > 0 ? 'Fail' : 'Inconclusive';
  const shown = own.length > 0 ? own : unhealthy;
  const { updated } = input;
  const stable = activePods(input.stable);
  const sound = stable.filter((p) => p.ready).length;
  const healthy =
    stable.length === 0
      ? 'no stable pods to compare with'
      : `${sound} of ${stable.length} stable pods are ready`;
  const blame = verdict === 'Fail' ? '' : '; stable pods have the same failure';
  const reason = first?.reason ?? 'Failed';
  const message = `${unhealthy.length} of ${updated.length} updated pods: ${reason}; ${healthy}${blame}`;
  return {
    unhealthy: unhealthy.length,
    result: result(verdict, reason, message, shown.map(evidenceOf)),
  };
}

/** How long a pod's failures still count as current after it is ready again or terminated. */
const RECENT_MS = 600_000;

const isFailingNow = (pod: PodView, { now }: PodHealthInput): boolean => {
  if (pod.terminated === true) return (pod.unreadySince ?? 0) >= now - RECENT_MS;
  return !pod.ready || pod.readySince >= now - RECENT_MS;
};

/**
 * Whether stable pods currently have the same kind of failure: last month's restarts do not excuse
 * a crash today. For image pulls one stable pod is enough, because running pods do not pull.
 * Otherwise the share of failing stable pods must be at least half that of updated pods.
 */
function stableHasSameFailure(kind: FailureKind, input: PodHealthInput): boolean {
  const { updated } = input;
  const stable = input.stable.filter((p) => p.terminated !== true || isFailingNow(p, input));
  const hasSameFailure = (pod: PodView): boolean =>
    (FAILURE_CLASS[kind] === 'ready' && !pod.ready) ||
    (isFailingNow(pod, input) &&
      podFailureNow(pod, input).some((b) => FAILURE_CLASS[b.kind] === FAILURE_CLASS[kind]));
  const among = stable.filter(hasSameFailure).length;
  if (FAILURE_CLASS[kind] === 'image') return among > 0;
  return (
    among * updated.length * 2 >= updated.filter(hasSameFailure).length * stable.length && among > 0
  );
}

function evidenceOf({ pod, reason, message }: UnhealthyPod): Evidence {
  return {
    pod: pod.name,
    ...(pod.node === '' ? {} : { node: pod.node }),
    ...(pod.failure === undefined || pod.failure.container === ''
      ? {}
      : { container: pod.failure.container }),
    reason,
    ...(message === '' ? {} : { message: truncate(message) }),
    restarts: pod.restarts,
  };
}
