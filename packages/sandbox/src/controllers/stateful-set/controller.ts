// SPDX-License-Identifier: Apache-2.0
import { keyOf, keyString, parseKey, RESOURCES, type KubeObject } from '@altershield/kube';
import type { ApiServer } from '../../api-server/api-server.ts';
import type { StoreEvent } from '../../api-server/store.ts';
import { Cluster, controllerOf } from '../cluster.ts';
import { availableAt } from '../conditions.ts';
import type { Controller } from '../controller.ts';
import { WorkQueue } from '../work-queue.ts';
import type { Pod, StatefulSet } from '../types.ts';
import { adoptOrphans, isOrphanOf } from './adoption.ts';
import { StatefulSetSync } from './sync.ts';

const RECONCILE_MS = { min: 2, max: 25 };
const WRITE_MS = { min: 0.5, max: 4 };
/** The real queue never gives up, and waits for up to 1000 s. */
const MAX_RETRY_MS = 1_000_000;

/** Runs StatefulSets, as the real controller was read and measured to do it. Volumes are out of scope. */
export class StatefulSetController implements Controller {
  readonly #cluster: Cluster;
  readonly #loop: WorkQueue;
  #unsubscribe: () => void = () => undefined;

  constructor(server: ApiServer) {
    const name = 'system:serviceaccount:kube-system:statefulset-controller';
    this.#cluster = new Cluster(server, { name, latency: WRITE_MS });
    this.#loop = new WorkQueue({
      scheduler: server.scheduler,
      latency: RECONCILE_MS,
      maxRetryMs: MAX_RETRY_MS,
      reconcile: (key) => this.#reconcile(key),
    });
  }

  start(): void {
    this.#loop.start();
    this.#unsubscribe = this.#cluster.onEvent((event) => {
      this.#see(event);
    });
    for (const set of this.#cluster.list<StatefulSet>(RESOURCES.statefulSet)) {
      this.#loop.add(keyString(keyOf(set)));
    }
  }

  stop(): void {
    this.#unsubscribe();
    this.#loop.stop();
  }

  #see({ type, object }: StoreEvent): void {
    if (type === 'statefulsets.apps') this.#loop.add(keyString(keyOf(object)));
    if (type === 'pods.') this.#seePod(object);
  }

  #seePod(pod: KubeObject): void {
    const { namespace = '' } = pod.metadata;
    const owner = controllerOf(pod);
    if (owner?.kind === 'StatefulSet') this.#loop.add(keyString({ namespace, name: owner.name }));
    if (owner !== undefined) return;
    for (const set of this.#cluster.list<StatefulSet>(RESOURCES.statefulSet, namespace)) {
      if (isOrphanOf(set, pod)) this.#loop.add(keyString(keyOf(set)));
    }
  }

  async #reconcile(key: string): Promise<void> {
    const set = this.#cluster.get<StatefulSet>(RESOURCES.statefulSet, parseKey(key));
    if (set === undefined) return;
    await adoptOrphans(this.#cluster, set);
    await new StatefulSetSync(this.#cluster, set).run();
    this.#wakeWhenAvailable(key, set);
  }

  #wakeWhenAvailable(key: string, set: StatefulSet): void {
    const now = this.#cluster.scheduler.now();
    const due = this.#cluster
      .controlledBy<Pod>(RESOURCES.pod, set)
      .map((pod) => availableAt(pod, set.spec.minReadySeconds ?? 0) ?? 0)
      .filter((at) => at > now);
    if (due.length > 0) this.#loop.addAfter(key, Math.min(...due) - now);
  }
}
