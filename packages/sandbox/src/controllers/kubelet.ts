// SPDX-License-Identifier: Apache-2.0
import { keyOf, RESOURCES, type ObjectKey, type Timer } from '@altershield/kube';
import type { ApiServer } from '../api-server/api-server.ts';
import { typeKey } from '../api-server/definition.ts';
import { timestamp } from '../api-server/util.ts';
import { within, type Span } from '../scheduler/random.ts';
import { Cluster } from './cluster.ts';
import type { Controller } from './controller.ts';
import {
  creating,
  podScriptFor,
  hasSameScenario,
  type PodScript,
  type PodScenario,
  type Step,
} from './pod-scenarios.ts';
import { podStatus, type IsScripted, type Moment } from './pod-status.ts';
import type { Pod } from './types.ts';

const ACCEPT_MS: Span = { min: 1, max: 30 };
const DELETE_MS: Span = { min: 1, max: 20 };

export interface KubeletOptions {
  /** Overrides the scenario of the image's tag. */
  readonly scenario?: ((pod: Pod) => PodScenario | undefined) | undefined;
}

interface Life {
  readonly key: ObjectKey;
  readonly steps: Generator<Step, void>;
  readonly isScripted: IsScripted;
  timer: Timer | undefined;
}

/** Runs the pods of all nodes: each plays its scenario until it is deleted. */
export class Kubelet implements Controller {
  readonly #cluster: Cluster;
  readonly #options: KubeletOptions;
  readonly #lives = new Map<string, Life>();
  readonly #dying = new Set<string>();
  #unsubscribe: () => void = () => undefined;

  constructor(server: ApiServer, options: KubeletOptions = {}) {
    this.#options = options;
    this.#cluster = new Cluster(server, { name: 'system:node:sandbox', latency: DELETE_MS });
  }

  start(): void {
    this.#unsubscribe = this.#cluster.onEvent(({ type, kind, object }) => {
      if (type !== 'pods.') return;
      if (kind === 'Deleted') this.#end(object.metadata.uid);
      else this.#see(object as unknown as Pod);
    });
    for (const pod of this.#cluster.list<Pod>(RESOURCES.pod)) this.#see(pod);
  }

  stop(): void {
    this.#unsubscribe();
    for (const uid of [...this.#lives.keys(), ...this.#dying]) this.#end(uid);
  }

  #see(pod: Pod): void {
    const { uid, deletionTimestamp } = pod.metadata;
    if (pod.spec.nodeName === undefined) return;
    if (deletionTimestamp !== undefined) this.#remove(pod);
    else if (!this.#lives.has(uid)) this.#begin(pod);
  }

  #begin(pod: Pod): void {
    const random = (): number => this.#cluster.scheduler.random();
    const script = podScriptFor(pod, random, this.#options.scenario?.(pod));
    const { image } = script.context;
    const life: Life = {
      key: keyOf(pod),
      steps: lifeOf(script, within(ACCEPT_MS, random)),
      isScripted: (container) => hasSameScenario(container.image, image),
      timer: undefined,
    };
    this.#lives.set(pod.metadata.uid, life);
    this.#advance(pod.metadata.uid, life);
  }

  #advance(uid: string, life: Life): void {
    const step = life.steps.next();
    if (step.done === true) return;
    const { delayMs, moment } = step.value;
    life.timer = this.#cluster.scheduler.after(delayMs, () => {
      this.#write(uid, life, moment);
      this.#advance(uid, life);
    });
  }

  /** Kubelets patch the status without a resource version, so no other write can conflict. */
  #write(uid: string, { key, isScripted }: Life, moment: (nowMs: number) => Moment): void {
    const pod = this.#cluster.get<Pod>(RESOURCES.pod, key);
    if (pod?.metadata.uid !== uid) return;
    const now = this.#cluster.scheduler.now();
    const status = podStatus(pod, moment(now), { now: timestamp(now), isScripted });
    const next = { ...pod, status };
    this.#cluster.server.store.put(typeKey(RESOURCES.pod), next);
  }

  #remove(pod: Pod): void {
    const { uid } = pod.metadata;
    if (this.#dying.has(uid)) return;
    this.#lives.get(uid)?.timer?.cancel();
    this.#dying.add(uid);
    const delay = within(DELETE_MS, () => this.#cluster.scheduler.random());
    this.#cluster.scheduler.after(delay, () => {
      const found = this.#cluster.get<Pod>(RESOURCES.pod, keyOf(pod));
      if (found?.metadata.uid !== uid) return;
      this.#cluster.server.store.remove(typeKey(RESOURCES.pod), keyOf(pod));
    });
  }

  #end(uid: string): void {
    this.#dying.delete(uid);
    this.#lives.get(uid)?.timer?.cancel();
    this.#lives.delete(uid);
  }
}

function* lifeOf({ scenario, context }: PodScript, acceptMs: number): Generator<Step, void> {
  yield { delayMs: acceptMs, moment: () => creating };
  yield* scenario(context);
}
