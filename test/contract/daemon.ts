// SPDX-License-Identifier: Apache-2.0

import assert from 'node:assert/strict';
import { RESOURCES, type KubeObject } from '@altershield/kube';
import { isReady, type Pod } from '../e2e/support/pods.ts';
import type { Timeline } from '../e2e/support/timeline.ts';
import type { Json } from './helpers.ts';
import type { ControllerRevision } from './stateful.ts';
import { pause, until, type ContractTarget } from './target.ts';
import { recordPods } from './watching.ts';

const { controllerRevision, daemonSet, node: nodes, pod: pods } = RESOURCES;

export interface DaemonSet extends KubeObject {
  readonly spec: { readonly updateStrategy: Json; readonly template: Json };
  readonly status: {
    readonly observedGeneration?: number;
    readonly currentNumberScheduled: number;
    readonly desiredNumberScheduled: number;
    readonly numberMisscheduled: number;
    readonly numberReady: number;
    readonly updatedNumberScheduled?: number;
    readonly numberAvailable?: number;
    readonly numberUnavailable?: number;
  };
}

export interface DaemonWishes {
  /** How many nodes it runs on, of those that are there. Default 3. */
  readonly nodes?: number;
  readonly image?: string;
  readonly spec?: Json;
  readonly podSpec?: Json;
}

export const ON_DELETE: Json = { updateStrategy: { type: 'OnDelete' } };

export const rolling = (maxUnavailable: number | string): Json => ({
  updateStrategy: { type: 'RollingUpdate', rollingUpdate: { maxUnavailable } },
});

/** The DaemonSet that most behaviors are about: `agent` with the image `agent:v1`. */
export function anAgent(selector: Json, { image = 'agent:v1', spec, podSpec }: DaemonWishes): Json {
  const labels = { app: 'agent' };
  return {
    apiVersion: 'apps/v1',
    kind: 'DaemonSet',
    metadata: { name: 'agent', labels },
    spec: {
      selector: { matchLabels: labels },
      template: {
        metadata: { labels },
        spec: {
          containers: [{ name: 'app', image }],
          nodeSelector: selector,
          terminationGracePeriodSeconds: 0,
          ...podSpec,
        },
      },
      ...spec,
    },
  };
}

const tagOf = ({ spec }: Pod): string => {
  const [{ image } = { image: '' }] = spec.containers;
  return image.slice(image.indexOf(':') + 1);
};

/** One DaemonSet `agent`, its nodes by number, and everything that its pods go through. */
export class Agents {
  readonly target: ContractTarget;
  readonly namespace: string;
  /** Names of the nodes that are there, in order. */
  readonly names: readonly string[];
  readonly #recording: Awaited<ReturnType<typeof recordPods>>;

  constructor(
    target: ContractTarget,
    namespace: string,
    names: readonly string[],
    recording: Awaited<ReturnType<typeof recordPods>>,
  ) {
    this.target = target;
    this.namespace = namespace;
    this.names = names;
    this.#recording = recording;
  }

  get timeline(): Timeline {
    return this.#recording.timeline;
  }

  get now(): number {
    return this.target.scheduler.now();
  }

  get key() {
    return { namespace: this.namespace, name: 'agent' };
  }

  /** Label of the nodes that it runs on. */
  get label(): string {
    return `contract/${this.namespace}`;
  }

  /** What runs on which node, such as `0:v1 1:v2`. */
  get shape(): string {
    return this.#shapeOf(this.timeline.pods);
  }

