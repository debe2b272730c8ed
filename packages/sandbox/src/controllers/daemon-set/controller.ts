// SPDX-License-Identifier: Apache-2.0
import { keyOf, keyString, parseKey, RESOURCES } from '@altershield/kube';
import type { ApiServer } from '../../api-server/api-server.ts';
import type { StoreEvent } from '../../api-server/store.ts';
import { Cluster, controllerOf } from '../cluster.ts';
import { availableAt } from '../conditions.ts';
import type { Controller } from '../controller.ts';
import { resolveHistory, truncateHistory } from '../revisions.ts';
import type { DaemonSet, Node, Pod } from '../types.ts';
import { WorkQueue } from '../work-queue.ts';
import {
  byNode,
  hasEnded,
  isTerminating,
  newPod,
  REVISION_LABEL,
  templateOf,
  wants,
  type Template,
} from './pods.ts';
import { countedStatus, writeStatus } from './status.ts';
import { podsToUpdate } from './update.ts';

const RECONCILE_MS = { min: 1, max: 15 };
const WRITE_MS = { min: 0.5, max: 4 };

/** Runs DaemonSets, as the real controller was read and measured to do it. */
export class DaemonSetController implements Controller {
  readonly #cluster: Cluster;
  readonly #queue: WorkQueue;
  #unsubscribe: () => void = () => undefined;

  constructor(server: ApiServer) {
    const name = 'system:serviceaccount:kube-system:daemon-set-controller';
    this.#cluster = new Cluster(server, { name, latency: WRITE_MS });
    this.#queue = new WorkQueue({
      scheduler: server.scheduler,
      latency: RECONCILE_MS,
      reconcile: (key) => this.#reconcile(key),
    });
  }

  start(): void {
    this.#queue.start();
    this.#unsubscribe = this.#cluster.onEvent((event) => {
      this.#see(event);
    });
    this.#addAll();
  }

  stop(): void {
    this.#unsubscribe();
    this.#queue.stop();
  }

  #see({ type, object }: StoreEvent): void {
    if (type === 'daemonsets.apps') this.#queue.add(keyString(keyOf(object)));
    if (type === 'nodes.') this.#addAll();
    const owner = type === 'pods.' ? controllerOf(object) : undefined;
    if (owner?.kind !== 'DaemonSet') return;
    const { namespace = '' } = object.metadata;
    this.#queue.add(keyString({ namespace, name: owner.name }));
  }

  #addAll(): void {
    for (const set of this.#cluster.list<DaemonSet>(RESOURCES.daemonSet)) {
      this.#queue.add(keyString(keyOf(set)));
    }
  }

  async #reconcile(key: string): Promise<void> {
    const set = this.#cluster.get<DaemonSet>(RESOURCES.daemonSet, parseKey(key));
    if (set === undefined || set.metadata.deletionTimestamp !== undefined) return;
    const history = await resolveHistory(this.#cluster, set, REVISION_LABEL);
    const template = templateOf(set, history.update);
    const nodes = this.#cluster.list<Node>(RESOURCES.node);
    const now = this.#cluster.scheduler.now();
    const before = byNode(this.#podsOf(set));
    try {
      if (!(await this.#manage(set, template, nodes, before))) {
        const wanted = nodes.filter((node) => wants(set, node));
        const ofNodes = wanted.map(({ metadata }) => before.get(metadata.name) ?? []);
        await this.#deleteAll(podsToUpdate(set, { nodes: ofNodes, template, now }));
        const used = new Set(
          [...before.values()].flat().map(({ metadata }) => metadata.labels?.[REVISION_LABEL]),
        );
        const names = history.known
          .filter(({ metadata }) => used.has(metadata.labels?.[REVISION_LABEL]))
          .map(({ metadata }) => metadata.name);
        await truncateHistory(this.#cluster, set, {
          known: history.known,
          used: new Set([...names, history.update.metadata.name]),
        });
      }
    } finally {
      const pods = byNode(this.#podsOf(set));
      const { collisionCount } = history;
      const status = countedStatus(set, { nodes, pods, template, collisionCount, now });
      await writeStatus(this.#cluster, set, status);
    }
    this.#wakeWhenAvailable(key, set);
  }

  #podsOf(set: DaemonSet): Pod[] {
    const age = ({ metadata }: Pod): number => Date.parse(metadata.creationTimestamp);
    return this.#cluster.controlledBy<Pod>(RESOURCES.pod, set).sort((a, b) => age(a) - age(b));
  }

  /** Gives each node its pod, and takes pods from others. True when it did anything. */
  async #manage(
    set: DaemonSet,
    template: Template,
    nodes: readonly Node[],
    pods: ReadonlyMap<string, readonly Pod[]>,
  ): Promise<boolean> {
    const bare = nodes.filter((node) => wants(set, node) && !pods.has(node.metadata.name));
    const surplus = nodes.flatMap((node) => {
      const there = (pods.get(node.metadata.name) ?? []).filter((pod) => !isTerminating(pod));
      if (!wants(set, node)) return there;
      const ended = there.filter(hasEnded);
      return [...ended, ...there.filter((pod) => !hasEnded(pod)).slice(1)];
    });
    await this.#deleteAll(surplus);
    const outcomes = await Promise.allSettled(
      bare.map(({ metadata }) =>
        this.#cluster.create(RESOURCES.pod, newPod(set, metadata.name, template)),
      ),
    );
    const failed = outcomes.find((outcome) => outcome.status === 'rejected');
    if (failed !== undefined) throw failed.reason;
    return bare.length + surplus.length > 0;
  }

  /** By name alone, as the real controller does it. */
  async #deleteAll(pods: readonly Pod[]): Promise<void> {
    await Promise.all(pods.map((pod) => this.#cluster.delete(RESOURCES.pod, keyOf(pod))));
  }

  #wakeWhenAvailable(key: string, set: DaemonSet): void {
    const now = this.#cluster.scheduler.now();
    const due = this.#podsOf(set)
      .map((pod) => availableAt(pod, set.spec.minReadySeconds ?? 0) ?? 0)
      .filter((at) => at > now);
    if (due.length > 0) this.#queue.addAfter(key, Math.min(...due) - now);
  }
}
