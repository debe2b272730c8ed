// SPDX-License-Identifier: Apache-2.0
import { CHANGE_POLICIES } from '@altershield/api';
import {
  countWorkloads,
  explainErrors,
  matchesKind,
  RECORDED_KINDS,
  mergePatch,
  summarizeMismatches,
  type ValidPolicy,
} from '@altershield/core';
import {
  Controller,
  keyOf,
  keyOfObject,
  keyString,
  yielderFor,
  type WriteThroughClient,
  type ControllerMetrics,
  type InformerEvent,
  type KubeObject,
  type Logger,
  type Scheduler,
} from '@altershield/kube';
import type { PolicyObject } from '../objects.ts';
import { hasRules, type Rules } from '../rules/rule-engine.ts';
import type { PolicyCache } from '../caches/policy-cache.ts';
import { labelsChanged, specChanged } from '../kinds/predicates.ts';
import type { Caches } from '../caches/caches.ts';

/** Events within this time cause one recount. */
const RECOUNT_MS = 1000;
const MAX_MESSAGE = 32_000;

export interface PolicyDeps {
  readonly caches: Caches;
  readonly policyCache: PolicyCache;
  readonly client: WriteThroughClient;
  readonly scheduler: Scheduler;
  readonly log: Logger;
  readonly metrics?: ControllerMetrics | undefined;
  /** True if the API server itself limits replicas (the clamp); otherwise a webhook does. */
  readonly nativeClamp: boolean;
  readonly rules: Rules;
}

/** Reports in each policy's status how many workloads it matches, or every error in its spec. */
export function createPolicyController(deps: PolicyDeps): Controller {
  const { caches, scheduler, log, metrics } = deps;
  const controller = new Controller({
    name: 'policy',
    ...{ scheduler, log, metrics },
    reconcile: async (key, { signal }) => {
      const policy = caches.policies.get(key);
      if (policy !== undefined) await reconcile(policy, deps, signal);
    },
  });
  controller.watch(caches.policies, keyOfObject);
  recountOnNews(controller, deps);
  return controller;
}

/** Workloads, labels and other policies affect many policies at once: batches their events. */
function recountOnNews(controller: Controller, { caches, policyCache }: PolicyDeps): void {
  const concerned = (namespace: string | undefined): string[] =>
    caches.policies
      .list()
      .filter(({ metadata }) => {
        const reach = policyCache.scopeOf(metadata.namespace ?? '');
        return reach === undefined || namespace === undefined || reach === namespace;
      })
      .map((policy) => keyString(keyOf(policy)));
  const together = { delayMs: () => RECOUNT_MS };
  const isNews = (event: InformerEvent<KubeObject>): boolean =>
    !event.initial && labelsChanged(event);
  for (const { objects } of caches.kinds) {
    controller.watch(
      objects,
      (event) => (isNews(event) ? concerned(event.object.metadata.namespace ?? '') : []),
      together,
    );
  }
  controller.watch(
    caches.namespaces,
    (event) => (isNews(event) ? concerned(event.object.metadata.name) : []),
    together,
  );
  controller.watch(
    caches.policies,
    (event) =>
      !event.initial && specChanged(event)
        ? concerned(policyCache.scopeOf(event.object.metadata.namespace ?? ''))
        : [],
    together,
  );
}

async function reconcile(
  policy: PolicyObject,
  deps: PolicyDeps,
  signal: AbortSignal,
): Promise<void> {
  const { client, scheduler } = deps;
  if (hasRules(policy.spec)) await deps.rules.load();
  const { generation = 1, uid, resourceVersion } = policy.metadata;
  const { matchedWorkloads, ...said } = await reportOf(policy, deps);
  const known = policy.status?.conditions?.find((c) => c.type === 'Ready');
  const lastTransitionTime =
    known?.status === said.status
      ? known.lastTransitionTime
      : new Date(scheduler.now()).toISOString();
  const ready = { type: 'Ready', ...said, lastTransitionTime, observedGeneration: generation };
  const status = { observedGeneration: generation, matchedWorkloads, conditions: [ready] };
  const patch = mergePatch(policy.status ?? {}, status);
  if (patch === undefined) return;
  const body = { metadata: { uid, resourceVersion }, status: patch };
  await client.patch(
    CHANGE_POLICIES,
    keyOf(policy),
    { type: 'merge', body },
    { subresource: 'status', signal },
  );
}

