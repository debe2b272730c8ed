// SPDX-License-Identifier: Apache-2.0
import { ANNOTATIONS, API_VERSION, LABELS, type ChangeWorkloadSpec } from '@altershield/api';
import {
  accountingFor,
  detect,
  isOver,
  readHold,
  statusOf,
  isWayBack,
  wasVerified,
  type Action,
  type DetectInput,
  type GoodPolicy,
  type Tools,
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
import { CHANGES, type ChangeObject, type DeploymentObject } from '../kinds.ts';

import type { PolicyBook } from '../observe/policy-book.ts';
import { sealOf } from '../observe/seal.ts';
import { isOfLabels, isOfSpec } from '../observe/news.ts';
import { mayBeChange, type Sightings } from '../observe/sightings.ts';
import { changesOf, lastNumber, revisionsOf, type World } from '../observe/world.ts';

export interface DetectionDeps {
  readonly world: World;
  readonly book: PolicyBook;
  readonly tools: Tools;
  readonly client: CachedClient;
  readonly scheduler: Scheduler;
  readonly log: Logger;
  readonly metrics?: ControllerMetrics | undefined;
  readonly perform: (
    deployment: DeploymentObject,
    action: Action,
    signal: AbortSignal,
  ) => Promise<number>;
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

const targetOf = ({ metadata, spec }: ChangeObject): string =>
  keyString({ namespace: metadata.namespace ?? '', name: spec.target.name });

async function reconcile(
  key: string,
  { deps, sightings }: { readonly deps: DetectionDeps; readonly sightings: Sightings },
  { signal, log }: ReconcileContext,
): Promise<Result | undefined> {
  const { world, book } = deps;
  const deployment = world.deployments.get(key);
  if (deployment === undefined) return undefined;
  const { namespace } = keyOf(deployment);
  const policy = book.governing('Deployment', deployment.metadata, namespace);
  const spec = policy && detect(inputOf(deployment, policy, { deps, sightings }), deps.tools);
  if (spec === undefined) {
    await giveBack(deployment, deps, { signal, log });
  } else {
    await create(namespace, numbered(namespace, spec, world), deps, signal);
    log.info('change found', { by: spec.actor.user, how: spec.detectedBy });
  }
  sightings.note(deployment);
  return undefined;
}

function inputOf(
  deployment: DeploymentObject,
  policy: GoodPolicy,
  { deps, sightings }: { readonly deps: DetectionDeps; readonly sightings: Sightings },
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

/**
 * A held workload that no policy governs and no change releases would stay held for ever. A record
 * that outlived its hold, as `kubectl rollout undo` can bring it back, is only taken away.
 */
async function giveBack(
  deployment: DeploymentObject,
  { world, tools, perform }: DetectionDeps,
  { signal, log }: Pick<ReconcileContext, 'signal' | 'log'>,
): Promise<void> {
  const hold = readHold(deployment, tools.sign);
  if (hold.state === 'None' && deployment.metadata.annotations?.[ANNOTATIONS.hold] === undefined) {
    return;
  }
  const { namespace, name } = keyOf(deployment);
  const isReleasing = changesOf(world, namespace, name).some(
    (change) => !isOver(statusOf(change).phase),
  );
  if (isReleasing) return;
  if (hold.state === 'Lost') {
    log.warn('no policy governs this held workload any more, and its own fields are not known', {
      why: hold.why,
      cure: 'write its fields paused, minReadySeconds, progressDeadlineSeconds and strategy',
    });
    return;
  }
  if (hold.state === 'None') log.info('a hold record that an undo brought back is taken away');
  else log.warn('no policy governs this held workload any more; its own fields are given back');
  await perform(deployment, { type: 'Restore' }, signal);
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
