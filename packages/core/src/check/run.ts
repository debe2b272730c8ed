// SPDX-License-Identifier: Apache-2.0
import type { CheckReason } from '@altershield/api';
import { awaitReady } from './await-ready.ts';
import { isAccepted, result, truncate, type CheckOutcome, type PodHealthInput } from './finding.ts';
import { activePods } from './observe-pod.ts';
import { soak } from './soak.ts';
import { judgeFailures } from './pod-health.ts';
import type { FailureKind, PodView } from './pod-view.ts';

/** A Job that shows whether a revision works, where pods run to completion. */
export interface RunView {
  readonly name: string;
  readonly createdAt: number;
  readonly state: 'Active' | 'Succeeded' | 'Failed';
  /** Why it failed, as its controller says. */
  readonly message: string;
  /** It has or had pods. */
  readonly hasStarted: boolean;
  /** Pods that succeeded. */
  readonly succeeded: number;
}

/** Failures that keep a container from starting. Whether others count, the Job's own limits say. */
const KEEPS_FROM_STARTING: ReadonlySet<FailureKind> = new Set(['ImagePull', 'ConfigError']);

/**
 * Judges pods that run to completion. The Job says whether the run succeeded or failed; pods that
 * never start are evidence of their own, because a Job waits for them forever.
 */
export function judgeRun(run: RunView | undefined, input: PodHealthInput): CheckOutcome {
  if (run !== undefined && run.state !== 'Active') return ended(run, input);
  const pods = { updated: input.updated.map(asRun), stable: input.stable.map(asRun) };
  return judgeFailures({ ...input, ...pods }) ?? awaitEnd(run, { ...input, ...pods });
}

/**
 * Judges a batch of a run that has more to start: its pods have succeeded, or have started and run
 * for the soak time.
 */
export function judgeStart(run: RunView | undefined, input: PodHealthInput): CheckOutcome {
  if (run !== undefined && run.state !== 'Active') return ended(run, input);
  const pods = { updated: input.updated.map(asStart), stable: input.stable.map(asStart) };
  const failed = judgeFailures({ ...input, ...pods });
  if (failed !== undefined) return failed;
  const { succeeded = 0, hasStarted = false } = run ?? {};
  const target = Math.max(0, input.target - succeeded);
  const started = activePods(pods.updated).filter((pod) => pod.ready || isAccepted(pod, input));
  const mayReleaseMore = input.mayReleaseMore && !hasStarted;
  const rest = { ...input, ...pods, target, mayReleaseMore };
  if (target === 0) {
    const message = `${succeeded} of ${input.target} pods have succeeded`;
    return outcome('Pass', 'Healthy', message);
  }
  return started.length < target ? awaitReady(started.length, rest) : soak(started, rest);
}

function ended({ name, state, message, createdAt }: RunView, input: PodHealthInput): CheckOutcome {
  if (state === 'Succeeded') return outcome('Pass', 'RunSucceeded', `Job ${name} succeeded`);
  const why = `Job ${name} failed${message === '' ? '' : `: ${truncate(message)}`}`;
  if (createdAt < (input.overriddenBefore ?? 0)) {
    return outcome('Pass', 'Accepted', `${why}; accepted by a user`);
  }
  const failed = input.updated.filter((pod) => pod.failure !== undefined);
  const evidence = failed.map((pod) => ({
    pod: pod.name,
    ...(pod.node === '' ? {} : { node: pod.node }),
    reason: pod.failure?.reason ?? '',
    message: truncate(pod.failure?.message ?? ''),
    restarts: pod.restarts,
  }));
  return {
    unhealthy: failed.length,
    result: result('Fail', 'RunFailed' satisfies CheckReason, why, evidence),
  };
}

function awaitEnd(run: RunView | undefined, input: PodHealthInput): CheckOutcome {
  if (run === undefined && !input.mayReleaseMore) {
    return outcome(
      'Pending',
      'AwaitingRun',
      'the revision has not run yet; its next run is judged',
    );
  }
  const active = activePods(input.updated);
  const ready = active.filter((pod) => pod.ready || isAccepted(pod, input));
  // Between two attempts a Job has no pods: only one that never had any may lack them.
  const mayReleaseMore = input.mayReleaseMore && run?.hasStarted !== true;
  const waiting = awaitReady(ready.length, { ...input, mayReleaseMore });
  if (waiting.result.verdict !== 'Pending' || ready.length < active.length) return waiting;
  const name = run === undefined ? '' : ` ${run.name}`;
  return { ...waiting, ...outcome('Pending', 'RunInProgress', `Job${name} has not ended yet`) };
}

const outcome = (
  verdict: 'Pass' | 'Pending',
  reason: CheckReason,
  message: string,
): CheckOutcome => ({ unhealthy: 0, result: result(verdict, reason, message) });

/** The pod with what counts for a start: it runs, and does not wait to be restarted. */
function asStart(pod: PodView): PodView {
  const isRunning = (pod.ready || pod.started === true) && pod.failure === undefined;
  return { ...asRun(pod), ready: isRunning };
}

/** The pod with what counts in a run: whether it starts, not whether it is ready or fails. */
function asRun({ failure, started, ...pod }: PodView): PodView {
  const isKept = failure !== undefined && KEEPS_FROM_STARTING.has(failure.kind);
  return {
    ...pod,
    ready: pod.ready || started === true,
    unreadyCount: 0,
    ...(isKept ? { failure } : {}),
  };
}
