// SPDX-License-Identifier: Apache-2.0
import type { CheckReason } from '@altershield/api';
import { neverReady } from '../detect/never-ready.ts';
import { result, wait, type CheckOutcome, type PodHealthInput } from './finding.ts';
import { activePods } from './observe-pod.ts';
import type { PodView } from './pod-view.ts';

/** Times of a pod have whole seconds: each may be this much too early. */
const GRANULARITY_MS = 1000;

interface SlowPods {
  /** Absent: no pod is suspect yet. */
  readonly outcome?: CheckOutcome;
  /** When the pods become suspect. */
  readonly deadlines: readonly number[];
}

/**
 * Tells early that a pod will not become ready: its containers run for many times longer than those
 * of stable pods did before they were ready.
 */
export function judgeSlowPods(
  progress: string,
  unready: readonly PodView[],
  input: PodHealthInput,
): SlowPods {
  if (input.judgesSlowPods !== true || input.settings.slowPods === 'Ignore')
    return { deadlines: [] };
  const knownMs = knownTimes(input.stable);
  const judged = unready.flatMap((pod) => {
    const { startedAt, unreadyCount, restarts, failure } = pod;
    // What happened to these pods is judged by what happened.
    if (startedAt === undefined || unreadyCount + restarts > 0 || failure !== undefined) return [];
    const ageMs = input.currentAsOf - startedAt - GRANULARITY_MS;
    const { suspectAfterMs, message, isSuspect } = neverReady({ knownMs, ageMs });
    if (suspectAfterMs === undefined) return [];
    return [{ pod, isSuspect, message, dueAt: startedAt + suspectAfterMs + GRANULARITY_MS }];
  });
  const suspect = judged.find(({ isSuspect }) => isSuspect);
  const deadlines = judged.filter((each) => !each.isSuspect).map(({ dueAt }) => dueAt);
  if (suspect === undefined) return { deadlines };
  const until = suspect.pod.createdAt + input.readyDeadlineSeconds * 1000;
  return {
    deadlines,
    outcome: outcomeOf(`${progress}; ${suspect.message ?? ''}`, suspect.pod, { input, until }),
  };
}

/** How long stable pods took from the start of their containers until they were ready. */
const knownTimes = (stable: readonly PodView[]): number[] =>
  activePods(stable)
    .filter(({ ready, unreadyCount, restarts }) => ready && unreadyCount + restarts === 0)
    .flatMap(({ startedAt, readySince }) =>
      startedAt === undefined ? [] : [Math.max(GRANULARITY_MS, readySince - startedAt)],
    );

function outcomeOf(
  message: string,
  { name, node }: PodView,
  { input, until }: { readonly input: PodHealthInput; readonly until: number },
): CheckOutcome {
  const reason: CheckReason = 'SlowToBecomeReady';
  const evidence = [{ pod: name, ...(node === '' ? {} : { node }), reason }];
  const isFailure = input.settings.slowPods === 'Fail';
  return {
    unhealthy: isFailure ? 1 : 0,
    result: result(isFailure ? 'Fail' : 'Inconclusive', reason, message, evidence),
    ...(isFailure ? {} : wait(until, input.now)),
  };
}
