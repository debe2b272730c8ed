// SPDX-License-Identifier: Apache-2.0
import type { ChangePolicySpec, CheckResult, Evidence } from '@altershield/api';
import type { PodView, Trouble } from '../change/model.ts';
import { running } from './pod-view.ts';

export interface PodHealthInput {
  /** Pods of the new revision, with those that ended. */
  readonly fresh: readonly PodView[];
  /** Pods to compare with, with those that ended. */
  readonly stable: readonly PodView[];
  /** Pods of the new revision that the batch wants. */
  readonly target: number;
  readonly settings: ChangePolicySpec['checks']['podHealth'];
  /** Seconds within which a pod must be ready. */
  readonly readyDeadlineSeconds: number;
  readonly soakSeconds: number;
  /** When the batch was let out, or widened last. */
  readonly releasedAt: number;
  /** Whether the pods that are missing may be made by now. */
  readonly isLetOut: boolean;
  readonly now: number;
  /** Up to when the pods are known: silence after that is no evidence. */
  readonly heardAt: number;
  /** When the change was seen: what befell older pods of it long ago was nobody's to judge. Default: no pod is older. */
  readonly seenAt?: number;
  /** Pods made before are as a person accepted them, whatever ails them. Default: none. */
  readonly acceptedBefore?: number;
}

export interface Finding {
  readonly result: CheckResult;
  readonly bad: number;
  /** When the answer may change although no pod does. */
  readonly dueAt?: number;
  /** It is due by the clock, and waits only for the pods to be heard of. */
  readonly unheard?: true;
}

interface BadPod {
  readonly pod: PodView;
  readonly kind: Trouble;
  readonly reason: string;
  readonly message: string;
}

const MAX_EVIDENCE = 5;

/**
 * Judges a batch by its pods. One pod with evidence that does not pass by itself fails the batch at
 * once, unless pods of the old revision suffer the same: then the trouble is not the change's.
 */
