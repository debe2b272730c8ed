// SPDX-License-Identifier: Apache-2.0
import { ANNOTATIONS, type ChangeWorkloadSpec } from '@altershield/api';
import {
  changeName,
  currentRecord,
  holdInFlight,
  detect,
  isOfUnknownVersion,
  isOver,
  restGoal,
  statusOf,
  isRevert,
  wasVerified,
  type DetectInput,
  type Goal,
  type ValidPolicy,
  type Signing,
  type WorkloadView,
  type Write,
} from '@altershield/core';
import {
  Controller,
  keyOf,
  type WriteThroughClient,
  type ControllerMetrics,
  type InformerEvent,
  type KubeObject,
  type Logger,
  type ReconcileContext,
  type Result,
  type Scheduler,
} from '@altershield/kube';
import { WriteDeniedError, type Target } from '../actions/perform.ts';
import type { ChangeObject, ReplicaSetObject } from '../objects.ts';
import { parseWorkloadKey, workloadKeyString, type Workload } from '../kinds/followed-kind.ts';
import type { PolicyCache } from '../caches/policy-cache.ts';
import { createRecord } from '../records/create.ts';
import { labelsChanged, specChanged } from '../kinds/predicates.ts';
import { isPossibleChange, templateOf, type TemplateTracker } from '../caches/template-tracker.ts';
import { changesOf, lastSequence, targetKey, workloadOf, type Caches } from '../caches/caches.ts';

export interface DetectionDeps {
  readonly caches: Caches;
  readonly policyCache: PolicyCache;
  readonly signing: Signing;
  readonly client: WriteThroughClient;
  readonly scheduler: Scheduler;
  readonly log: Logger;
  readonly metrics?: ControllerMetrics | undefined;
  readonly perform: (goal: Goal, target: Target, signal: AbortSignal) => Promise<number>;
  readonly write: (
    writes: readonly Write[],
    workload: Workload,
    signal: AbortSignal,
  ) => Promise<unknown>;
}

/** Detects and records changes, whether admission held them or they bypassed it. */
export function createDetectionController(
  deps: DetectionDeps,
  tracker: TemplateTracker,
): Controller {
  const { caches, policyCache, scheduler, log, metrics } = deps;
  const controller = new Controller({
    name: 'detection',
    workers: 4,
    ...{ scheduler, log, metrics },
    reconcile: (key, context) => reconcile(key, { deps, tracker }, context),
  });
  for (const kind of caches.kinds) {
    controller.watch(kind.objects, (event) =>
      isPossibleChange(event) ? kind.keyOf(event.object) : [],
    );
    for (const { key, informer } of kind.related.filter((related) => related.key !== 'pods')) {
      // The object of a revision, e.g. a ReplicaSet, may arrive later than its workload.
      controller.watch(informer, (event) =>
        mayNeedMark(event) || mayEndSwitch(event) ? kind.rootsOf(key, event.object) : [],
      );
    }
  }
  // A workload that a policy newly matches may have a rollout in progress, or may be held already.
  controller.watch(caches.policies, (event) =>
    changedAfterSync(event, specChanged)
      ? workloadsIn(caches, policyCache.scopeOf(namespaceOf(event)))
      : [],
  );
  controller.watch(caches.namespaces, (event) =>
    changedAfterSync(event, labelsChanged) ? workloadsIn(caches, event.object.metadata.name) : [],
  );
  controller.watch(caches.changes, (event) =>
    mayLeaveHold(event) ? workloadKeyString(targetKey(event.object)) : [],
  );
  return controller;
}

/** The initial list is ignored: the controller reconciles all workloads at startup anyway. */
const changedAfterSync = <T extends KubeObject>(
  event: InformerEvent<T>,
  isNews: (event: InformerEvent<T>) => boolean,
): boolean => !event.initial && isNews(event);

const namespaceOf = ({ object }: InformerEvent<KubeObject>): string =>
  object.metadata.namespace ?? '';

const workloadsIn = ({ kinds }: Caches, namespace: string | undefined): string[] =>
  kinds.flatMap((kind) => kind.objects.list(namespace).map((object) => kind.keyOf(object)));

/** An updated record may have ended; a record deleted in flight leaves its workload held. */
const mayLeaveHold = ({ type, object }: InformerEvent<ChangeObject>): boolean =>
  type === 'Updated' || (type === 'Deleted' && !isOver(statusOf(object).phase));

/** True for a new revision, or if its release annotation changed: another client may edit it. */
const mayNeedMark = ({ type, object, old, initial }: InformerEvent<KubeObject>): boolean => {
  if (initial || type === 'Deleted') return false;
  const name = ANNOTATIONS.release;
  return (
    object.metadata.annotations?.[name] !== old?.metadata.annotations?.[name] || type === 'Added'
  );
};

/** Services select all pods again once a revision has no pods left. */
const mayEndSwitch = ({ object, old, initial }: InformerEvent<KubeObject>): boolean => {
  if (initial) return false;
  const isMarked = object.metadata.annotations?.[ANNOTATIONS.traffic] !== undefined;
  return isMarked || (podsOf(old) > 0 && podsOf(object) === 0);
};

