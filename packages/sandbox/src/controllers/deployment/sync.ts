// SPDX-License-Identifier: Apache-2.0
import { keyOf, RESOURCES } from '@altershield/kube';
import { StatusError } from '../../api-server/failure.ts';
import { same } from '../../json.ts';
import { isFailure, type Cluster } from '../cluster.ts';
import { findCondition, isActive, withCondition } from '../conditions.ts';
import type { Condition, Deployment, DeploymentStatus, Pod, ReplicaSet } from '../types.ts';
import {
  DESIRED_REPLICAS,
  newSetAnnotations,
  numberAnnotation,
  REVISION,
  revisionOf,
} from './annotations.ts';
import {
  byAge,
  countedTotal,
  desiredTotal,
  newSetSize,
  proportionalSizes,
  sizeAnnotations,
  surgeOf,
  unavailableOf,
} from './sizes.ts';
import {
  allOf,
  countedStatus,
  deploymentCondition,
  hasDeadline,
  isComplete,
  isSameStatus,
  rolloutStatus,
  type Sets,
} from './status.ts';
import { HASH_LABEL, isSameTemplate, templateHash } from './template.ts';

const isActiveSet = ({ spec }: ReplicaSet): boolean => spec.replicas > 0;

/** A ReplicaSet has more available pods than it asks for: its status lags behind its size. */
class OutdatedCounts extends Error {
  override readonly name = 'OutdatedCounts';
}

/** One pass over one Deployment, based on the state that was read at its start. */
export class DeploymentSync {
  readonly #cluster: Cluster;
  readonly #owned: readonly ReplicaSet[];
  #deployment: Deployment;

  constructor(cluster: Cluster, deployment: Deployment) {
    this.#cluster = cluster;
    this.#deployment = deployment;
    this.#owned = cluster.controlledBy<ReplicaSet>(RESOURCES.replicaSet, deployment).sort(byAge);
  }

