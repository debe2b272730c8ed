// SPDX-License-Identifier: Apache-2.0
import {
  keyOf,
  keyString,
  parseKey,
  RESOURCES,
  type KubeObject,
  type APIResource,
} from '@altershield/kube';
import type { ApiServer } from '../../api-server/api-server.ts';
import type { StoreEvent } from '../../api-server/store.ts';
import { Cluster, controllerOf } from '../cluster.ts';
import { findCondition } from '../conditions.ts';
import type { Controller } from '../controller.ts';
import { WorkQueue } from '../work-queue.ts';
import type { Deployment, Pod, ReplicaSet } from '../types.ts';
import { deadlineOf } from './status.ts';
import { DeploymentSync } from './sync.ts';

const RECONCILE_MS = { min: 2, max: 25 };
const WRITE_MS = { min: 0.5, max: 4 };
/** The real queue's: the last retry comes 82 s after the one before, and then none. */
const RETRIES = { maxRetries: 15, maxRetryMs: 1_000_000 };

/** Rolls Deployments out, as the real controller was read and measured to do it. */
export class DeploymentController implements Controller {
  readonly #cluster: Cluster;
  readonly #queue: WorkQueue;
  #unsubscribe: () => void = () => undefined;

  constructor(server: ApiServer) {
    const name = 'system:serviceaccount:kube-system:deployment-controller';
    this.#cluster = new Cluster(server, { name, latency: WRITE_MS });
    this.#queue = new WorkQueue({
      scheduler: server.scheduler,
      latency: RECONCILE_MS,
      ...RETRIES,
      reconcile: (key) => this.#reconcile(key),
    });
  }

  start(): void {
    this.#queue.start();
    this.#unsubscribe = this.#cluster.onEvent((event) => {
      this.#see(event);
    });
    for (const deployment of this.#cluster.list(RESOURCES.deployment)) this.#wake(deployment);
  }

  stop(): void {
    this.#unsubscribe();
    this.#queue.stop();
  }

  #see({ type, kind, object }: StoreEvent): void {
    if (type === 'deployments.apps') this.#wake(object);
    if (type === 'replicasets.apps') this.#wakeOwnerOf(object);
    if (type === 'pods.' && kind === 'Deleted') this.#podIsGone(object);
  }

  /** A Deployment with strategy Recreate waits only for its last pod. */
  #podIsGone(pod: KubeObject): void {
    const namespace = pod.metadata.namespace ?? '';
    const set = this.#ownerOf<ReplicaSet>(RESOURCES.replicaSet, pod);
    const deployment =
      set === undefined ? undefined : this.#ownerOf<Deployment>(RESOURCES.deployment, set);
    if (deployment?.spec.strategy.type !== 'Recreate') return;
    const sets = this.#cluster.controlledBy<ReplicaSet>(RESOURCES.replicaSet, deployment);
    const uids = new Set(sets.map(({ metadata }) => metadata.uid));
    const pods = this.#cluster.list<Pod>(RESOURCES.pod, namespace);
    if (!pods.some((one) => uids.has(controllerOf(one)?.uid ?? ''))) this.#wake(deployment);
  }

  // eslint-disable-next-line @typescript-eslint/no-unnecessary-type-parameters -- the caller knows the kind
  #ownerOf<T extends KubeObject>(resource: APIResource, object: KubeObject): T | undefined {
    const owner = controllerOf(object);
    if (owner?.kind !== resource.kind) return undefined;
    const namespace = object.metadata.namespace ?? '';
    return this.#cluster.get<T>(resource, { namespace, name: owner.name });
  }

  #wakeOwnerOf(object: KubeObject): void {
    const owner = controllerOf(object);
    if (owner?.kind !== 'Deployment') return;
    this.#queue.add(keyString({ namespace: object.metadata.namespace ?? '', name: owner.name }));
  }

  #wake(object: KubeObject): void {
    this.#queue.add(keyString(keyOf(object)));
  }

  async #reconcile(key: string): Promise<void> {
    const deployment = this.#cluster.get<Deployment>(RESOURCES.deployment, parseKey(key));
    if (deployment === undefined) return;
    await new DeploymentSync(this.#cluster, deployment).run();
    this.#wakeAtDeadline(key, deployment);
  }

  #wakeAtDeadline(key: string, deployment: Deployment): void {
    const current = findCondition(deployment.status?.conditions, 'Progressing');
    if (current?.reason === 'ProgressDeadlineExceeded' || deployment.spec.paused === true) return;
    const deadline = deadlineOf(deployment, current);
    if (deadline === undefined) return;
    this.#queue.addAfter(key, Math.max(0, deadline - this.#cluster.scheduler.now()) + 1000);
  }
}
