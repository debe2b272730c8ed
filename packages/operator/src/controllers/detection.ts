// SPDX-License-Identifier: Apache-2.0
import { ANNOTATIONS, API_VERSION, LABELS, type ChangeWorkloadSpec } from '@altershield/api';
import {
  accountingFor,
  detect,
  isOfUnknownVersion,
  isOver,
  restGoal,
  statusOf,
  isWayBack,
  wasVerified,
  type DetectInput,
  type Goal,
  type GoodPolicy,
  type Tools,
  type WorkloadView,
  type Write,
} from '@altershield/core';
import {
  Controller,
  isAlreadyExists,
  keyOf,
  type CachedClient,
  type ControllerMetrics,
  type InformerEvent,
  type KubeObject,
  type Logger,
  type ReconcileContext,
  type Result,
  type Scheduler,
} from '@altershield/kube';
import { changeName } from '../actions/names.ts';
import { WriteDeniedError, type Target } from '../actions/perform.ts';
import { CHANGES, type ChangeObject } from '../kinds.ts';
import { parseWorkloadKey, workloadKeyString } from '../observe/followed-kind.ts';
import type { Workload } from '../observe/followed-kind.ts';
import type { PolicyBook } from '../observe/policy-book.ts';
import { sealOf } from '../observe/seal.ts';
import { isOfLabels, isOfSpec } from '../observe/news.ts';
import { mayBeChange, templateOf, type Sightings } from '../observe/sightings.ts';
import { changesOf, lastNumber, targetKey, workloadOf, type World } from '../observe/world.ts';

