// SPDX-License-Identifier: Apache-2.0
import type { CheckReason } from '@altershield/api';
import type { PodView } from './pod-view.ts';
import { result, wait, type CheckOutcome, type PodHealthInput } from './finding.ts';

/** Pods tell in whole seconds when they became ready: it may have been later by this much. */
const TIMESTAMP_GRANULARITY_MS = 999;

/**
 * From when the pod counts as ready: the latest of its creation, its readiness and the operator's
 * first sight of that. The node's clock alone could shorten a soak, so that readiness from before
 * the first sight adds nothing; a time in the future says only that the clock is wrong. After a
 * restart the operator sees each pod for the first time again, and the soak starts over.
 */
function readyFrom({ createdAt, readySince, readySeenAt }: PodView, now: number): number {
  if (readySeenAt === undefined)
    return Math.min(now, Math.max(createdAt, readySince)) + TIMESTAMP_GRANULARITY_MS;
  return Math.max(readySeenAt, ...[createdAt, readySince].filter((time) => time <= now));
}

/** All pods of the batch are ready, or accepted: they must stay so, and be heard of, for the soak time. */
export function soak(done: readonly PodView[], input: PodHealthInput): CheckOutcome {
  const { target, soakSeconds, now, currentAsOf } = input;
  const ready = done.filter((p) => p.ready);
  const since = Math.max(0, ...ready.map((p) => readyFrom(p, now)));
  const dueAt = since + soakSeconds * 1000;
  const accepted = done.length - ready.length;
  const others = accepted === 0 ? '' : `; ${accepted} not ready, accepted by a user`;
  if (soakSeconds > 0 && currentAsOf < dueAt) {
    const message = `${ready.length} of ${target} updated pods are ready, soaking${others}`;
    return {
      unhealthy: 0,
      result: result('Pending', 'Soaking' satisfies CheckReason, message),
      ...wait(dueAt, now),
    };
  }
  const message = `${ready.length} of ${target} updated pods stayed ready for ${soakSeconds} s${others}`;
  const reason: CheckReason = accepted === 0 ? 'Healthy' : 'Accepted';
  return { unhealthy: 0, result: result('Pass', reason, message) };
}