  /** The one pod of a node. */
  pod(node: number): Pod {
    const found = this.timeline.pods.find((pod) => this.#nodeOf(pod) === node);
    assert.ok(found, `a pod on node ${node} among ${this.shape}`);
    return found;
  }

  get(): Promise<DaemonSet> {
    return this.target.developer.get<DaemonSet>(daemonSet, this.key);
  }

  /** A merge patch of the specification. */
  write(spec: Json): Promise<DaemonSet> {
    const patch = { type: 'merge', body: { spec } } as const;
    return this.target.developer.patch<DaemonSet>(daemonSet, this.key, patch);
  }

  /** Whether the DaemonSet wants a pod on a node. */
  async want(node: number, isWanted: boolean): Promise<void> {
    const name = this.names[node] ?? assert.fail(`node ${node}`);
    const labels = { [this.label]: isWanted ? 'true' : null };
    const patch = { type: 'merge', body: { metadata: { labels } } } as const;
    await this.target.admin.patch(nodes, { namespace: '', name }, patch);
  }

  /** Deletes exactly the pod that the watch shows. */
  async delete(node: number): Promise<void> {
    const { name, uid } = this.pod(node).metadata;
    await this.target.developer.delete(pods, { namespace: this.namespace, name }, { uid });
    await this.#recording.settled(`${name} to go`, (all) =>
      all.every(({ metadata }) => metadata.uid !== uid),
    );
  }

  /** As a kubelet does it that evicts the pod. */
  async fail(node: number): Promise<void> {
    const key = { namespace: this.namespace, name: this.pod(node).metadata.name };
    const patch = { type: 'merge', body: { status: { phase: 'Failed' } } } as const;
    await this.target.admin.patch(pods, key, patch, { subresource: 'status' });
  }

  /** The revisions by image, such as `v1`. */
  async revisions(): Promise<ReadonlyMap<string, ControllerRevision>> {
    const { namespace } = this;
    const { items } = await this.target.admin.list<ControllerRevision>(controllerRevision, {
      namespace,
    });
    const imageOf = ({ data }: ControllerRevision): string => {
      const { containers } = data.spec.template['spec'] as { containers: { image: string }[] };
      return (containers[0]?.image ?? '').slice('agent:'.length);
    };
    return new Map(items.map((one) => [imageOf(one), one]));
  }

  /** The first status of the newest generation that shows something. */
  status(
    what: string,
    shows: (status: DaemonSet['status']) => boolean = () => true,
  ): Promise<DaemonSet['status']> {
    return until(this.target, `a status with ${what}`, async () => {
      const { metadata, status } = await this.get();
      return status.observedGeneration === metadata.generation && shows(status) && status;
    });
  }

  /** Waits until these pods are there and ready, and none besides them: `0:v1 1:v2`. */
  async ready(shape: string, timeoutMs?: number): Promise<void> {
    await this.#recording.settled(
      `ready pods ${shape}`,
      (all) => this.#shapeOf(all) === shape && all.every(isReady),
      timeoutMs,
    );
  }

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

  async stop(): Promise<void> {
    for (const node of this.names.keys()) await this.want(node, false);
    await this.#recording.stop();
  }

  #nodeOf({ spec }: Pod): number {
    return this.names.indexOf(spec.nodeName ?? '');
  }

  #shapeOf(all: readonly Pod[]): string {
    return [...all]
      .sort((a, b) => this.#nodeOf(a) - this.#nodeOf(b))
      .map((pod) => `${this.#nodeOf(pod)}:${tagOf(pod)}`)
      .join(' ');
  }
}

/** Creates `agent` on as many nodes, and records its pods. */
export async function createAgents(
  target: ContractTarget,
  wishes: DaemonWishes = {},
): Promise<Agents> {
  const namespace = await target.namespace();
  const { items } = await target.admin.list(nodes, {});
  const names = items.map(({ metadata }) => metadata.name).sort();
  const agents = new Agents(target, namespace, names, await recordPods(target, namespace));
  for (let node = 0; node < (wishes.nodes ?? 3); node += 1) await agents.want(node, true);
  const body = anAgent({ [agents.label]: 'true' }, wishes);
  await target.developer.create(daemonSet, namespace, body);
  return agents;
}

/** Creates `agent` at v1 and waits until all its pods are ready and counted. */
export async function readyAgents(
  target: ContractTarget,
  wishes: DaemonWishes = {},
): Promise<Agents> {
  const agents = await createAgents(target, wishes);
  const count = wishes.nodes ?? 3;
  await agents.ready(Array.from({ length: count }, (_, at) => `${at}:v1`).join(' '));
  await agents.status('all pods', ({ numberAvailable }) => numberAvailable === count);
  return agents;
}
