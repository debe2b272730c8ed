// SPDX-License-Identifier: Apache-2.0
import type { CheckReason, Evidence } from '@altershield/api';
import type { PodView, Trouble } from './pod-view.ts';
import { awaitReady, deadlineOf, mayPass } from './await-ready.ts';
import { bounded, isAccepted, result, type Finding, type PodHealthInput } from './finding.ts';
import { running } from './observe-pod.ts';
import { soak } from './soak.ts';

export { wait, type Finding, type PodHealthInput } from './finding.ts';

interface BadPod {
  readonly pod: PodView;
  readonly kind: Trouble;
  readonly reason: string;
  readonly message: string;
}

/**
 * Judges a batch by its pods. One pod with evidence that does not pass by itself fails the batch at
 * once, unless stable pods have the same failure: then the change is not its cause.
 */
export function judgePods(input: PodHealthInput): Finding {
  if (input.target === 0) {
    return {
      unhealthy: 0,
      result: result(
        'None',
        'NoReplicas' satisfies CheckReason,
        'there are no pods to judge, so the revision is not verified',
      ),
    };
  }
  const bad = input.fresh.filter((p) => isJudged(p, input)).flatMap((p) => badPod(p, input));
  if (bad.length > 0) return judgeBad(bad, input);
  const done = running(input.fresh).filter((p) => p.ready || isAccepted(p, input));
  if (done.length < input.target) return awaitReady(done.length, input);
  return soak(done, input);
}

const isJudged = (pod: PodView, input: PodHealthInput): boolean => {
  const isOlder = pod.createdAt < Math.floor((input.seenAt ?? 0) / 1000) * 1000 - RECENT_MS;
  return !isAccepted(pod, input) && (!isOlder || isTroubledNow(pod, input));
};

/** What is wrong with the pod now, whether or not it may pass. */
function failureOf(pod: PodView, input: PodHealthInput): BadPod[] {
  const { settings } = input;
  if (pod.trouble !== undefined) {
    const { kind, reason, message } = pod.trouble;
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

/** The same without a failure that may pass by itself. */
function badPod(pod: PodView, input: PodHealthInput): BadPod[] {
  if (!mayPass(pod, input)) return failureOf(pod, input);
  const { trouble: _, ...rest } = pod;
  return failureOf(rest, input);
}

const isOverdue = (pod: PodView, input: PodHealthInput): boolean =>
  !pod.ready && pod.ended !== true && input.heardAt >= deadlineOf(pod, input);

function overdue(pod: PodView, { readyDeadlineSeconds }: PodHealthInput): BadPod {
  const after = `after ${readyDeadlineSeconds} s`;
  return pod.scheduled
    ? { pod, kind: 'NotReady', reason: reasonOf(pod), message: `not ready ${after}` }
    : {
        pod,
        kind: 'Unschedulable',
        reason: 'Unschedulable' satisfies CheckReason,
        message: `not scheduled ${after}`,
      };
}

const reasonOf = ({ unreadyCount }: PodView): CheckReason =>
  unreadyCount > 0 ? 'ReadinessLost' : 'NeverReady';

/** Kinds that look alike from outside: an outage shows as either of them. */
const ALIKE: Readonly<Record<Trouble, string>> = {
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

function judgeBad(bad: readonly BadPod[], input: PodHealthInput): Finding {
  const own = bad.filter((b) => !stableSuffers(b.kind, input));
  const [first] = own.length > 0 ? own : bad;
  const verdict = own.length > 0 ? 'Fail' : 'Inconclusive';
  const shown = own.length > 0 ? own : bad;
  const { fresh } = input;
  const stable = running(input.stable);
  const sound = stable.filter((p) => p.ready).length;
  const healthy =
    stable.length === 0
      ? 'no stable pods to compare with'
      : `${sound} of ${stable.length} stable pods are ready`;
  const blame = verdict === 'Fail' ? '' : '; stable pods have the same failure';
  const reason = first?.reason ?? 'Failed';
  const message = `${bad.length} of ${fresh.length} updated pods: ${reason}; ${healthy}${blame}`;
  return { unhealthy: bad.length, result: result(verdict, reason, message, shown.map(evidenceOf)) };
}

/** A pod's failures count as those of now for so long after it is ready again, or ended. */
const RECENT_MS = 600_000;

const isTroubledNow = (pod: PodView, { now }: PodHealthInput): boolean => {
  if (pod.ended === true) return (pod.unreadySince ?? 0) >= now - RECENT_MS;
  return !pod.ready || pod.readySince >= now - RECENT_MS;
};

/**
 * Whether stable pods have the same kind of failure now: restarts of last month don't excuse a crash
 * of today. One that can't pull its image is enough: running pods do not pull. Otherwise their share
 * must be half of the updated pods'.
 */
function stableSuffers(kind: Trouble, input: PodHealthInput): boolean {
  const { fresh } = input;
  const stable = input.stable.filter((p) => p.ended !== true || isTroubledNow(p, input));
  const suffers = (pod: PodView): boolean =>
    (ALIKE[kind] === 'ready' && !pod.ready) ||
    (isTroubledNow(pod, input) && failureOf(pod, input).some((b) => ALIKE[b.kind] === ALIKE[kind]));
  const among = stable.filter(suffers).length;
  if (ALIKE[kind] === 'image') return among > 0;
  return among * fresh.length * 2 >= fresh.filter(suffers).length * stable.length && among > 0;
}

function evidenceOf({ pod, reason, message }: BadPod): Evidence {
  return {
    pod: pod.name,
    ...(pod.node === '' ? {} : { node: pod.node }),
    ...(pod.trouble === undefined || pod.trouble.container === ''
      ? {}
      : { container: pod.trouble.container }),
    reason,
    ...(message === '' ? {} : { message: bounded(message) }),
    restarts: pod.restarts,
  };
}