interface PolicyReport {
  readonly matchedWorkloads: number;
  readonly status: 'True' | 'False';
  readonly reason: string;
  readonly message: string;
}

/** Returns every error of a policy, or its number of matched workloads, or why it matches none. */
async function reportOf(policy: PolicyObject, deps: PolicyDeps): Promise<PolicyReport> {
  const { policyCache } = deps;
  const valid = policyCache.valid().find(({ uid }) => uid === policy.metadata.uid);
  if (valid === undefined) {
    const message = explainErrors(policyCache.errorsFor(policy)).slice(0, MAX_MESSAGE);
    return { matchedWorkloads: 0, status: 'False', reason: 'Invalid', message };
  }
  const futile = policyCache.exemptionReason(valid);
  if (futile !== undefined) {
    return { matchedWorkloads: 0, status: 'False', reason: 'Exempt', message: futile };
  }
  const { matchedWorkloads, mismatches } = await matchWorkloads(valid, deps);
  if (matchedWorkloads > 0) {
    const message = `the policy matches ${countWorkloads(matchedWorkloads)}; ${clampText(deps)}${unfollowedText(valid, deps)}`;
    return { matchedWorkloads, status: 'True', reason: 'Valid', message };
  }
  const why = `${summarizeMismatches(mismatches)}${unfollowedText(valid, deps)}`;
  const message = `the policy is valid, but matches nothing now: ${why}`.slice(0, MAX_MESSAGE);
  return { matchedWorkloads, status: 'True', reason: 'NoMatchingWorkloads', message };
}

/** Lists kinds that the policy names but the operator cannot follow. */
function unfollowedText({ spec }: ValidPolicy, { caches }: PolicyDeps): string {
  const unfollowed = (spec.target.kinds ?? []).filter(
    (name) =>
      !caches.kinds.some((kind) => matchesKind([name], kind.adapter.descriptor.resource)) &&
      !RECORDED_KINDS.some(({ resource }) => matchesKind([name], resource)),
  );
  return unfollowed.length === 0
    ? ''
    : `; not followed: ${unfollowed.join(', ')} (unknown kind, or the operator lacks permissions: see its log)`;
}

/** Describes the mechanism that holds a change in flight while no operator runs. */
const clampText = ({ nativeClamp }: Pick<PolicyDeps, 'nativeClamp'>): string =>
  nativeClamp
    ? 'changes of Deployments in flight are held by the API server (MutatingAdmissionPolicy)'
    : 'changes of Deployments in flight are held by a webhook that fails closed';

/** Counts the workloads that the policy matches; for each other one in scope, says why not. */
async function matchWorkloads(
  policy: ValidPolicy,
  { caches, policyCache, scheduler }: PolicyDeps,
): Promise<{ readonly matchedWorkloads: number; readonly mismatches: readonly string[] }> {
  const yielder = yielderFor(scheduler);
  const valid = policyCache.valid();
  const mismatches: string[] = [];
  let matchedWorkloads = 0;
  for (const kind of caches.kinds) {
    const { adapter, objects } = kind;
    const { resource } = adapter.descriptor;
    for (const object of objects.list(policyCache.scopeOf(policy.namespace))) {
      if (kind.isLeftAlone(object)) continue;
      const { metadata } = object;
      const at = { namespace: metadata.namespace ?? '', valid };
      const why = policyCache.mismatchReason(policy, resource, metadata, at);
      if (why === undefined) matchedWorkloads += 1;
      else mismatches.push(why);
      if (yielder.shouldYield) await yielder.next();
    }
  }
  return { matchedWorkloads, mismatches };
}
