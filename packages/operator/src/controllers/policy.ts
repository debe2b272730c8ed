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
  type Result,
  type Scheduler,
} from '@altershield/kube';
import type { PolicyObject } from '../objects.ts';
import { hasRules, type Rules } from '../rules/rule-engine.ts';
import type { PolicyCache } from '../caches/policy-cache.ts';
import {
  TRY_AGAIN_MS,
  type QueryProblem,
  type QueryTrials,
  type Sample,
} from '../checks/sources/query-trials.ts';
import { labelsChanged, specChanged } from '../kinds/predicates.ts';
import type { Caches } from '../caches/caches.ts';

/** Events within this time cause one recount. */
const RECOUNT_MS = 1000;
const MAX_MESSAGE = 32_000;

export interface PolicyDeps {
  readonly caches: Caches;
  readonly policyCache: PolicyCache;
  readonly queryTrials: Pick<QueryTrials, 'errorsFor' | 'forget'>;
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
      if (policy === undefined) return undefined;
      const then = (): void => {
        controller.enqueue(key);
      };
      return reconcile(policy, deps, { signal, then });
    },
  });
  caches.policies.onEvent(({ type, object }) => {
    if (type === 'Deleted') deps.queryTrials.forget(object.metadata.uid);
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
  controller.watch(
    caches.metricSources,
    ({ initial }) => (initial ? [] : concerned(undefined)),
    together,
  );
}

interface Trying {
  readonly signal: AbortSignal;
  /** Called when the queries of the policy have been tried. */
  readonly then: () => void;
}

async function reconcile(
  policy: PolicyObject,
  deps: PolicyDeps,
  trying: Trying,
): Promise<Result | undefined> {
  const { client, scheduler } = deps;
  if (hasRules(policy.spec)) await deps.rules.load();
  const { signal } = trying;
  const { generation = 1, uid, resourceVersion } = policy.metadata;
  const { matchedWorkloads, isTriedAgain, ...said } = await reportOf(policy, deps, trying);
  const result = isTriedAgain === true ? { requeueAfterMs: TRY_AGAIN_MS } : undefined;
  const known = policy.status?.conditions?.find((c) => c.type === 'Ready');
  const lastTransitionTime =
    known?.status === said.status
      ? known.lastTransitionTime
      : new Date(scheduler.now()).toISOString();
  const ready = { type: 'Ready', ...said, lastTransitionTime, observedGeneration: generation };
  const status = { observedGeneration: generation, matchedWorkloads, conditions: [ready] };
  const patch = mergePatch(policy.status ?? {}, status);
  if (patch === undefined) return result;
  const body = { metadata: { uid, resourceVersion }, status: patch };
  await client.patch(
    CHANGE_POLICIES,
    keyOf(policy),
    { type: 'merge', body },
    { subresource: 'status', signal },
  );
  return result;
}

interface PolicyReport {
  readonly matchedWorkloads: number;
  readonly status: 'True' | 'False';
  readonly reason: string;
  readonly message: string;
  /** A query has a problem that may pass. */
  readonly isTriedAgain?: boolean;
}

/** Returns every error of a policy, or its number of matched workloads, or why it matches none. */
async function reportOf(
  policy: PolicyObject,
  deps: PolicyDeps,
  trying: Trying,
): Promise<PolicyReport> {
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
  const { matchedWorkloads, mismatches, sample } = await matchWorkloads(valid, deps);
  if (sample !== undefined) {
    const problems = deps.queryTrials.errorsFor(valid, sample, trying);
    const message =
      `${problemsText(problems)}the policy matches ${countWorkloads(matchedWorkloads)}; ${clampText(deps)}${unfollowedText(valid, deps)}`.slice(
        0,
        MAX_MESSAGE,
      );
    const isTriedAgain = problems.length > 0;
    return problems.some(({ isInvalid }) => isInvalid)
      ? { matchedWorkloads, status: 'False', reason: 'InvalidQuery', message, isTriedAgain }
      : { matchedWorkloads, status: 'True', reason: 'Valid', message, isTriedAgain };
  }
  const why = `${summarizeMismatches(mismatches)}${unfollowedText(valid, deps)}`;
  const message = `the policy is valid, but matches nothing now: ${why}`.slice(0, MAX_MESSAGE);
  return { matchedWorkloads, status: 'True', reason: 'NoMatchingWorkloads', message };
}

const problemsText = (problems: readonly QueryProblem[]): string =>
  problems.map(({ check, message }) => `check ${check}: ${message}; `).join('');

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

interface Matches {
  readonly matchedWorkloads: number;
  readonly mismatches: readonly string[];
  /** One of the matched workloads. */
  readonly sample?: Sample | undefined;
}

/** Counts the workloads that the policy matches; for each other one in scope, says why not. */
async function matchWorkloads(
  policy: ValidPolicy,
  { caches, policyCache, scheduler }: PolicyDeps,
): Promise<Matches> {
  const yielder = yielderFor(scheduler);
  const valid = policyCache.valid();
  const mismatches: string[] = [];
  let matchedWorkloads = 0;
  let sample: Sample | undefined;
  for (const kind of caches.kinds) {
    const { adapter, objects } = kind;
    const { resource } = adapter.descriptor;
    for (const object of objects.list(policyCache.scopeOf(policy.namespace))) {
      if (kind.isLeftAlone(object)) continue;
      const { metadata } = object;
      const at = { namespace: metadata.namespace ?? '', valid };
      const why = policyCache.mismatchReason(policy, resource, metadata, at);
      if (why === undefined) {
        matchedWorkloads += 1;
        sample ??= { namespace: at.namespace, workload: metadata.name };
      } else mismatches.push(why);
      if (yielder.shouldYield) await yielder.next();
    }
  }
  return { matchedWorkloads, mismatches, sample };
}
