// SPDX-License-Identifier: Apache-2.0
import { keyOf, keyString, parseKey, RESOURCES, type KubeObject } from '@altershield/kube';
import type { ApiServer } from '../../api-server/api-server.ts';
import type { StoreEvent } from '../../api-server/store.ts';
import { Cluster, controllerOf } from '../cluster.ts';
import { findCondition } from '../conditions.ts';
import type { Controller } from '../controller.ts';
import { Loop } from '../loop.ts';
import type { Deployment, ReplicaSet } from '../types.ts';
import { deadlineOf } from './status.ts';
import { DeploymentSync } from './sync.ts';

const RECONCILE_MS = { min: 2, max: 25 };
const WRITE_MS = { min: 0.5, max: 4 };

/** Rolls Deployments out, as the real controller was read and measured to do it. */
export class DeploymentController implements Controller {
  readonly #cluster: Cluster;
  readonly #loop: Loop;
  #unsubscribe: () => void = () => undefined;

  constructor(server: ApiServer) {
    const name = 'system:serviceaccount:kube-system:deployment-controller';
    this.#cluster = new Cluster(server, { name, latency: WRITE_MS });
    this.#loop = new Loop({
      scheduler: server.scheduler,
      latency: RECONCILE_MS,
      reconcile: (key) => this.#reconcile(key),
    });
  }

  start(): void {
    this.#loop.start();
    this.#unsubscribe = this.#cluster.onEvent((event) => {
      this.#see(event);
    });
    for (const deployment of this.#cluster.list(RESOURCES.deployment)) this.#wake(deployment);
  }

  stop(): void {
    this.#unsubscribe();
    this.#loop.stop();
  }

  #see({ type, kind, object }: StoreEvent): void {
    if (type === 'deployments.apps') this.#wake(object);
    if (type === 'replicasets.apps') this.#wakeOwnerOf(object);
    if (type === 'pods.' && kind === 'Deleted') {
      const set = controllerOf(object);
      if (set?.kind !== 'ReplicaSet') return;
      const key = { namespace: object.metadata.namespace ?? '', name: set.name };
      const owner = this.#cluster.get<ReplicaSet>(RESOURCES.replicaSet, key);
      if (owner !== undefined) this.#wakeOwnerOf(owner);
    }
  }

  #wakeOwnerOf(object: KubeObject): void {
    const owner = controllerOf(object);
    if (owner?.kind !== 'Deployment') return;
    this.#loop.add(keyString({ namespace: object.metadata.namespace ?? '', name: owner.name }));
  }

  #wake(object: KubeObject): void {
    this.#loop.add(keyString(keyOf(object)));
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
    this.#loop.addAfter(key, Math.max(0, deadline - this.#cluster.scheduler.now()) + 1000);
  }
}
