// SPDX-License-Identifier: Apache-2.0
import { keyOf, keyString, parseKey, RESOURCES } from '@altershield/kube';
import type { ApiServer } from '../api-server/api-server.ts';
import { timestamp } from '../api-server/util.ts';
import { same } from '../json.ts';
import { Cluster, isFailure } from './cluster.ts';
import { availableAt, isActive, isReady } from './conditions.ts';
import type { Controller } from './controller.ts';
import { enqueueWithControlled } from './enqueue.ts';
import { WorkQueue } from './work-queue.ts';
import { byDeletionOrder } from './pod-order.ts';
import type { Condition, Pod, ReplicaSet, ReplicaSetStatus } from './types.ts';

const RECONCILE_MS = { min: 0.2, max: 3 };
const WRITE_MS = { min: 0.3, max: 2 };
/** As many creations in one pass as the real controller allows itself. */
const BURST = 500;

/** Keeps as many pods of each ReplicaSet as it asks for, and counts them. */
export class ReplicaSetController implements Controller {
  readonly #cluster: Cluster;
  readonly #queue: WorkQueue;
  #unsubscribe: () => void = () => undefined;

  constructor(server: ApiServer) {
    const name = 'system:serviceaccount:kube-system:replicaset-controller';
    this.#cluster = new Cluster(server, { name, latency: WRITE_MS });
    this.#queue = new WorkQueue({
      scheduler: server.scheduler,
      latency: RECONCILE_MS,
      reconcile: (key) => this.#reconcile(key),
    });
  }

  start(): void {
    this.#queue.start();
    const { replicaSet, pod } = RESOURCES;
    this.#unsubscribe = enqueueWithControlled(this.#cluster, this.#queue, replicaSet, pod);
  }

  stop(): void {
    this.#unsubscribe();
    this.#queue.stop();
  }

  async #reconcile(key: string): Promise<void> {
    const set = this.#cluster.get<ReplicaSet>(RESOURCES.replicaSet, parseKey(key));
    if (set === undefined) return;
    const failure =
      set.metadata.deletionTimestamp === undefined ? await this.#manage(set) : undefined;
    await this.#writeStatus(parseKey(key), failure);
    if (failure !== undefined) throw failure;
  }

  /** Returns the error of a failed create or delete, for the status. */
  async #manage(set: ReplicaSet): Promise<Error | undefined> {
    const pods = this.#podsOf(set);
    const missing = set.spec.replicas - pods.length;
    const surplus = byDeletionOrder(pods).slice(0, Math.max(0, -missing));
    const work = [
      ...Array.from({ length: Math.min(Math.max(0, missing), BURST) }, () => this.#createPod(set)),
      ...surplus.map((pod) =>
        this.#cluster.delete(RESOURCES.pod, keyOf(pod), { uid: pod.metadata.uid }),
      ),
    ];
    const outcomes = await Promise.allSettled(work);
    const failed = outcomes.find((outcome) => outcome.status === 'rejected');
    return failed?.reason instanceof Error ? failed.reason : undefined;
  }

  #podsOf(set: ReplicaSet): Pod[] {
    return this.#cluster.controlledBy<Pod>(RESOURCES.pod, set).filter(isActive);
  }

  async #createPod({ metadata, spec }: ReplicaSet): Promise<void> {
    await this.#cluster.create(RESOURCES.pod, {
      metadata: {
        ...spec.template.metadata,
        generateName: `${metadata.name}-`,
        namespace: metadata.namespace ?? '',
        ownerReferences: [
          {
            apiVersion: 'apps/v1',
            kind: 'ReplicaSet',
            name: metadata.name,
            uid: metadata.uid,
            controller: true,
            blockOwnerDeletion: true,
          },
        ],
      },
      spec: spec.template.spec,
    });
  }

  async #writeStatus(
    key: { namespace: string; name: string },
    failure: Error | undefined,
  ): Promise<void> {
    const set = this.#cluster.get<ReplicaSet>(RESOURCES.replicaSet, key);
    if (set === undefined) return;
    const pods = this.#podsOf(set);
    this.#wakeWhenAvailable(set, pods);
    const status = countPods(set, pods, {
      now: this.#cluster.scheduler.now(),
      failure,
    });
    if (same(status, set.status)) return;
    try {
      await this.#cluster.update(RESOURCES.replicaSet, { ...set, status }, 'status');
    } catch (error) {
      if (!isFailure(error, 404)) throw error;
    }
  }

  #wakeWhenAvailable(set: ReplicaSet, pods: readonly Pod[]): void {
    const now = this.#cluster.scheduler.now();
    const due = pods
      .map((pod) => availableAt(pod, set.spec.minReadySeconds ?? 0))
      .filter((at) => at !== undefined && at > now);
    const next = Math.min(...due.map((at) => at ?? Infinity));
    if (Number.isFinite(next)) this.#queue.addAfter(keyString(keyOf(set)), next - now);
  }
}

function countPods(
  set: ReplicaSet,
  pods: readonly Pod[],
  { now, failure }: { now: number; failure: Error | undefined },
): ReplicaSetStatus {
  const minReady = set.spec.minReadySeconds ?? 0;
  const ready = pods.filter(isReady).length;
  const available = pods.filter((pod) => (availableAt(pod, minReady) ?? Infinity) <= now).length;
  const conditions = failureCondition(set, failure, pods.length, now);
  return {
    replicas: pods.length,
    ...(pods.length === 0 ? {} : { fullyLabeledReplicas: pods.length }),
    ...(ready === 0 ? {} : { readyReplicas: ready }),
    ...(available === 0 ? {} : { availableReplicas: available }),
    observedGeneration: set.metadata.generation ?? 1,
    ...(conditions.length === 0 ? {} : { conditions }),
  };
}

function failureCondition(
  set: ReplicaSet,
  failure: Error | undefined,
  count: number,
  now: number,
): readonly Condition[] {
  if (failure === undefined) return [];
  const [current] = set.status?.conditions ?? [];
  if (current !== undefined) return [current];
  const reason = count < set.spec.replicas ? 'FailedCreate' : 'FailedDelete';
  const lastTransitionTime = timestamp(now);
  const message = failure.message;
  return [{ type: 'ReplicaFailure', status: 'True', reason, message, lastTransitionTime }];
}
