// SPDX-License-Identifier: Apache-2.0

import assert from 'node:assert/strict';
import { RESOURCES, type KubeObject } from '@altershield/kube';
import { isReady, type Pod } from '../e2e/support/pods.ts';
import type { Timeline } from '../e2e/support/timeline.ts';
import type { Json } from './helpers.ts';
import { pause, until, type ContractTarget } from './target.ts';
import { recordPods } from './watching.ts';

const { controllerRevision, pod, statefulSet } = RESOURCES;

export interface StatefulSet extends KubeObject {
  readonly spec: {
    readonly replicas: number;
    readonly updateStrategy: Json;
    readonly template: Json;
  };
  readonly status: {
    readonly observedGeneration?: number;
    readonly replicas: number;
    readonly readyReplicas?: number;
    readonly availableReplicas: number;
    readonly currentReplicas?: number;
    readonly updatedReplicas?: number;
    readonly currentRevision?: string;
    readonly updateRevision?: string;
    readonly collisionCount?: number;
  };
}

export interface ControllerRevision extends KubeObject {
  readonly revision: number;
  readonly data: { readonly spec: { readonly template: Json } };
}

interface SaidEvent extends KubeObject {
  readonly reason: string;
  readonly message: string;
}

/** The partition that keeps every pod, those of a later scale-up included. */
export const HOLD_ALL = 2147483647;

export const partition = (value: number): Json => ({
  updateStrategy: { type: 'RollingUpdate', rollingUpdate: { partition: value } },
});

export interface SetWishes {
  readonly replicas: number;
  readonly image?: string;
  /** Fields of the spec that are written as they are. */
  readonly spec?: Json;
  readonly annotations?: Json;
  readonly podSpec?: Json;
  /** Default: a new one. */
  readonly namespace?: string;
}

/** The StatefulSet that most behaviors are about: `db` with the image `db:v1`. */
export function aDb({
  replicas,
  image = 'db:v1',
  spec = {},
  annotations,
  podSpec,
}: SetWishes): Json {
  const labels = { app: 'db' };
  const containers = [{ name: 'app', image }];
  return {
    apiVersion: 'apps/v1',
    kind: 'StatefulSet',
    metadata: { name: 'db', labels, annotations },
    spec: {
      replicas,
      serviceName: 'db',
      selector: { matchLabels: labels },
      template: {
        metadata: { labels },
        spec: { containers, terminationGracePeriodSeconds: 0, ...podSpec },
      },
      ...spec,
    },
  };
}

/** The minor version of Kubernetes whose behavior the target shows. */
export async function minorOf({ admin }: ContractTarget): Promise<number> {
  const { minor } = (await admin.raw('GET', '/version')) as { minor: string };
  return Number.parseInt(minor, 10);
}

const imageOf = ({ spec }: Pod): string => spec.containers[0]?.image ?? '';

const ordinalOf = ({ metadata }: Pod): number => Number(metadata.name.slice('db-'.length));

export const revisionLabel = ({ metadata }: Pod): string =>
  metadata.labels?.['controller-revision-hash'] ?? '';

/** One StatefulSet `db` and everything that its pods go through. */
export class Database {
  readonly target: ContractTarget;
  readonly namespace: string;
  readonly #recording: Awaited<ReturnType<typeof recordPods>>;

  constructor(
    target: ContractTarget,
    namespace: string,
    recording: Awaited<ReturnType<typeof recordPods>>,
  ) {
    this.target = target;
    this.namespace = namespace;
    this.#recording = recording;
  }

  get timeline(): Timeline {
    return this.#recording.timeline;
  }

  get now(): number {
    return this.target.scheduler.now();
  }

  get key() {
    return { namespace: this.namespace, name: 'db' };
  }

  /** The pods, the lowest ordinal first. */
  get pods(): readonly Pod[] {
    return [...this.timeline.pods].sort((a, b) => ordinalOf(a) - ordinalOf(b));
  }

  /** What each pod runs, such as `0:v1 1:v2`. */
  get shape(): string {
    return shapeOf(this.pods);
  }

  pod(ordinal: number): Pod {
    const found = this.pods.find((one) => ordinalOf(one) === ordinal);
    assert.ok(found, `db-${ordinal} among ${this.shape}`);
    return found;
  }

  get(): Promise<StatefulSet> {
    return this.target.developer.get<StatefulSet>(statefulSet, this.key);
  }

  async isGone(): Promise<boolean> {
    const { namespace } = this;
    return (await this.target.admin.list(statefulSet, { namespace })).items.length === 0;
  }

  /** A merge patch of the specification. */
  write(spec: Json): Promise<StatefulSet> {
    const patch = { type: 'merge', body: { spec } } as const;
    return this.target.developer.patch<StatefulSet>(statefulSet, this.key, patch);
  }

  async scale(replicas: number): Promise<void> {
    const patch = { type: 'merge', body: { spec: { replicas } } } as const;
    await this.target.admin.patch(statefulSet, this.key, patch, { subresource: 'scale' });
  }

