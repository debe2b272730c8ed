// SPDX-License-Identifier: Apache-2.0
import { isOver, statusOf } from '@altershield/core';
import {
  Controller,
  isNotFound,
  keyOf,
  keyString,
  parseKey,
  type CachedClient,
  type ControllerMetrics,
  type Logger,
  type Result,
  type Scheduler,
} from '@altershield/kube';
import { CHANGES, type ChangeObject } from '../kinds.ts';
import { changesOf, type World } from '../observe/world.ts';

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
    const { namespace = '' } = object.metadata;
    const isFinished = type !== 'Deleted' && isOver(statusOf(object).phase);
    return isFinished ? keyString({ namespace, name: object.spec.target.name }) : [];
  });
  return controller;
}

async function reconcile(
  key: string,
  { world, client, scheduler }: RetentionDeps,
  signal: AbortSignal,
): Promise<Result | undefined> {
  const { namespace, name } = parseKey(key);
  const { due, nextAt } = expired(changesOf(world, namespace, name), scheduler.now());
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

/**
 * Which records are due, oldest first. The newest stays whatever its age: it says which revision is
 * the verified one. A record that still refuses a revision is kept as long as it does.
 */
export function expired(
  changes: readonly ChangeObject[],
  now: number,
): { readonly due: readonly ChangeObject[]; readonly nextAt: number | undefined } {
  const newest = changes.at(-1);
  const limits = newest?.spec.policy.spec.limits;
  const finished = changes.filter(
    (c) => c !== newest && isOver(statusOf(c).phase) && !refuses(c, now),
  );
  const surplus = Math.max(0, finished.length + 1 - (limits?.records ?? 10));
  const endOf = (c: ChangeObject): number =>
    Date.parse(statusOf(c).finishedAt ?? c.metadata.creationTimestamp) +
    c.spec.policy.spec.limits.recordSeconds * 1000;
  const due = finished.filter((c, i) => i < surplus || endOf(c) <= now);
  const later = finished.filter((c) => !due.includes(c)).map(endOf);
  return { due, nextAt: later.length === 0 ? undefined : Math.min(...later) };
}

const refuses = ({ status }: ChangeObject, now: number): boolean =>
  status?.quarantine !== undefined &&
  status.quarantine.lifted === undefined &&
  Date.parse(status.quarantine.until) > now;
