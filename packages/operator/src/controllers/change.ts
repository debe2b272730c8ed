// SPDX-License-Identifier: Apache-2.0
import { ANNOTATIONS } from '@altershield/api';
import { decide, isOver, statusOf, type Action, type Decision } from '@altershield/core';
import {
  Controller,
  keyOfObject,
  keyString,
  parseKey,
  type ControllerMetrics,
  type KubeObject,
  type Logger,
  type ReconcileContext,
  type Result,
  type Scheduler,
} from '@altershield/kube';
import type { ChangeObject, DeploymentObject } from '../kinds.ts';
import type { Sight } from '../observe/gather.ts';
import type { ChangeMetrics } from '../telemetry/change-metrics.ts';
import {
  BY_TARGET,
  deploymentOf,
  deploymentOfPod,
  targetKey,
  type World,
} from '../observe/world.ts';

export interface ChangeDeps {
  readonly world: World;
  readonly scheduler: Scheduler;
  readonly log: Logger;
  readonly metrics?: ControllerMetrics | undefined;
  readonly isOurs: (change: ChangeObject) => boolean;
  readonly gather: (change: ChangeObject) => Sight;
  /** Asks the server whether our copy of the workload's pods is complete, and calls when it is. Does not wait. */
  readonly hear: (deployment: DeploymentObject, then: () => void) => void;
  readonly record: (change: ChangeObject, decision: Decision, signal: AbortSignal) => Promise<void>;
  readonly perform: (
    action: Action,
    deployment: DeploymentObject,
    signal: AbortSignal,
  ) => Promise<number>;
  readonly say: (change: ChangeObject, decision: Decision) => void;
  readonly changeMetrics: Pick<ChangeMetrics, 'decided' | 'acted'>;
}

/** Drives each change to its end. The only writer of `status` of changes and batches. */
export function createChangeController(deps: ChangeDeps): Controller {
  const { world, scheduler, log, metrics } = deps;
  const controller = new Controller({
    name: 'change',
    workers: 32,
    scheduler,
    log,
    ...(metrics === undefined ? {} : { metrics }),
    reconcile: (key, context) =>
      reconcile(key, deps, {
        ...context,
        again: () => {
          controller.enqueue(key);
        },
      }),
  });
  controller.watch(world.changes, keyOfObject);
  controller.watch(world.deployments, ({ object }) =>
    openChanges(
      world,
      keyString({ namespace: object.metadata.namespace ?? '', name: object.metadata.name }),
    ),
  );
  controller.watch(world.replicaSets, ({ object }) => openChanges(world, deploymentOf(object)));
  controller.watch(world.pods, ({ object }) => openChanges(world, deploymentOfPod(world, object)));
  return controller;
}

/** Keys of the changes in flight of a Deployment. */
function openChanges({ changes }: World, deployment: string | undefined): string[] {
  if (deployment === undefined) return [];
  const { namespace, name } = parseKey(deployment);
  return changes
    .byIndex(BY_TARGET, targetKey(namespace, 'Deployment', name))
    .filter((change) => !isOver(statusOf(change).phase))
    .map(({ metadata }: KubeObject) => keyString({ namespace, name: metadata.name }));
}

async function reconcile(
  key: string,
  deps: ChangeDeps,
  { signal, log, wokenAt, again }: ReconcileContext & { readonly again: () => void },
): Promise<Result | undefined> {
  const change = deps.world.changes.get(key);
  if (change === undefined || change.metadata.deletionTimestamp !== undefined) return undefined;
  if (!deps.isOurs(change)) {
    log.warn('a ChangeWorkload that the operator did not write is ignored', {
      cure: `delete it, or restore its annotation ${ANNOTATIONS.seal}`,
    });
    return undefined;
  }
  const { observation, deployment } = deps.gather(change);
  const decision = decide(observation);
  // Not awaited: a failure that the watches tell must not wait for a list.
  if (decision.unheard === true && deployment !== undefined) deps.hear(deployment, again);
  // Record, then perform: a crash in between leaves the intent behind, and `decide` repeats it.
  await deps.record(change, decision, signal);
  deps.say(change, decision);
  deps.changeMetrics.decided(change, decision, wokenAt);
  logMove(log, change, decision);
  if (decision.action !== undefined && deployment !== undefined) {
    await deps.perform(decision.action, deployment, signal);
    deps.changeMetrics.acted(change);
  }
  if (decision.recheckAt === undefined) return undefined;
  return { requeueAfterMs: Math.max(0, decision.recheckAt - deps.scheduler.now()) };
}

function logMove(log: Logger, change: ChangeObject, { status, action }: Decision): void {
  const { phase: from } = statusOf(change);
  const { phase: to, reason, batch } = status;
  if (from !== to) log.info('change moved', { from, to, reason, batch: batch?.index });
  if (action !== undefined) log.debug('acting', { action: action.type, reason });
}
