// SPDX-License-Identifier: Apache-2.0
import { explainErrors } from '@altershield/core';
import {
  Controller,
  keyOf,
  keyOfObject,
  type CachedClient,
  type ControllerMetrics,
  type Logger,
  type Scheduler,
} from '@altershield/kube';
import { mergePatch } from '../actions/merge-patch.ts';
import { POLICIES, type PolicyObject } from '../kinds.ts';
import type { PolicyBook } from '../observe/policy-book.ts';
import type { World } from '../observe/world.ts';

export interface PolicyDeps {
  readonly world: World;
  readonly book: PolicyBook;
  readonly client: CachedClient;
  readonly scheduler: Scheduler;
  readonly log: Logger;
  readonly metrics?: ControllerMetrics | undefined;
}

/** Tells each policy's author whether it governs, and how much, or every problem that it has. */
export function createPolicyController(deps: PolicyDeps): Controller {
  const { world, scheduler, log, metrics } = deps;
  const controller = new Controller({
    name: 'policy',
    scheduler,
    log,
    ...(metrics === undefined ? {} : { metrics }),
    reconcile: async (key, { signal }) => {
      const policy = world.policies.get(key);
      if (policy !== undefined) await reconcile(policy, deps, signal);
    },
  });
  controller.watch(world.policies, keyOfObject);
  return controller;
}

async function reconcile(
  policy: PolicyObject,
  { world, book, client, scheduler }: PolicyDeps,
  signal: AbortSignal,
): Promise<void> {
  const { generation = 1, uid, resourceVersion } = policy.metadata;
  const errors = book.problemsOf(policy);
  const governed = world.deployments.list().filter(({ metadata }) => {
    const { namespace = '' } = metadata;
    return book.governing('Deployment', metadata, namespace)?.uid === uid;
  }).length;
  const said =
    errors.length === 0
      ? { status: 'True', reason: 'Valid', message: 'the policy governs' }
      : { status: 'False', reason: 'Invalid', message: explainErrors(errors).slice(0, 32_000) };
  const known = policy.status?.conditions?.find((c) => c.type === 'Ready');
  const lastTransitionTime =
    known?.status === said.status
      ? known.lastTransitionTime
      : new Date(scheduler.now()).toISOString();
  const ready = { type: 'Ready', ...said, lastTransitionTime, observedGeneration: generation };
  const status = { observedGeneration: generation, governed, conditions: [ready] };
  const patch = mergePatch(policy.status ?? {}, status);
  if (patch === undefined) return;
  const body = { metadata: { uid, resourceVersion }, status: patch };
  await client.patch(
    POLICIES,
    keyOf(policy),
    { type: 'merge', body },
    { subresource: 'status', signal },
  );
}
