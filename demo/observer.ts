// SPDX-License-Identifier: Apache-2.0
import { CHANGE_PODS, CHANGE_WORKLOADS } from '@altershield/api';
import { imagesOf, isTerminating, viewPod } from '@altershield/core';
import {
  Informer,
  RESOURCES,
  silentLogger,
  type Client,
  type KubeObject,
  type APIResource,
  type Scheduler,
} from '@altershield/kube';
import { UnexpectedOutcome } from './unexpected-outcome.ts';
import {
  NAME,
  NAMESPACE,
  WORKLOAD,
  tagOf,
  type ChangePodObject,
  type ChangeObject,
  type DeploymentObject,
  type PodObject,
} from './cluster.ts';

export type Health = 'ready' | 'starting' | 'bad';

export interface PodSight {
  readonly uid: string;
  readonly tag: string;
  readonly health: Health;
  /** Epoch milliseconds, as exact as Kubernetes keeps it: to the second. */
  readonly createdAt: number;
}

/** Something that happened, in words. */
export interface Happening {
  readonly at: number;
  readonly reason: string;
  readonly message: string;
  readonly isWarning: boolean;
}

interface EventObject extends KubeObject {
  readonly involvedObject: { readonly name: string };
  readonly source?: { readonly component?: string };
  readonly type: string;
  readonly reason: string;
  readonly message: string;
  readonly count?: number;
}

const PATIENCE_MS = 120_000;

/** Watches the workload as its users can: every state of every pod passes here. */
export class Observer {
  readonly happenings: Happening[] = [];
  readonly #scheduler: Scheduler;
  readonly #deployments: Informer<DeploymentObject>;
  readonly #pods: Informer<PodObject>;
  readonly #changes: Informer<ChangeObject>;
  readonly #batches: Informer<ChangePodObject>;
  readonly #events: Informer<EventObject>;
  readonly #everSeen = new Map<string, PodSight>();
  readonly #badEver = new Set<string>();
  readonly #listeners = new Set<() => void>();
  #leastReady = Infinity;

  constructor(client: Client, scheduler: Scheduler) {
    this.#scheduler = scheduler;
    const watch = <T extends KubeObject>(resource: APIResource): Informer<T> =>
      new Informer<T>({ client, resource, scheduler, log: silentLogger, namespace: NAMESPACE });
    this.#deployments = watch(RESOURCES.deployment);
    this.#pods = watch(RESOURCES.pod);
    this.#changes = watch(CHANGE_WORKLOADS);
    this.#batches = watch(CHANGE_PODS);
    this.#events = watch(RESOURCES.event);
  }

