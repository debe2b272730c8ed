// SPDX-License-Identifier: Apache-2.0
import { keyOf, keyString, parseKey, RESOURCES } from '@altershield/kube';
import type { ApiServer } from '../api-server/api-server.ts';
import { typeKey } from '../api-server/definition.ts';
import { timestamp } from '../api-server/util.ts';
import { Cluster } from './cluster.ts';
import { findCondition, withCondition } from './conditions.ts';
import { pinnedNode, selects } from './nodes.ts';
import type { Controller } from './controller.ts';
import { WorkQueue } from './work-queue.ts';
import type { Condition, Node, Pod } from './types.ts';

const SCHEDULE_MS = { min: 1, max: 10 };

/** Binds pods to the node with the fewest pods among those that the nodeSelector allows. */
export class PodScheduler implements Controller {
  readonly #cluster: Cluster;
  readonly #queue: WorkQueue;
  #unsubscribe: () => void = () => undefined;

  constructor(server: ApiServer) {
    this.#cluster = new Cluster(server, {
      name: 'system:kube-scheduler',
      latency: SCHEDULE_MS,
    });
    this.#queue = new WorkQueue({
      scheduler: server.scheduler,
      latency: SCHEDULE_MS,
      reconcile: (key) => {
        this.#place(key);
        return Promise.resolve();
      },
    });
  }

  start(): void {
    this.#queue.start();
    this.#unsubscribe = this.#cluster.onEvent(({ type, kind, object }) => {
      if (type === 'pods.' && kind === 'Added') this.#queue.add(keyString(keyOf(object)));
      if (type === 'nodes.') this.#retryAll();
    });
    this.#retryAll();
  }

  stop(): void {
    this.#unsubscribe();
    this.#queue.stop();
  }

  #retryAll(): void {
    for (const pod of this.#cluster.list<Pod>(RESOURCES.pod)) {
      if (pod.spec.nodeName === undefined) this.#queue.add(keyString(keyOf(pod)));
    }
  }

  #place(key: string): void {
    const pod = this.#cluster.get<Pod>(RESOURCES.pod, parseKey(key));
    if (pod !== undefined && isWaiting(pod)) this.#decide(pod);
  }

  #decide(pod: Pod): void {
    const nodes = this.#cluster.list<Node>(RESOURCES.node);
    const [node] = this.#byLoad(nodes.filter((one) => fits(one, pod)));
    const lastTransitionTime = timestamp(this.#cluster.scheduler.now());
    const next: Condition =
      node === undefined
        ? { ...unschedulable(nodes.length), lastTransitionTime }
        : { type: 'PodScheduled', status: 'True', lastTransitionTime };
    const conditions = withCondition(pod.status.conditions ?? [], next);
    const isNews = findCondition(pod.status.conditions, 'PodScheduled')?.reason !== next.reason;
    if (node === undefined && !isNews) return;
    const spec = node === undefined ? pod.spec : { ...pod.spec, nodeName: node.metadata.name };
    // Binding is a subresource, which the admission of pods does not see.
    const placed = { ...pod, spec, status: { ...pod.status, conditions } };
    this.#cluster.server.store.put(typeKey(RESOURCES.pod), placed);
  }

  #byLoad(nodes: readonly Node[]): Node[] {
    const load = new Map<string, number>();
    for (const { spec } of this.#cluster.list<Pod>(RESOURCES.pod)) {
      if (spec.nodeName !== undefined) load.set(spec.nodeName, (load.get(spec.nodeName) ?? 0) + 1);
    }
    const of = ({ metadata }: Node): number => load.get(metadata.name) ?? 0;
    return [...nodes].sort((a, b) => of(a) - of(b));
  }
}

const isWaiting = ({ spec }: Pod): boolean =>
  spec.nodeName === undefined && (spec.schedulingGates ?? []).length === 0;

/** A pod of a DaemonSet goes to its own node, and tolerates that it is cordoned. */
function fits(node: Node, pod: Pod): boolean {
  const pinned = pinnedNode(pod.spec);
  const isOpen = pinned === undefined ? node.spec?.unschedulable !== true : true;
  return isOpen && (pinned ?? node.metadata.name) === node.metadata.name && selects(pod.spec, node);
}

const unschedulable = (nodes: number) => ({
  type: 'PodScheduled',
  status: 'False' as const,
  reason: 'Unschedulable',
  message: `0/${nodes} nodes are available: ${nodes} node(s) didn't match Pod's node affinity/selector.`,
});