const podsOf = (object: KubeObject | undefined): number =>
  (object as ReplicaSetObject | undefined)?.status?.replicas ?? 0;

async function reconcile(
  key: string,
  { deps, tracker }: Looking,
  { signal, log }: ReconcileContext,
): Promise<Result | undefined> {
  const { caches } = deps;
  const workload = workloadOf(caches, parseWorkloadKey(key));
  if (workload === undefined || isOfOtherVersion(workload, caches)) return undefined;
  const { kind, object } = workload;
  if (kind.isLeftAlone(object)) {
    tracker.record(kind, object);
    return undefined;
  }
  const view = kind.view(object, holdInFlight(changesOf(caches, parseWorkloadKey(key)), object));
  const policy = policyOf(workload, { deps, tracker });
  const spec =
    policy && detect(inputOf({ ...workload, view }, policy, { deps, tracker }), deps.signing);
  if (spec === undefined) {
    await keepAtRest({ ...workload, view }, policy, deps, { signal, log });
  } else {
    const { namespace } = parseWorkloadKey(key);
    await createRecord(namespace, withNextSequence(key, spec, caches), deps, signal);
    log.info('change detected', { by: spec.actor.user, how: spec.detectedBy });
  }
  tracker.record(kind, object);
  return undefined;
}

const isOfOtherVersion = ({ kind, object }: Workload, caches: Caches): boolean =>
  changesOf(caches, parseWorkloadKey(kind.keyOf(object))).some(
    (change) => change.spec.target.uid === object.metadata.uid && isOfUnknownVersion(change),
  );

/**
 * Sets or removes the release annotation of a workload without a change in flight, as its policy
 * requires. First restores the user's fields if an older version of AlterShield held the workload.
 */
async function keepAtRest(
  workload: Workload & { readonly view: WorkloadView },
  policy: ValidPolicy | undefined,
  { caches, signing, perform, write }: DetectionDeps,
  { signal, log }: Pick<ReconcileContext, 'signal' | 'log'>,
): Promise<void> {
  const { kind, object, view } = workload;
  const changes = changesOf(caches, parseWorkloadKey(kind.keyOf(object)));
  try {
    const legacy = kind.adapter.migrate?.({ object, view, signing }) ?? [];
    if (legacy.length > 0) {
      log.info('restored the fields of a workload that an older version held');
      await write(legacy, workload, signal);
      return;
    }
    const goal = restGoal({ descriptor: kind.adapter.descriptor, view, policy, changes });
    if (goal !== undefined) await perform(goal, workload, signal);
  } catch (error) {
    if (!(error instanceof WriteDeniedError)) throw error;
    log.warn('the API server denied the release annotation of a workload', {
      err: error,
      hint: 'its next change is held by the webhook alone: exempt the operator from the policy that denies it',
    });
  }
}

/**
 * The policy of a workload. If one write changed the template and the labels, so that no policy
 * matches any more, the previous policy still applies.
 */
function policyOf(workload: Workload, { deps, tracker }: Looking): ValidPolicy | undefined {
  const { policyCache, signing } = deps;
  const { kind, object } = workload;
  const { resource } = kind.adapter.descriptor;
  const { namespace } = keyOf(object);
  const now = policyCache.policyFor(resource, object.metadata, namespace);
  const seen = tracker.get(object);
  const isSame = seen?.fingerprint === signing.fingerprintOf(templateOf(kind, object));
  if (now !== undefined || seen?.labels === undefined || isSame) return now;
  return policyCache.policyFor(resource, { labels: seen.labels }, namespace);
}

interface Looking {
  readonly deps: DetectionDeps;
  readonly tracker: TemplateTracker;
}

function inputOf(
  { kind, object, view }: Workload & { readonly view: WorkloadView },
  policy: ValidPolicy,
  { deps, tracker }: Looking,
): DetectInput {
  const { caches, scheduler } = deps;
  const { uid, template } = view;
  const changes = changesOf(caches, parseWorkloadKey(kind.keyOf(object)));
  return {
    ...{ descriptor: kind.adapter.descriptor, object, view, policy },
    last: currentRecord(changes),
    isVerified: (fingerprint) => wasVerified(changes, { uid, fingerprint }),
    isRevert: (running) => isRevert(changes, { uid, template, running }),
    lastObserved: tracker.get(object),
    now: scheduler.now(),
  };
}

/**
 * Sets the next sequence number whose name is free: an unsigned record, or batches of a deleted
 * record, may occupy a name.
 */
function withNextSequence(
  key: string,
  spec: ChangeWorkloadSpec,
  caches: Caches,
): ChangeWorkloadSpec {
  const { namespace } = parseWorkloadKey(key);
  const { kind, name } = spec.target;
  const left = new Set(caches.batches.list(namespace).map((batch) => batch.spec.change.name));
  const isTaken = (change: string): boolean =>
    left.has(change) || caches.changes.get({ namespace, name: change }) !== undefined;
  let sequence = lastSequence(changesOf(caches, parseWorkloadKey(key))) + 1;
  while (isTaken(changeName(kind, name, sequence))) sequence += 1;
  return { ...spec, sequence };
}