  /** Deletes exactly the pod that the watch shows. */
  async delete(ordinal: number): Promise<void> {
    const { name, uid } = this.pod(ordinal).metadata;
    await this.target.developer.delete(pod, { namespace: this.namespace, name }, { uid });
    await this.#recording.settled(`${name} to go`, (pods) =>
      pods.every(({ metadata }) => metadata.uid !== uid),
    );
  }

  /** Sets the readiness of a pod whose simulated kubelet writes nothing more. */
  async setReady(ordinal: number, isReady: boolean): Promise<void> {
    const { metadata, status } = this.pod(ordinal);
    const conditions = status.conditions?.map((condition) =>
      condition.type === 'Ready' ? { ...condition, status: isReady ? 'True' : 'False' } : condition,
    );
    const patch = { type: 'merge', body: { status: { conditions } } } as const;
    const key = { namespace: this.namespace, name: metadata.name };
    await this.target.admin.patch(pod, key, patch, { subresource: 'status' });
    const count = (await this.get()).spec.replicas - (isReady ? 0 : 1);
    await this.status('the readiness', ({ readyReplicas = 0 }) => readyReplicas === count);
  }

  async events(): Promise<readonly SaidEvent[]> {
    const { namespace } = this;
    return (await this.target.admin.list<SaidEvent>(RESOURCES.event, { namespace })).items;
  }

  /** The revisions by image, such as `v1`. */
  async revisions(): Promise<ReadonlyMap<string, ControllerRevision>> {
    const { namespace } = this;
    const { items } = await this.target.admin.list<ControllerRevision>(controllerRevision, {
      namespace,
    });
    const tagOf = ({ data }: ControllerRevision): string => {
      const { containers } = data.spec.template['spec'] as { containers: { image: string }[] };
      return tag(containers[0]?.image ?? '');
    };
    return new Map(items.map((one) => [tagOf(one), one]));
  }

  /** The status of the newest generation. */
  observed(): Promise<StatefulSet['status']> {
    return this.status('the newest generation', () => true);
  }

  /** The first status of the newest generation that shows something. */
  status(
    what: string,
    shows: (status: StatefulSet['status']) => boolean,
  ): Promise<StatefulSet['status']> {
    return until(this.target, `a status with ${what}`, async () => {
      const { metadata, status } = await this.get();
      return status.observedGeneration === metadata.generation && shows(status) && status;
    });
  }

  /** Waits until these pods are there and ready, and none besides them: `0:v1 1:v2`. */
  async ready(shape: string, timeoutMs?: number): Promise<void> {
    await this.#recording.settled(
      `ready pods ${shape}`,
      (pods) => shapeOf(pods) === shape && pods.every(isReady),
      timeoutMs,
    );
  }

  /** Waits until something is true of the pods. */
  async settled(what: string, shows: (pods: readonly Pod[]) => boolean): Promise<void> {
    await this.#recording.settled(what, shows);
  }

  /** Asserts that from now on, for `ms`, no pod comes or goes. */
  async calm(ms = 2000): Promise<void> {
    const since = this.now;
    await pause(this.target, ms);
    assert.equal(this.churn(since), 0, this.shape);
  }

  /** How many pods came and went since then. */
  churn(since: number): number {
    return this.timeline.events.filter(({ at, type }) => at > since && type !== 'MODIFIED').length;
  }

  /** The ordinals of the pods that came since then, in their order. */
  created(since: number): number[] {
    return this.timeline.events
      .filter(({ at, type }) => at > since && type === 'ADDED')
      .map((event) => ordinalOf(event.pod));
  }

  stop(): Promise<void> {
    return this.#recording.stop();
  }
}

const tag = (image: string): string => image.slice(image.indexOf(':') + 1);

function shapeOf(pods: readonly Pod[]): string {
  return [...pods]
    .sort((a, b) => ordinalOf(a) - ordinalOf(b))
    .map((one) => `${ordinalOf(one)}:${tag(imageOf(one))}`)
    .join(' ');
}

/** Creates `db` and records its pods. */
export async function createDb(target: ContractTarget, wishes: SetWishes): Promise<Database> {
  const namespace = wishes.namespace ?? (await target.namespace());
  const db = new Database(target, namespace, await recordPods(target, namespace));
  await target.developer.create(statefulSet, namespace, aDb(wishes));
  return db;
}

/** Creates `db` at v1 and waits until all its pods are ready and counted. */
export async function aReadyDb(target: ContractTarget, wishes: SetWishes): Promise<Database> {
  const db = await createDb(target, wishes);
  const { replicas } = wishes;
  const v1 = Array.from({ length: replicas }, (_, at) => `${at}:v1`).join(' ');
  await db.ready(v1);
  await db.status('all pods', ({ availableReplicas }) => availableReplicas === replicas);
  return db;
}
