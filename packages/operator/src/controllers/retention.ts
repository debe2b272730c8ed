// SPDX-License-Identifier: Apache-2.0
import { CHANGE_WORKLOADS } from '@altershield/api';
import { expiredRecords, isOver, statusOf } from '@altershield/core';
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
    ...{ scheduler, log, metrics },
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
  const { due, nextAt } = expiredRecords(changesOf(caches, workload), scheduler.now(), isGone);
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