  async run(): Promise<void> {
    const { spec, metadata } = this.#deployment;
    if (metadata.deletionTimestamp !== undefined) return;
    await this.#notePause();
    if (spec.paused === true) return this.#settle();
    const known = await this.#sets(false);
    if (this.#isScalingEvent(known)) return this.#settle();
    return spec.strategy.type === 'Recreate' ? this.#recreate() : this.#roll();
  }

  /** Says in the status that the Deployment was paused or resumed. */
  async #notePause(): Promise<void> {
    const deployment = this.#deployment;
    const current = findCondition(deployment.status?.conditions, 'Progressing');
    if (!hasDeadline(deployment) || current?.reason === 'ProgressDeadlineExceeded') return;
    const isPaused = deployment.spec.paused === true;
    const isNoted = current?.reason === 'DeploymentPaused';
    if (isPaused === isNoted) return;
    await this.#progressing('Unknown', {
      reason: isPaused ? 'DeploymentPaused' : 'DeploymentResumed',
      message: isPaused ? 'Deployment is paused' : 'Deployment is resumed',
    });
  }

  async #progressing(
    status: Condition['status'],
    why: { reason: string; message: string },
    annotations = this.#deployment.metadata.annotations,
  ): Promise<void> {
    const condition = deploymentCondition('Progressing', status, why, this.#now());
    const conditions = withCondition(this.#deployment.status?.conditions ?? [], condition);
    await this.#writeStatus({ ...this.#deployment.status, conditions }, annotations);
  }

  /** The ReplicaSet of the present template, brought up to date, and all others. */
  async #sets(mayCreate: boolean): Promise<Sets> {
    const template = this.#deployment.spec.template;
    const found = this.#owned.find((set) => isSameTemplate(set.spec.template, template));
    const oldSets = this.#owned.filter((set) => set !== found);
    const revision = Math.max(0, ...oldSets.map(revisionOf)) + 1;
    if (found !== undefined) return { newSet: await this.#adjust(found, revision), oldSets };
    return { newSet: mayCreate ? await this.#createSet(oldSets, revision) : undefined, oldSets };
  }

  /** A second call in one pass meets its own write and fails: as in the real one, the pass is tried again. */
  async #adjust(set: ReplicaSet, revision: number): Promise<ReplicaSet> {
    const annotations = newSetAnnotations(this.#deployment, set, revision);
    const minReadySeconds = this.#deployment.spec.minReadySeconds ?? 0;
    const isCurrent =
      same(annotations, set.metadata.annotations ?? {}) &&
      minReadySeconds === (set.spec.minReadySeconds ?? 0);
    if (!isCurrent) {
      const metadata = { ...set.metadata, annotations };
      const spec = { ...set.spec, minReadySeconds };
      return this.#cluster.update(RESOURCES.replicaSet, { ...set, metadata, spec });
    }
    await this.#noteRevision(set);
    return set;
  }

  async #noteRevision(set: ReplicaSet): Promise<void> {
    const { metadata, status } = this.#deployment;
    const revision = set.metadata.annotations?.[REVISION] ?? '';
    const annotations = { ...metadata.annotations, [REVISION]: revision };
    const current = findCondition(status?.conditions, 'Progressing');
    if (hasDeadline(this.#deployment) && current === undefined) {
      const message = `Found new replica set "${set.metadata.name}"`;
      await this.#progressing('True', { reason: 'FoundNewReplicaSet', message }, annotations);
    } else if (metadata.annotations?.[REVISION] !== revision) {
      await this.#writeStatus(status ?? {}, annotations);
    }
  }

  async #createSet(oldSets: readonly ReplicaSet[], revision: number): Promise<ReplicaSet> {
    const { metadata, spec, status } = this.#deployment;
    const hash = templateHash(spec.template, status?.collisionCount ?? 0);
    const labels = { ...spec.template.metadata.labels, [HASH_LABEL]: hash };
    const name = `${metadata.name}-${hash}`;
    const owner = {
      apiVersion: 'apps/v1',
      kind: 'Deployment',
      name: metadata.name,
      uid: metadata.uid,
      controller: true,
      blockOwnerDeletion: true,
    };
    const annotations = {
      ...newSetAnnotations(this.#deployment, undefined, revision),
      ...sizeAnnotations(this.#deployment),
    };
    const namespace = metadata.namespace ?? '';
    const body = {
      metadata: { name, namespace, labels, annotations, ownerReferences: [owner] },
      spec: {
        replicas: newSetSize(this.#deployment, oldSets, 0),
        ...(spec.minReadySeconds === undefined ? {} : { minReadySeconds: spec.minReadySeconds }),
        selector: { matchLabels: { ...spec.selector.matchLabels, [HASH_LABEL]: hash } },
        template: { ...spec.template, metadata: { ...spec.template.metadata, labels } },
      },
    };
    const created = await this.#create(body, name);
    await this.#noteCreation(created, revision);
    return created;
  }

  async #create(body: Parameters<Cluster['create']>[1], name: string): Promise<ReplicaSet> {
    try {
      return await this.#cluster.create<ReplicaSet>(RESOURCES.replicaSet, body);
    } catch (error) {
      if (isFailure(error, 409)) await this.#noteCollision();
      else await this.#noteCreateFailure(name, error);
      throw error;
    }
  }

  async #noteCreation(set: ReplicaSet, revision: number): Promise<void> {
    const annotations = { ...this.#deployment.metadata.annotations, [REVISION]: String(revision) };
    const message = `Created new replica set "${set.metadata.name}"`;
    if (hasDeadline(this.#deployment)) {
      await this.#progressing('True', { reason: 'NewReplicaSetCreated', message }, annotations);
    } else {
      await this.#writeStatus(this.#deployment.status ?? {}, annotations);
    }
  }

  async #noteCollision(): Promise<void> {
    const status = this.#deployment.status ?? {};
    await this.#writeStatus({ ...status, collisionCount: (status.collisionCount ?? 0) + 1 });
  }

  async #noteCreateFailure(name: string, error: unknown): Promise<void> {
    if (!hasDeadline(this.#deployment)) return;
    const why = error instanceof Error ? error.message : String(error);
    const message = `Failed to create new replica set "${name}": ${why}`;
    await this.#progressing('False', { reason: 'ReplicaSetCreateError', message });
  }

  #isScalingEvent(sets: Sets): boolean {
    return allOf(sets)
      .filter(isActiveSet)
      .some((set) => {
        const desired = numberAnnotation(set, DESIRED_REPLICAS);
        return desired !== undefined && desired !== this.#deployment.spec.replicas;
      });
  }

  /** For a paused or scaled Deployment: proportional sizes and cleanup of old ReplicaSets. */
  async #settle(): Promise<void> {
    const sets = await this.#sets(false);
    const scaled = await this.#scale(sets);
    if (this.#deployment.spec.paused === true) await this.#cleanUp(sets.oldSets);
    await this.#report(countedStatus(this.#deployment, scaled, this.#now()));
  }

  async #scale(sets: Sets): Promise<Sets> {
    const { replicas } = this.#deployment.spec;
    const active = allOf(sets).filter(isActiveSet);
    if (active.length <= 1) {
      const latest = active[0] ?? sets.newSet ?? sets.oldSets.at(-1);
      return latest === undefined ? sets : this.#resize(sets, latest, replicas);
    }
    if (this.#isSaturated(sets.newSet)) return this.#emptyAll(sets);
    if (this.#deployment.spec.strategy.type !== 'RollingUpdate') return sets;
    const allowed = replicas > 0 ? replicas + surgeOf(this.#deployment) : 0;
    const sizes = proportionalSizes(this.#deployment, active, allowed - desiredTotal(active));
    let scaled = sets;
    for (const [set, size] of sizes) scaled = await this.#resize(scaled, set, size, true);
    return scaled;
  }

  #isSaturated(set: ReplicaSet | undefined): boolean {
    const { replicas } = this.#deployment.spec;
    return (
      set !== undefined &&
      set.spec.replicas === replicas &&
      numberAnnotation(set, DESIRED_REPLICAS) === replicas &&
      (set.status?.availableReplicas ?? 0) === replicas
    );
  }

  async #emptyAll(sets: Sets): Promise<Sets> {
    let emptied = sets;
    for (const set of sets.oldSets.filter(isActiveSet))
      emptied = await this.#resize(emptied, set, 0);
    return emptied;
  }

  /** Scales a ReplicaSet; `isForced` also refreshes its annotations of the Deployment's size. */
  async #resize(sets: Sets, set: ReplicaSet, replicas: number, isForced = false): Promise<Sets> {
    const annotations = { ...set.metadata.annotations, ...sizeAnnotations(this.#deployment) };
    const isStale = isForced && !same(annotations, set.metadata.annotations);
    if (set.spec.replicas === replicas && !isStale) return sets;
    const next = await this.#cluster.update<ReplicaSet>(RESOURCES.replicaSet, {
      ...set,
      metadata: { ...set.metadata, annotations },
      spec: { ...set.spec, replicas },
    });
    const swap = (one: ReplicaSet): ReplicaSet => (one === set ? next : one);
    return {
      newSet: sets.newSet === undefined ? undefined : swap(sets.newSet),
      oldSets: sets.oldSets.map(swap),
    };
  }

  async #roll(): Promise<void> {
    const sets = await this.#sets(true);
    const grown = await this.#growNewSet(sets);
    if (grown !== sets) return this.#report(rolloutStatus(this.#deployment, grown, this.#now()));
    const shrunk = await this.#shrinkOldSets(sets);
    if (shrunk === sets && isComplete(this.#deployment, this.#deployment.status ?? {})) {
      await this.#cleanUp(sets.oldSets);
    }
    return this.#report(rolloutStatus(this.#deployment, shrunk, this.#now()));
  }

  async #growNewSet(sets: Sets): Promise<Sets> {
    const { newSet } = sets;
    const { replicas } = this.#deployment.spec;
    if (newSet === undefined || newSet.spec.replicas === replicas) return sets;
    const size =
      newSet.spec.replicas > replicas
        ? replicas
        : newSetSize(this.#deployment, allOf(sets), newSet.spec.replicas);
    return this.#resize(sets, newSet, size);
  }

  /** As in the real controller, a denied write ends the attempt silently and is not counted. */
  async #shrinkOldSets(sets: Sets): Promise<Sets> {
    try {
      return await this.#takeOld(sets);
    } catch (error) {
      if (error instanceof StatusError || error instanceof OutdatedCounts) return sets;
      throw error;
    }
  }

  /** Takes unhealthy old pods first, which costs no availability, then healthy ones. */
  async #takeOld(sets: Sets): Promise<Sets> {
    const active = sets.oldSets.filter(isActiveSet);
    if (desiredTotal(active) === 0 || sets.newSet === undefined) return sets;
    const minAvailable = this.#deployment.spec.replicas - unavailableOf(this.#deployment);
    const { spec, status } = sets.newSet;
    const newUnavailable = spec.replicas - (status?.availableReplicas ?? 0);
    const room = desiredTotal(allOf(sets)) - minAvailable - newUnavailable;
    if (room <= 0) return sets;
    // Pods of ReplicaSets that were scaled to zero before this pass no longer count.
    const available = countedTotal([...active, sets.newSet], 'availableReplicas');
    const cleaned = await this.#takeUnhealthy(sets, room);
    return this.#takeHealthy(cleaned, available - minAvailable);
  }

  async #takeUnhealthy(sets: Sets, room: number): Promise<Sets> {
    let left = room;
    let cleaned = sets;
    for (const set of sets.oldSets.filter(isActiveSet)) {
      if (left <= 0) break;
      const unhealthy = set.spec.replicas - (set.status?.availableReplicas ?? 0);
      if (unhealthy < 0) throw new OutdatedCounts();
      const count = Math.min(left, unhealthy);
      if (count === 0) continue;
      cleaned = await this.#resize(cleaned, set, set.spec.replicas - count);
      left -= count;
    }
    return cleaned;
  }

  async #takeHealthy(sets: Sets, surplus: number): Promise<Sets> {
    let left = surplus;
    let shrunk = sets;
    for (const set of sets.oldSets.filter(isActiveSet)) {
      const count = Math.min(left, set.spec.replicas);
      if (count <= 0) continue;
      shrunk = await this.#resize(shrunk, set, set.spec.replicas - count);
      left -= count;
    }
    return shrunk;
  }

  async #recreate(): Promise<void> {
    const sets = await this.#sets(false);
    const emptied = await this.#emptyAll(sets);
    if (emptied !== sets || this.#oldPodsRun(sets)) {
      return this.#report(rolloutStatus(this.#deployment, emptied, this.#now()));
    }
    const complete = sets.newSet === undefined ? await this.#sets(true) : sets;
    const grown =
      complete.newSet === undefined
        ? complete
        : await this.#resize(complete, complete.newSet, this.#deployment.spec.replicas);
    if (isComplete(this.#deployment, this.#deployment.status ?? {}))
      await this.#cleanUp(grown.oldSets);
    return this.#report(rolloutStatus(this.#deployment, grown, this.#now()));
  }

  #oldPodsRun({ oldSets }: Sets): boolean {
    return oldSets.some(
      (set) =>
        (set.status?.replicas ?? 0) > 0 ||
        this.#cluster
          .controlledBy<Pod>(RESOURCES.pod, set)
          .some((pod) => isActive(pod) || pod.metadata.deletionTimestamp !== undefined),
    );
  }

  /** Deletes the oldest empty ReplicaSets beyond the history that the Deployment wants. */
  async #cleanUp(oldSets: readonly ReplicaSet[]): Promise<void> {
    const surplus = oldSets.length - this.#deployment.spec.revisionHistoryLimit;
    const oldest = [...oldSets].sort((a, b) => revisionOf(a) - revisionOf(b));
    for (const set of oldest.slice(0, Math.max(0, surplus))) {
      const { spec, status, metadata } = set;
      const isSeen = (metadata.generation ?? 1) <= (status?.observedGeneration ?? 0);
      const isEmpty = spec.replicas === 0 && (status?.replicas ?? 0) === 0;
      if (isEmpty && isSeen) await this.#cluster.delete(RESOURCES.replicaSet, keyOf(set));
    }
  }

  async #report(status: DeploymentStatus): Promise<void> {
    if (!isSameStatus(this.#deployment.status, status)) await this.#writeStatus(status);
  }

  async #writeStatus(
    status: DeploymentStatus,
    annotations = this.#deployment.metadata.annotations,
  ): Promise<void> {
    const metadata = {
      ...this.#deployment.metadata,
      ...(annotations === undefined ? {} : { annotations }),
    };
    const next = { ...this.#deployment, metadata, status };
    const written = await this.#cluster.update(RESOURCES.deployment, next, 'status');
    // The pass keeps acting on the read state; only the version and the status are updated.
    this.#deployment = { ...written, spec: this.#deployment.spec };
  }

  #now(): number {
    return this.#cluster.scheduler.now();
  }
}
