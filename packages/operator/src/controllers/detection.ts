// SPDX-License-Identifier: Apache-2.0
import { ANNOTATIONS, API_VERSION, LABELS, type ChangeWorkloadSpec } from '@altershield/api';
import {
  accountingFor,
  detect,
  isOfUnknownVersion,
  isOver,
  legacyRestore,
  restGoal,
  statusOf,
  viewDeployment,
  isWayBack,
  wasVerified,
  type DetectInput,
  type Goal,
  type GoodPolicy,
  type Tools,
  type Write,
} from '@altershield/core';
import {
  Controller,
  isAlreadyExists,
  keyOf,
  keyOfObject,
  keyString,
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
import { WriteDeniedError, type Subject } from '../actions/perform.ts';
import {
  CHANGES,
  type ChangeObject,
  type DeploymentObject,
  type ReplicaSetObject,
} from '../kinds.ts';
import type { PolicyBook } from '../observe/policy-book.ts';
import { sealOf } from '../observe/seal.ts';
import { isOfLabels, isOfSpec } from '../observe/news.ts';
import { mayBeChange, type Sightings } from '../observe/sightings.ts';
import { changesOf, deploymentOf, lastNumber, revisionsOf, type World } from '../observe/world.ts';

export interface DetectionDeps {
  readonly world: World;
  readonly book: PolicyBook;
  readonly tools: Tools;
  readonly client: CachedClient;
  readonly scheduler: Scheduler;
  readonly log: Logger;
  readonly metrics?: ControllerMetrics | undefined;
  readonly perform: (goal: Goal, subject: Subject, signal: AbortSignal) => Promise<number>;
  readonly write: (
    writes: readonly Write[],
    deployment: DeploymentObject,
    signal: AbortSignal,
  ) => Promise<void>;
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
  controller.watch(world.deployments, (event) => (mayBeChange(event) ? keyOfObject(event) : []));
  // A policy that begins to govern may find a rollout under way, or one that is held already.
  controller.watch(world.policies, (event) =>
    isNewsOf(event, isOfSpec) ? deploymentsIn(world, book.reachOf(namespaceOf(event))) : [],
  );
  controller.watch(world.namespaces, (event) =>
    isNewsOf(event, isOfLabels) ? deploymentsIn(world, event.object.metadata.name) : [],
  );
  controller.watch(world.changes, (event) => (leavesOpen(event) ? targetOf(event.object) : []));
  // The hash of a revision is known by its ReplicaSet, which may come later than the Deployment.
  controller.watch(world.replicaSets, (event) =>
    mayNeedMark(event) ? (deploymentOf(event.object) ?? []) : [],
  );
  return controller;
}

/** All Deployments are looked at anyway when we begin. */
const isNewsOf = <T extends KubeObject>(
  event: InformerEvent<T>,
  isNews: (event: InformerEvent<T>) => boolean,
): boolean => !event.initial && isNews(event);

const namespaceOf = ({ object }: InformerEvent<KubeObject>): string =>
  object.metadata.namespace ?? '';

const deploymentsIn = ({ deployments }: World, namespace: string | undefined): string[] =>
  deployments.list(namespace).map((deployment) => keyString(keyOf(deployment)));

/** A record that moved may have ended; one that was deleted in flight left its workload held. */
const leavesOpen = ({ type, object }: InformerEvent<ChangeObject>): boolean =>
  type === 'Updated' || (type === 'Deleted' && !isOver(statusOf(object).phase));

/** A ReplicaSet that is new, or whose own annotation changed, behind the Deployment's back perhaps. */
const mayNeedMark = ({ type, object, old, initial }: InformerEvent<ReplicaSetObject>): boolean => {
  if (initial || type === 'Deleted') return false;
  const name = ANNOTATIONS.release;
  return (
    object.metadata.annotations?.[name] !== old?.metadata.annotations?.[name] || type === 'Added'
  );
};

const targetOf = ({ metadata, spec }: ChangeObject): string =>
  keyString({ namespace: metadata.namespace ?? '', name: spec.target.name });

async function reconcile(
  key: string,
  { deps, sightings }: Looking,
  { signal, log }: ReconcileContext,
): Promise<Result | undefined> {
  const { world } = deps;
  const deployment = world.deployments.get(key);
  if (deployment === undefined) return undefined;
  if (isLeftAlone(deployment, world)) return undefined;
  const { namespace } = keyOf(deployment);
  const policy = policyOf(deployment, { deps, sightings });
  const spec = policy && detect(inputOf(deployment, policy, { deps, sightings }), deps.tools);
  if (spec === undefined) {
    await keepAtRest(deployment, policy, deps, { signal, log });
  } else {
    await create(namespace, numbered(namespace, spec, world), deps, signal);
    log.info('change found', { by: spec.actor.user, how: spec.detectedBy });
  }
  sightings.note(deployment);
  return undefined;
}

const isLeftAlone = (deployment: DeploymentObject, world: World): boolean => {
  const { namespace, name } = keyOf(deployment);
  const { uid } = deployment.metadata;
  return changesOf(world, namespace, name).some(
    (change) => change.spec.target.uid === uid && isOfUnknownVersion(change),
  );
};

/**
 * Marks a workload that no change is being released of as its policy wants it: protected, or without
 * any mark. Before all, one that an older version held gets its user's fields back.
 */
async function keepAtRest(
  deployment: DeploymentObject,
  policy: GoodPolicy | undefined,
  { world, tools, perform, write }: DetectionDeps,
  { signal, log }: Pick<ReconcileContext, 'signal' | 'log'>,
): Promise<void> {
  const { namespace, name } = keyOf(deployment);
  const view = viewDeployment(deployment, revisionsOf(world, deployment.metadata.uid), tools);
  const changes = changesOf(world, namespace, name);
  try {
    const legacy = legacyRestore(deployment, view);
    if (legacy.length > 0) {
      log.info('restored the fields of a workload that an older version held');
      await write(legacy, deployment, signal);
      return;
    }
    const goal = restGoal({ deployment, view, policy, changes });
    if (goal !== undefined) await perform(goal, { deployment, view }, signal);
  } catch (error) {
    if (!(error instanceof WriteDeniedError)) throw error;
    log.warn('the API server denied the release annotation of a workload', {
      err: error,
      hint: 'its next change is held by the webhook alone: exempt the operator from the policy that denies it',
    });
  }
}

/** The policy of a workload; of one that changed in the write that left it, the policy before. */
function policyOf(
  deployment: DeploymentObject,
  { deps, sightings }: Looking,
): GoodPolicy | undefined {
  const { book, tools } = deps;
  const { namespace } = keyOf(deployment);
  const now = book.governing('Deployment', deployment.metadata, namespace);
  const seen = sightings.of(deployment);
  const isSame = seen?.fingerprint === tools.fingerprintOf(deployment.spec.template);
  if (now !== undefined || seen?.labels === undefined || isSame) return now;
  return book.governing('Deployment', { labels: seen.labels }, namespace);
}

interface Looking {
  readonly deps: DetectionDeps;
  readonly sightings: Sightings;
}

function inputOf(
  deployment: DeploymentObject,
  policy: GoodPolicy,
  { deps, sightings }: Looking,
): DetectInput {
  const { world, scheduler } = deps;
  const { namespace, name } = keyOf(deployment);
  const { uid } = deployment.metadata;
  const changes = changesOf(world, namespace, name);
  return {
    deployment,
    revisions: revisionsOf(world, uid),
    policy,
    last: accountingFor(changes),
    isVerified: (fingerprint) => wasVerified(changes, { uid, fingerprint }),
    isWayBack: (running) =>
      isWayBack(changes, { uid, template: deployment.spec.template, running }),
    seen: sightings.of(deployment),
    now: scheduler.now(),
  };
}

/** With the next number whose name is free: of a record that we did not write, and of batches that one left behind. */
function numbered(namespace: string, spec: ChangeWorkloadSpec, world: World): ChangeWorkloadSpec {
  const { kind, name } = spec.target;
  const left = new Set(world.batches.list(namespace).map((batch) => batch.spec.change.name));
  const isTaken = (change: string): boolean =>
    left.has(change) || world.changes.get({ namespace, name: change }) !== undefined;
  let sequence = lastNumber(changesOf(world, namespace, name)) + 1;
  while (isTaken(changeName(kind, name, sequence))) sequence += 1;
  return { ...spec, sequence };
}

async function create(
  namespace: string,
  spec: ChangeWorkloadSpec,
  { client, tools }: DetectionDeps,
  signal: AbortSignal,
): Promise<void> {
  const name = changeName(spec.target.kind, spec.target.name, spec.sequence);
  const body = {
    apiVersion: API_VERSION,
    kind: CHANGES.kind,
    metadata: {
      namespace,
      name,
      labels: { [LABELS.targetUid]: spec.target.uid },
      annotations: { [ANNOTATIONS.seal]: sealOf(namespace, name, spec, tools.sign) },
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