  /** Resolves when everything that is there already is known. */
  async start(signal: AbortSignal): Promise<void> {
    this.#pods.onEvent(({ object }) => {
      const sight = sightOf(object);
      this.#everSeen.set(sight.uid, sight);
      if (sight.health === 'bad') this.#badEver.add(sight.uid);
      this.#leastReady = Math.min(this.#leastReady, this.ready);
    });
    this.#events.onEvent(({ object, type }) => {
      if (type !== 'Deleted') this.#happened(object);
    });
    const all = [this.#deployments, this.#pods, this.#changes, this.#batches, this.#events];
    for (const informer of all) {
      informer.onEvent(this.#notify);
      void informer.start(signal);
    }
    await Promise.all(all.map((informer) => informer.whenSynced(signal)));
  }

  /** Called after whatever changes. */
  onChange(listener: () => void): void {
    this.#listeners.add(listener);
  }

  /** The pods that count, the oldest first. */
  get pods(): PodSight[] {
    return this.#pods
      .list()
      .filter((pod) => !isTerminating(pod))
      .map(sightOf)
      .sort((a, b) => a.createdAt - b.createdAt);
  }

  get ready(): number {
    return this.pods.filter(({ health }) => health === 'ready').length;
  }

  /** The tag that the Deployment asks for. */
  get wanted(): string {
    const template = this.#deployments.get(WORKLOAD)?.spec.template;
    return template === undefined ? '' : tagOf(imagesOf(template)[0]);
  }

  /** The changes, the oldest first. */
  get changes(): ChangeObject[] {
    return this.#changes.list().sort((a, b) => a.spec.sequence - b.spec.sequence);
  }

  changeTo(tag: string): ChangeObject | undefined {
    return this.changes.findLast(({ spec }) => tagOf(spec.to.images?.[0]) === tag);
  }

  /** The batches of a change, the first first. */
  batchesOf({ metadata: { uid } }: ChangeObject): ChangePodObject[] {
    return this.#batches
      .list()
      .filter(({ spec }) => spec.change.uid === uid)
      .sort((a, b) => a.spec.batch - b.spec.batch);
  }

  /** How many pods were ever in trouble. */
  get badEver(): number {
    return this.#badEver.size;
  }

  /** All pods of a tag that there ever were, the oldest first. */
  everCreated(tag: string): PodSight[] {
    return [...this.#everSeen.values()]
      .filter((pod) => pod.tag === tag)
      .sort((a, b) => a.createdAt - b.createdAt);
  }

  /** The least number of ready pods at any instant since `countFromHere`. */
  get leastReady(): number {
    return this.#leastReady;
  }

  countFromHere(): void {
    this.#leastReady = this.ready;
  }

  /** Resolves at the event that makes it true; after `timeoutMs` of the cluster's clock it is not as told. */
  async until(sentence: string, holds: () => boolean, timeoutMs = PATIENCE_MS): Promise<void> {
    const deadline = this.#scheduler.now() + timeoutMs;
    while (!holds()) {
      const left = deadline - this.#scheduler.now();
      if (left <= 0)
        throw new UnexpectedOutcome(sentence, `after ${timeoutMs / 1000} s ${this.summary()}`);
      await this.#nextChange(left);
    }
  }

  /** Where things stand, for messages. */
  summary(): string {
    const pods = this.pods.map(({ tag, health }) => `${tag} ${health}`).join(', ') || 'none';
    const changes = this.changes.map(({ spec, status }) => {
      const { phase = 'Init', verdict = 'None', reason = '', message = '' } = status ?? {};
      return `${tagOf(spec.to.images?.[0])}: ${phase} ${verdict} ${reason} ${message}`.trim();
    });
    return `pods: ${pods}; changes: ${changes.join('; ') || 'none'}`;
  }

  #nextChange(atMostMs: number): Promise<void> {
    return new Promise((resolve) => {
      const done = (): void => {
        timer.cancel();
        this.#listeners.delete(done);
        resolve();
      };
      const timer = this.#scheduler.after(atMostMs, done);
      this.#listeners.add(done);
    });
  }

  #happened({ involvedObject, source, ...event }: EventObject): void {
    if (involvedObject.name !== NAME || source?.component !== 'altershield') return;
    const times = (event.count ?? 1) > 1 ? ` (${event.count ?? 1} times)` : '';
    this.happenings.push({
      at: this.#scheduler.now(),
      reason: `${event.reason}${times}`,
      message: event.message,
      isWarning: event.type === 'Warning',
    });
  }

  readonly #notify = (): void => {
    for (const listener of [...this.#listeners]) listener();
  };
}

function sightOf(pod: PodObject): PodSight {
  const { uid, createdAt, ready, failure } = viewPod(pod, 0);
  const isBad = failure !== undefined || isUnpullable(pod);
  const health = isBad ? 'bad' : ready ? 'ready' : 'starting';
  return { uid, createdAt, health, tag: tagOf(imagesOf({ spec: pod.spec })[0]) };
}

/** The first failed pull is no verdict yet, but already what the audience waits for. */
const isUnpullable = ({ status }: PodObject): boolean =>
  (status?.containerStatuses ?? []).some(({ state }) => state?.waiting?.reason === 'ErrImagePull');
