// SPDX-License-Identifier: Apache-2.0
import { CHANGE_WORKLOADS } from '@altershield/api';
import { currentRecord, isOver, statusOf } from '@altershield/core';
import {
  Controller,
  isNotFound,
  keyOf,
  type WriteThroughClient,
  type ControllerMetrics,
  type Logger,
  type Result,
  type Scheduler,
} from '@altershield/kube';
import type { ChangeObject } from '../objects.ts';
import { windowEndsAt } from '../records/rollback-limiter.ts';
import { parseWorkloadKey, workloadKeyString } from '../kinds/followed-kind.ts';
import { changesOf, followedKind, targetKey, type Caches } from '../caches/caches.ts';

export interface RetentionDeps {
  readonly caches: Caches;
  readonly client: WriteThroughClient;
  readonly scheduler: Scheduler;
  readonly log: Logger;
  readonly metrics?: ControllerMetrics | undefined;
}

/** Deletes finished records beyond the limits; garbage collection deletes their batches. */
export function createRetentionController(deps: RetentionDeps): Controller {
  const { caches, scheduler, log, metrics } = deps;
  const controller = new Controller({
    name: 'retention',
    scheduler,
    log,
    ...(metrics === undefined ? {} : { metrics }),
    reconcile: (key, { signal }) => reconcile(key, deps, signal),
  });
  controller.watch(caches.changes, ({ type, object }) => {
    const isFinished = type !== 'Deleted' && isOver(statusOf(object).phase);
    return isFinished ? workloadKeyString(targetKey(object)) : [];
  });
  for (const kind of caches.kinds) {
    controller.watch(kind.objects, ({ type, object }) =>
      type === 'Deleted' ? kind.keyOf(object) : [],
    );
  }
  return controller;
}

async function reconcile(
  key: string,
  { caches, client, scheduler }: RetentionDeps,
  signal: AbortSignal,
): Promise<Result | undefined> {
  const workload = parseWorkloadKey(key);
  const kind = followedKind(caches, workload.kind);
  // If the kind is not followed, the workload may still exist.
  const isGone = kind !== undefined && kind.get(workload) === undefined;
  const { due, nextAt } = expired(changesOf(caches, workload), scheduler.now(), isGone);
  for (const change of due) await remove(client, change, signal);
  return nextAt === undefined ? undefined : { requeueAfterMs: nextAt - scheduler.now() };
}

async function remove(
  client: WriteThroughClient,
  change: ChangeObject,
  signal: AbortSignal,
): Promise<void> {
  const { uid } = change.metadata;
  try {
    await client.delete(CHANGE_WORKLOADS, keyOf(change), {
      uid,
      propagationPolicy: 'Background',
      signal,
    });
  } catch (error) {
    if (!isNotFound(error)) throw error;
  }
}

/** Records with a quarantine in force have a separate limit: this many times `historyLimit`. */
const QUARANTINED_FACTOR = 3;

/**
 * Selects the records to delete. While the workload exists, its newest record and the record of its
 * running revision stay: the latter names the verified revision. A record with a quarantine stays
 * while the quarantine is in force, up to a separate limit. A record of an automatic rollback stays
 * while it counts towards the rollback limit.
 */
export function expired(
  changes: readonly ChangeObject[],
  now: number,
  isGone = false,
): { readonly due: readonly ChangeObject[]; readonly nextAt: number | undefined } {
  const newest = changes.at(-1);
  const records = newest?.spec.policy.spec.limits.historyLimit ?? 10;
  const kept = isGone ? [] : [newest, currentRecord(changes)];
  const finished = changes.filter((c) => !kept.includes(c) && isOver(statusOf(c).phase));
  const free = finished.filter((c) => windowEndsAt(c) <= now);
  const quarantined = free.filter((c) => quarantinedUntil(c, changes) > now);
  const idle = free.filter((c) => quarantinedUntil(c, changes) <= now);
  const surplus = idle.length + (isGone ? 0 : 1) - records;
  const due = [
    ...idle.filter((c, i) => i < surplus || expiresAt(c) <= now),
    ...quarantined.slice(0, Math.max(0, quarantined.length - QUARANTINED_FACTOR * records)),
  ];
  const later = finished
    .filter((c) => !due.includes(c))
    .flatMap((c) =>
      [windowEndsAt(c), quarantinedUntil(c, changes), expiresAt(c)].filter((at) => at > now),
    );
  return { due, nextAt: later.length === 0 ? undefined : Math.min(...later) };
}

const expiresAt = (change: ChangeObject): number =>
  Date.parse(statusOf(change).finishedAt ?? change.metadata.creationTimestamp) +
  change.spec.policy.spec.limits.historyTTLSeconds * 1000;

/** A lifted quarantine also lifts older ones of its revision, so its record must outlive them. */
function quarantinedUntil(change: ChangeObject, changes: readonly ChangeObject[]): number {
  const quarantine = change.status?.quarantine;
  if (quarantine === undefined) return 0;
  if (quarantine.lifted === undefined) return Date.parse(quarantine.until);
  const covered = changes.flatMap(({ status }) => {
    const other = status?.quarantine;
    const isCovered = other?.fingerprint === quarantine.fingerprint && other.lifted === undefined;
    return isCovered ? [Date.parse(other.until)] : [];
  });
  return Math.max(0, ...covered);
}
