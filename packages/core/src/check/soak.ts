// SPDX-License-Identifier: Apache-2.0
import type { CheckReason } from '@altershield/api';
import type { PodView } from './pod-view.ts';
import { result, wait, type CheckOutcome, type PodHealthInput } from './finding.ts';

/** Readiness times have whole seconds: a pod may have become ready this much later. */
const TIMESTAMP_GRANULARITY_MS = 999;

/**
 * When the soak of a pod starts: the latest of its creation, its readiness and the operator's first
 * observation of that readiness. A wrong node clock must not shorten a soak, so readiness before
 * that observation does not count, and times in the future are ignored. After an operator restart
 * every pod is observed anew, and the soak starts over.
 */
export function readyFrom({ createdAt, readySince, readySeenAt }: PodView, now: number): number {
  if (readySeenAt === undefined)
    return Math.min(now, Math.max(createdAt, readySince)) + TIMESTAMP_GRANULARITY_MS;
  return Math.max(readySeenAt, ...[createdAt, readySince].filter((time) => time <= now));
}

/**
 * Soaks a batch whose pods are all ready or accepted: they must stay so for the soak time, in
 * current pod data.
 */
export function soak(done: readonly PodView[], input: PodHealthInput): CheckOutcome {
  const { target, soakSeconds, now, currentAsOf } = input;
  const ready = done.filter((p) => p.ready);
  const since = Math.max(input.soaksFrom ?? 0, ...ready.map((p) => readyFrom(p, now)));
  const dueAt = since + soakSeconds * 1000;
  const accepted = done.length - ready.length;
  const others = accepted === 0 ? '' : `; ${accepted} not ready, accepted by a user`;
  if (soakSeconds > 0 && currentAsOf < dueAt) {
    const message = `${ready.length} of ${target} updated pods are ready, soaking${others}`;
    return {
      unhealthy: 0,
      result: result('Pending', 'Soaking' satisfies CheckReason, message),
      ...wait(dueAt, now),
      passesAt: dueAt,
    };
  }
  const message = `${ready.length} of ${target} updated pods stayed ready for ${soakSeconds} s${others}`;
  const reason: CheckReason = accepted === 0 ? 'Healthy' : 'Accepted';
  return { unhealthy: 0, result: result('Pass', reason, message) };
}