export function judgePods(input: PodHealthInput): Finding {
  if (input.target === 0) {
    return {
      bad: 0,
      result: finding(
        'None',
        'NoReplicas',
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

/** True for a pod that a person looked at and let pass. */
export const isAccepted = (
  { createdAt }: PodView,
  { acceptedBefore = 0 }: Pick<PodHealthInput, 'acceptedBefore'>,
): boolean => createdAt < acceptedBefore;

function badPod(pod: PodView, input: PodHealthInput): BadPod[] {
  const { settings } = input;
  if (pod.trouble !== undefined) {
    const { kind, reason, message } = pod.trouble;
    return [{ pod, kind, reason, message }];
  }
  if (pod.restarts > settings.maxRestarts) {
    const message = `${pod.restarts} restarts, more than ${settings.maxRestarts} allowed`;
    return [{ pod, kind: 'Restarts', reason: 'Restarts', message }];
  }
  if (pod.unreadyCount > settings.maxUnready) {
    const message = `lost readiness ${pod.unreadyCount} times, more than ${settings.maxUnready} allowed`;
    return [{ pod, kind: 'Flapping', reason: 'ReadinessFlapping', message }];
  }
  return isOverdue(pod, input) ? [overdue(pod, input)] : [];
}

/** A pod that was ready has as long to come back as a new one has to begin. */
const deadlineOf = (pod: PodView, { readyDeadlineSeconds }: PodHealthInput): number =>
  Math.max(pod.createdAt, pod.unreadySince ?? 0) + readyDeadlineSeconds * 1000;

const isOverdue = (pod: PodView, input: PodHealthInput): boolean =>
  !pod.ready && pod.ended !== true && input.heardAt >= deadlineOf(pod, input);

function overdue(pod: PodView, { readyDeadlineSeconds }: PodHealthInput): BadPod {
  const after = `after ${readyDeadlineSeconds} s`;
  return pod.scheduled
    ? { pod, kind: 'NotReady', reason: reasonOf(pod), message: `not ready ${after}` }
    : { pod, kind: 'Unschedulable', reason: 'Unschedulable', message: `on no node ${after}` };
}

const reasonOf = ({ unreadyCount }: PodView): string =>
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
      ? 'no pods of the old revision to compare with'
      : `${sound} of ${stable.length} pods of the old revision are ready`;
  const blame = verdict === 'Fail' ? '' : '; pods of the old revision show the same trouble';
  return {
    bad: bad.length,
    result: {
      name: 'podHealth',
      verdict,
      reason: first?.reason ?? 'Failed',
      message: `${bad.length} of ${fresh.length} new pods: ${first?.reason ?? ''}; ${healthy}${blame}`,
      evidence: shown.slice(0, MAX_EVIDENCE).map(evidenceOf),
    },
  };
}

/** A pod's troubles count as those of now for so long after it is ready again, or ended. */
const RECENT_MS = 600_000;

const isTroubledNow = (pod: PodView, { now }: PodHealthInput): boolean => {
  if (pod.ended === true) return (pod.unreadySince ?? 0) >= now - RECENT_MS;
  return !pod.ready || pod.readySince >= now - RECENT_MS;
};

/**
 * Whether pods of the old revision have the same kind of trouble now: restarts of last month don't
 * excuse a crash of today. One that can't pull its image is enough: running pods do not pull.
 * Otherwise their share must be half of the new pods'.
 */
function stableSuffers(kind: Trouble, input: PodHealthInput): boolean {
  const { fresh } = input;
  const stable = input.stable.filter((p) => p.ended !== true || isTroubledNow(p, input));
  const suffers = (pod: PodView): boolean =>
    (ALIKE[kind] === 'ready' && !pod.ready) ||
    (isTroubledNow(pod, input) && badPod(pod, input).some((b) => ALIKE[b.kind] === ALIKE[kind]));
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
    ...(message === '' ? {} : { message: message.slice(0, 512) }),
    restarts: pod.restarts,
  };
}

/** How soon to look again when a deadline is over and nothing was heard since. */
const LISTEN_MS = 5000;

function awaitReady(ready: number, input: PodHealthInput): Finding {
  const { target, readyDeadlineSeconds, releasedAt, isLetOut, now, heardAt } = input;
  const fresh = running(input.fresh);
  const movedAt = Math.max(releasedAt, ...fresh.flatMap((p) => [p.createdAt, p.readySince]));
  const stuckAt = movedAt + readyDeadlineSeconds * 1000;
  const message = `${ready} of ${target} pods are ready`;
  const isLate = ready === fresh.length && isLetOut;
  if (isLate && heardAt >= stuckAt) {
    const why = `${message}; the others were not created within ${readyDeadlineSeconds} s`;
    return { bad: 0, result: finding('Inconclusive', 'ReadyDeadlineExceeded', why) };
  }
  const deadlines = fresh
    .filter((p) => !p.ready && !isAccepted(p, input))
    .map((p) => deadlineOf(p, input));
  const deadline = deadlines.length > 0 ? Math.min(...deadlines) : stuckAt;
  const result = finding('Pending', 'AwaitingReady', message);
  const hasDeadline = deadlines.length > 0 || isLate;
  return { bad: 0, result, ...(hasDeadline ? wait(deadline, now) : {}) };
}

/** Until then; if that is over, until somebody hears of the pods. */
export const wait = (until: number, now: number): Pick<Finding, 'dueAt' | 'unheard'> =>
  until > now ? { dueAt: until } : { dueAt: now + LISTEN_MS, unheard: true };

/** Pods tell in whole seconds when they became ready: it may have been later by so much. */
const FRACTION_MS = 999;

/** All pods of the batch are ready, or accepted: they must stay so, and be heard of, for the soak time, counted from the last. */
function soak(done: readonly PodView[], input: PodHealthInput): Finding {
  const { target, soakSeconds, now, heardAt } = input;
  const since = Math.min(now, Math.max(...done.map((p) => p.readySince), 0));
  const dueAt = since + (soakSeconds === 0 ? 0 : soakSeconds * 1000 + FRACTION_MS);
  const passed = soakSeconds === 0 || heardAt >= dueAt;
  const ready = done.filter((p) => p.ready).length;
  const accepted = done.length - ready;
  const others = accepted === 0 ? '' : `; ${accepted} not ready, accepted by a person`;
  const message = passed
    ? `${ready} of ${target} pods stayed ready for ${soakSeconds} s${others}`
    : `${ready} of ${target} pods are ready, soaking${others}`;
  const result = passed
    ? finding('Pass', accepted === 0 ? 'Healthy' : 'Accepted', message)
    : finding('Pending', 'Soaking', message);
  return { bad: 0, result, ...(passed ? {} : wait(dueAt, now)) };
}

const finding = (
  verdict: CheckResult['verdict'],
  reason: string,
  message: string,
): CheckResult => ({ name: 'podHealth', verdict, reason, message, evidence: [] });
