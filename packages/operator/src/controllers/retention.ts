// SPDX-License-Identifier: Apache-2.0
import { accountingFor, isOver, statusOf } from '@altershield/core';
import {
  Controller,
  isNotFound,
  keyOf,
  type CachedClient,
  type ControllerMetrics,
  type Logger,
  type Result,
  type Scheduler,
} from '@altershield/kube';
import { CHANGES, type ChangeObject } from '../kinds.ts';
import { countsUntil } from '../observe/rollbacks.ts';
import { parseWorkloadKey, workloadKeyString } from '../observe/followed-kind.ts';
import { changesOf, followedKind, targetKey, type World } from '../observe/world.ts';

export interface RetentionDeps {
  readonly world: World;
  readonly client: CachedClient;
  readonly scheduler: Scheduler;
  readonly log: Logger;
  readonly metrics?: ControllerMetrics | undefined;
}

/** Deletes finished records that are too old or too many; their batches follow by ownership. */
export function createRetentionController(deps: RetentionDeps): Controller {
  const { world, scheduler, log, metrics } = deps;
  const controller = new Controller({
    name: 'retention',
    scheduler,
    log,
    ...(metrics === undefined ? {} : { metrics }),
    reconcile: (key, { signal }) => reconcile(key, deps, signal),
  });
  controller.watch(world.changes, ({ type, object }) => {
    const isFinished = type !== 'Deleted' && isOver(statusOf(object).phase);
    return isFinished ? workloadKeyString(targetKey(object)) : [];
  });
  for (const kind of world.kinds) {
    controller.watch(kind.objects, ({ type, object }) =>
      type === 'Deleted' ? kind.keyOf(object) : [],
    );
  }
  return controller;
}

async function reconcile(
  key: string,
  { world, client, scheduler }: RetentionDeps,
  signal: AbortSignal,
): Promise<Result | undefined> {
  const workload = parseWorkloadKey(key);
  const kind = followedKind(world, workload.kind);
  // Of a kind that is not followed, nothing is known to be gone.
  const isGone = kind !== undefined && kind.get(workload) === undefined;
  const { due, nextAt } = expired(changesOf(world, workload), scheduler.now(), isGone);
  for (const change of due) await remove(client, change, signal);
  return nextAt === undefined ? undefined : { requeueAfterMs: nextAt - scheduler.now() };
}

async function remove(
  client: CachedClient,
  change: ChangeObject,
  signal: AbortSignal,
): Promise<void> {
  const { uid } = change.metadata;
  try {
    await client.delete(CHANGES, keyOf(change), { uid, propagationPolicy: 'Background', signal });
  } catch (error) {
    if (!isNotFound(error)) throw error;
  }
}

/** Records that refuse a revision are kept beyond the cap, but not without end: this many times it. */
const REFUSING = 3;

/**
 * Which records are due. The newest of a workload that is there stays whatever its age, and the one that
 * accounts for what it runs: it says which revision is the verified one. A record that still refuses a revision is kept as long as it
 * does, within a cap of its own; one of an automatic rollback as long as it counts towards the limit.
 */
export function expired(
  changes: readonly ChangeObject[],
  now: number,
  isGone = false,
): { readonly due: readonly ChangeObject[]; readonly nextAt: number | undefined } {
  const newest = changes.at(-1);
  const records = newest?.spec.policy.spec.limits.historyLimit ?? 10;
  const kept = isGone ? [] : [newest, accountingFor(changes)];
  const finished = changes.filter((c) => !kept.includes(c) && isOver(statusOf(c).phase));
  const free = finished.filter((c) => countsUntil(c) <= now);
  const refusing = free.filter((c) => refusesUntil(c, changes) > now);
  const idle = free.filter((c) => refusesUntil(c, changes) <= now);
  const surplus = idle.length + (isGone ? 0 : 1) - records;
  const due = [
    ...idle.filter((c, i) => i < surplus || endOf(c) <= now),
    ...refusing.slice(0, Math.max(0, refusing.length - REFUSING * records)),
  ];
  const later = finished
    .filter((c) => !due.includes(c))
    .flatMap((c) => [countsUntil(c), refusesUntil(c, changes), endOf(c)].filter((at) => at > now));
  return { due, nextAt: later.length === 0 ? undefined : Math.min(...later) };
}

/** When a record is old enough to go. */
const endOf = (change: ChangeObject): number =>
  Date.parse(statusOf(change).finishedAt ?? change.metadata.creationTimestamp) +
  change.spec.policy.spec.limits.historyTTLSeconds * 1000;

/** What was lifted lifts older refusals, too: the record that says so must outlive them. */
function refusesUntil(change: ChangeObject, changes: readonly ChangeObject[]): number {
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