export interface DetectionDeps {
  readonly world: World;
  readonly book: PolicyBook;
  readonly tools: Tools;
  readonly client: CachedClient;
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

/** Finds changes that nobody recorded yet, whether admission held them or missed them. */
export function createDetectionController(deps: DetectionDeps, sightings: Sightings): Controller {
  const { world, book, scheduler, log, metrics } = deps;
  const controller = new Controller({
    name: 'detection',
    workers: 4,
    scheduler,
    log,
    ...(metrics === undefined ? {} : { metrics }),
    reconcile: (key, context) => reconcile(key, { deps, sightings }, context),
  });
  for (const kind of world.kinds) {
    controller.watch(kind.objects, (event) => (mayBeChange(event) ? kind.keyOf(event.object) : []));
    for (const { key, informer } of kind.related.filter((related) => related.key !== 'pods')) {
      // A revision is known by its own object, which may come later than the workload.
      controller.watch(informer, (event) =>
        mayNeedMark(event) ? (kind.rootOf(key, event.object) ?? []) : [],
      );
    }
  }
  // A policy that begins to govern may find a rollout under way, or one that is held already.
  controller.watch(world.policies, (event) =>
    isNewsOf(event, isOfSpec) ? workloadsIn(world, book.reachOf(namespaceOf(event))) : [],
  );
  controller.watch(world.namespaces, (event) =>
    isNewsOf(event, isOfLabels) ? workloadsIn(world, event.object.metadata.name) : [],
  );
  controller.watch(world.changes, (event) =>
    leavesOpen(event) ? workloadKeyString(targetKey(event.object)) : [],
  );
  return controller;
}

/** All workloads are looked at anyway when we begin. */
const isNewsOf = <T extends KubeObject>(
  event: InformerEvent<T>,
  isNews: (event: InformerEvent<T>) => boolean,
): boolean => !event.initial && isNews(event);

const namespaceOf = ({ object }: InformerEvent<KubeObject>): string =>
  object.metadata.namespace ?? '';

const workloadsIn = ({ kinds }: World, namespace: string | undefined): string[] =>
  kinds.flatMap((kind) => kind.objects.list(namespace).map((object) => kind.keyOf(object)));

/** A record that moved may have ended; one that was deleted in flight left its workload held. */
const leavesOpen = ({ type, object }: InformerEvent<ChangeObject>): boolean =>
  type === 'Updated' || (type === 'Deleted' && !isOver(statusOf(object).phase));

/** A revision that is new, or whose own annotation changed, behind the workload's back perhaps. */
const mayNeedMark = ({ type, object, old, initial }: InformerEvent<KubeObject>): boolean => {
  if (initial || type === 'Deleted') return false;
  const name = ANNOTATIONS.release;
  return (
    object.metadata.annotations?.[name] !== old?.metadata.annotations?.[name] || type === 'Added'
  );
};

async function reconcile(
  key: string,
  { deps, sightings }: Looking,
  { signal, log }: ReconcileContext,
): Promise<Result | undefined> {
  const { world } = deps;
  const workload = workloadOf(world, parseWorkloadKey(key));
  if (workload === undefined || isLeftAlone(workload, world)) return undefined;
  const { kind, object } = workload;
  const view = kind.view(object);
  const policy = policyOf(workload, { deps, sightings });
  const spec =
    policy && detect(inputOf({ ...workload, view }, policy, { deps, sightings }), deps.tools);
  if (spec === undefined) {
    await keepAtRest({ ...workload, view }, policy, deps, { signal, log });
  } else {
    await create(key, numbered(key, spec, world), deps, signal);
    log.info('change found', { by: spec.actor.user, how: spec.detectedBy });
  }
  sightings.note(kind, object);
  return undefined;
}

const isLeftAlone = ({ kind, object }: Workload, world: World): boolean =>
  changesOf(world, parseWorkloadKey(kind.keyOf(object))).some(
    (change) => change.spec.target.uid === object.metadata.uid && isOfUnknownVersion(change),
  );

/**
 * Marks a workload that no change is being released of as its policy wants it: protected, or without
 * any mark. Before all, one that an older version held gets its user's fields back.
 */
async function keepAtRest(
  workload: Workload & { readonly view: WorkloadView },
  policy: GoodPolicy | undefined,
  { world, tools, perform, write }: DetectionDeps,
  { signal, log }: Pick<ReconcileContext, 'signal' | 'log'>,
): Promise<void> {
  const { kind, object, view } = workload;
  const changes = changesOf(world, parseWorkloadKey(kind.keyOf(object)));
  try {
    const legacy = kind.adapter.migrate?.({ object, view, tools }) ?? [];
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

/** The policy of a workload; of one that changed in the write that left it, the policy before. */
function policyOf(workload: Workload, { deps, sightings }: Looking): GoodPolicy | undefined {
  const { book, tools } = deps;
  const { kind, object } = workload;
  const { resource } = kind.adapter.descriptor;
  const { namespace } = keyOf(object);
  const now = book.governing(resource, object.metadata, namespace);
  const seen = sightings.of(object);
  const isSame = seen?.fingerprint === tools.fingerprintOf(templateOf(kind, object));
  if (now !== undefined || seen?.labels === undefined || isSame) return now;
  return book.governing(resource, { labels: seen.labels }, namespace);
}

interface Looking {
  readonly deps: DetectionDeps;
  readonly sightings: Sightings;
}

function inputOf(
  { kind, object, view }: Workload & { readonly view: WorkloadView },
  policy: GoodPolicy,
  { deps, sightings }: Looking,
): DetectInput {
  const { world, scheduler } = deps;
  const { uid, template } = view;
  const changes = changesOf(world, parseWorkloadKey(kind.keyOf(object)));
  return {
    ...{ descriptor: kind.adapter.descriptor, object, view, policy },
    last: accountingFor(changes),
    isVerified: (fingerprint) => wasVerified(changes, { uid, fingerprint }),
    isWayBack: (running) => isWayBack(changes, { uid, template, running }),
    seen: sightings.of(object),
    now: scheduler.now(),
  };
}

/** With the next number whose name is free: of a record that we did not write, and of batches that one left behind. */
function numbered(key: string, spec: ChangeWorkloadSpec, world: World): ChangeWorkloadSpec {
  const { namespace } = parseWorkloadKey(key);
  const { kind, name } = spec.target;
  const left = new Set(world.batches.list(namespace).map((batch) => batch.spec.change.name));
  const isTaken = (change: string): boolean =>
    left.has(change) || world.changes.get({ namespace, name: change }) !== undefined;
  let sequence = lastNumber(changesOf(world, parseWorkloadKey(key))) + 1;
  while (isTaken(changeName(kind, name, sequence))) sequence += 1;
  return { ...spec, sequence };
}

async function create(
  key: string,
  spec: ChangeWorkloadSpec,
  { client, tools }: DetectionDeps,
  signal: AbortSignal,
): Promise<void> {
  const { namespace } = parseWorkloadKey(key);
  const name = changeName(spec.target.kind, spec.target.name, spec.sequence);
  const body = {
    apiVersion: API_VERSION,
    kind: CHANGES.kind,
    metadata: {
      namespace,
      name,
      labels: { [LABELS.targetUid]: spec.target.uid },
      annotations: { [ANNOTATIONS.signature]: sealOf(namespace, name, spec, tools.sign) },
    },
    spec,
  };
  try {
    await client.create(CHANGES, namespace, body, { signal });
  } catch (error) {
    if (!isAlreadyExists(error)) throw error;
    throw new Error(`record change ${namespace}/${name}: the cache does not have it yet`, {
      cause: error,
    });
  }
}
