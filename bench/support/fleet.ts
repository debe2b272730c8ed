// SPDX-License-Identifier: Apache-2.0
import { setTimeout as sleep } from 'node:timers/promises';
import type { ChangeWorkload } from '@altershield/api';
import type { ClusterAccess } from '../../test/cluster/access.ts';
import { aNamespace } from '../../test/e2e/support/cluster.ts';
import { aDeployment } from '../../test/e2e/support/manifests.ts';
import { RELEASE, applyPolicy, isSound, templateWith } from '../../test/e2e/support/story.ts';
import { watchPods, type PodRecorder } from '../../test/e2e/support/watch-pods.ts';

const TIMEOUT_MS = 300_000;

export interface FleetOptions {
  readonly apps: number;
  readonly replicas: number;
  readonly policy: Readonly<Record<string, unknown>>;
}

/** Many governed Deployments in one namespace, and a watch of all their pods. */
export class Fleet {
  readonly namespace: string;
  readonly names: readonly string[];
  readonly pods: PodRecorder;
  readonly #cluster: ClusterAccess;

  private constructor(
    cluster: ClusterAccess,
    namespace: string,
    names: string[],
    pods: PodRecorder,
  ) {
    this.#cluster = cluster;
    this.namespace = namespace;
    this.names = names;
    this.pods = pods;
  }

  /** Resolves when all run and are known as verified. */
  static async start(cluster: ClusterAccess, options: FleetOptions): Promise<Fleet> {
    const { apps, replicas, policy } = options;
    const namespace = await aNamespace(cluster, 'fleet');
    const names = Array.from({ length: apps }, (_, i) => `app-${i}`);
    const fleet = new Fleet(cluster, namespace, names, await watchPods(cluster, namespace));
    try {
      await Promise.all(names.map((name) => fleet.#create(name, replicas)));
      const all = apps * replicas;
      const areReady = (): boolean => fleet.pods.timeline.pods.filter(isSound).length === all;
      await fleet.pods.until(`${all} ready pods`, areReady, TIMEOUT_MS);
      await applyPolicy(cluster, namespace, policy);
      await fleet.#untilGoverned();
      return fleet;
    } catch (error) {
      await fleet.close();
      throw error;
    }
  }

  /** Pushes to all at once. */
  async push(imageOf: (name: string, index: number) => string): Promise<void> {
    await Promise.all(
      this.names.map((name, index) =>
        this.#call(
          'PATCH',
          `/${name}?fieldManager=kubectl-edit`,
          templateWith(imageOf(name, index)),
        ),
      ),
    );
  }

  /** Waits until so many changes are as wanted. */
  async until(what: string, count: number, is: (change: ChangeWorkload) => boolean): Promise<void> {
    const path = `/apis/altershield.io/v1alpha1/namespaces/${this.namespace}/changeworkloads`;
    const deadline = performance.now() + TIMEOUT_MS;
    for (;;) {
      const { items } = (await this.#cluster.call({ path })) as { items: ChangeWorkload[] };
      const found = items.filter(is).length;
      if (found >= count) return;
      if (performance.now() > deadline) {
        throw new Error(`wait for ${what}: ${found} of ${count} after ${TIMEOUT_MS / 1000} s`);
      }
      await sleep(500);
    }
  }

  async close(): Promise<void> {
    await this.pods.stop();
  }

  async #create(name: string, replicas: number): Promise<void> {
    const { namespace } = this;
    await this.#call('POST', '', aDeployment({ name, namespace, image: 'app:v1', replicas }));
  }

  async #call(method: string, path: string, body: unknown): Promise<unknown> {
    const contentType =
      method === 'PATCH' ? 'application/strategic-merge-patch+json' : 'application/json';
    const collection = `/apis/apps/v1/namespaces/${this.namespace}/deployments`;
    return await this.#cluster.call(
      { method, path: collection + path, body, contentType },
      'developer',
    );
  }

  /** The annotation at rest tells that a Deployment is known and guarded. */
  async #untilGoverned(): Promise<void> {
    const deadline = performance.now() + TIMEOUT_MS;
    while (!(await this.#isGoverned())) {
      if (performance.now() > deadline)
        throw new Error('wait until all are governed: they are not');
      await sleep(500);
    }
  }

  async #isGoverned(): Promise<boolean> {
    const path = `/apis/apps/v1/namespaces/${this.namespace}/deployments`;
    const { items } = (await this.#cluster.call({ path })) as { items: Annotated[] };
    return items.every(({ metadata }) => metadata.annotations?.[RELEASE] !== undefined);
  }
}

interface Annotated {
  readonly metadata: { readonly annotations?: Readonly<Record<string, string>> };
}
