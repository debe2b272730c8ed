// SPDX-License-Identifier: Apache-2.0
// Deployments as users really run them: a good change ends well and a bad one is rolled back, within the user's own bounds.

import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import type { ChangeWorkload, Phase } from '@altershield/api';
import type { Deployment } from '@altershield/core';
import { aNamespace, sharedCluster, type SharedCluster } from './support/cluster.ts';
import { eventually } from '@altershield/testing/eventually';
import { prepareCluster, startOperator, type OperatorProcess } from './support/operator.ts';
import { isActive, isReady, type Pod } from './support/pods.ts';
import { SHAPES, deploymentOf, type Shape } from './support/shapes.ts';
import { applyPolicy } from './support/story.ts';
import { stopAll } from './support/stop-all.ts';
import { DeploymentRecorder } from './support/watch-deployment.ts';
import { ObjectWatch, type Watched } from './support/watch-objects.ts';
import { watchPods, type PodRecorder } from './support/watch-pods.ts';

/** All of them at once on a busy machine; each alone takes seconds. */
const SLOWLY = 240_000;

let cluster: SharedCluster;
let operator: OperatorProcess;
let namespace: string;

before(async () => {
  cluster = await sharedCluster();
  await prepareCluster(cluster);
  operator = await startOperator(cluster);
  namespace = await aNamespace(cluster, 'shapes');
  await applyPolicy(cluster, namespace, { release: { soakSeconds: 1 } });
  const accounts = new Set(SHAPES.map(({ podSpec }) => String(podSpec['serviceAccountName'])));
  accounts.delete('default');
  for (const name of accounts) await post('/api/v1', 'serviceaccounts', { metadata: { name } });
});

after(() =>
  stopAll(
    () => operator.stop(),
    () => cluster.stop(),
  ),
);

describe('a Deployment in the shape of', { concurrency: true }, () => {
  for (const shape of SHAPES) {
    test(`${shape.name} is released when it is good, and rolled back when it is bad`, async () => {
      const shaped = await Shaped.create(shape);
      try {
        await assertGoodChange(shaped);
        await assertBadChange(shaped);
      } finally {
        await shaped.close();
      }
    });
  }
});

async function assertGoodChange(shaped: Shaped): Promise<void> {
  const { spec } = await shaped.get();
  const image = await shaped.setTag('v2');
  const { status } = await shaped.until(image, 'Success');
  assert.deepEqual([status?.reason, status?.verdict], ['Verified', 'Pass']);
  await shaped.untilOnly(image);
  shaped.assertBounds();
  shaped.recorder.assertSpecKept(spec);
}

async function assertBadChange(shaped: Shaped): Promise<void> {
  const { spec } = await shaped.get();
  const image = await shaped.setTag(`${shaped.shape.scenario}-3`);
  const { status } = await shaped.until(image, 'RolledBack');
  assert.equal(status?.verdict, 'Fail', status?.message);
  await shaped.untilOnly(shaped.imageWith('v2'));
  shaped.assertBounds();
  assert.deepEqual((await shaped.get()).spec, spec);
}

async function post(api: string, plural: string, body: object): Promise<void> {
  const path = `${api}/namespaces/${namespace}/${plural}`;
  await cluster.call({ method: 'POST', path, body });
}

/** A ReplicaSet, as far as its size is concerned. */
interface Sized extends Watched {
  readonly spec: { readonly replicas: number };
}

const selectorOf = ({ labels }: Shape): string =>
  Object.entries(labels)
    .map((label) => label.join('='))
    .join(',');

const hasImage = ({ spec }: Pod, image: string): boolean =>
  spec.containers.some((container) => container.image === image);

/** One of the Deployments, with everything that its pods go through. */
class Shaped {
  readonly shape: Shape;
  readonly recorder: DeploymentRecorder;
  readonly #pods: PodRecorder;
  readonly #sizes: ObjectWatch<Sized>;
  readonly #replicas = new Map<string, number>();
  #most = 0;
  readonly #container: { readonly name: string; readonly image: string };
  #since = 0;

  private constructor(shape: Shape, pods: PodRecorder) {
    this.shape = shape;
    this.#pods = pods;
    this.recorder = new DeploymentRecorder(cluster, namespace, shape.name);
    const collection = {
      endpoint: cluster.endpoint('admin'),
      path: `/apis/apps/v1/namespaces/${namespace}/replicasets`,
      query: `labelSelector=${encodeURIComponent(selectorOf(shape))}`,
    };
    this.#sizes = new ObjectWatch<Sized>(collection, (type, { metadata, spec }) => {
      this.#replicas.set(metadata.uid, type === 'DELETED' ? 0 : spec.replicas);
      const asked = [...this.#replicas.values()].reduce((sum, one) => sum + one, 0);
      this.#most = Math.max(this.#most, asked);
    });
    const { containers, failing } = shape;
    this.#container = containers.find(({ name }) => name === failing) ?? containers[0];
  }

  /** Creates it and waits until its first revision is verified. */
  static async create(shape: Shape): Promise<Shaped> {
    const shaped = new Shaped(shape, await watchPods(cluster, namespace, selectorOf(shape)));
    try {
      await shaped.recorder.start();
      await shaped.#sizes.start();
      await post('/apis/apps/v1', 'deployments', deploymentOf(shape, namespace));
      await shaped.until(shaped.imageWith('v1'), 'Success');
      shaped.#since = performance.now();
      return shaped;
    } catch (error) {
      // A watch left open would keep the test file from ending.
      await shaped.close();
      throw error;
    }
  }

  get #path(): string {
    return `/apis/apps/v1/namespaces/${namespace}/deployments/${this.shape.name}`;
  }

  async get(): Promise<Deployment> {
    return (await cluster.call({ path: this.#path })) as Deployment;
  }

  imageWith(tag: string): string {
    return this.#container.image.replace(/:v1$/, `:${tag}`);
  }

  /** Gives the container that fails in the bad change an image with this tag; gives the image. */
  async setTag(tag: string): Promise<string> {
    const { name } = this.#container;
    const image = this.imageWith(tag);
    await cluster.call(
      {
        method: 'PATCH',
        path: `${this.#path}?fieldManager=kubectl-edit`,
        contentType: 'application/strategic-merge-patch+json',
        body: { spec: { template: { spec: { containers: [{ name, image }] } } } },
      },
      'developer',
    );
    return image;
  }

  /** Waits until its change to an image is in a phase, and gives it. */
  async until(image: string, phase: Phase): Promise<ChangeWorkload> {
    const path = `/apis/altershield.io/v1alpha1/namespaces/${namespace}/changeworkloads`;
    return await eventually(
      async () => {
        const { items } = (await cluster.call({ path })) as { items: ChangeWorkload[] };
        const own = items.filter(({ spec }) => spec.target.name === this.shape.name);
        const found = own.find(({ spec }) => spec.to.images?.includes(image));
        if (found?.status?.phase === phase) return found;
        throw new Error(JSON.stringify(own.map(({ spec, status }) => [spec.to.images, status])));
      },
      { what: `${image} to be ${phase}`, timeoutMs: SLOWLY, everyMs: 500 },
    );
  }

  /** Waits until all its pods have this image, are ready, and are as many as wanted. */
  async untilOnly(image: string): Promise<void> {
    const { replicas } = this.shape;
    await this.#pods.until(
      `${replicas} pods, all of ${image}`,
      ({ pods }) => {
        const active = pods.filter(isActive);
        const isRight = (pod: Pod): boolean => hasImage(pod, image) && isReady(pod);
        return active.length === replicas && active.every(isRight);
      },
      SLOWLY,
    );
  }

  /**
   * Never fewer ready pods, nor more pods asked for, than its strategy allows. Pods that are seen may be
   * more for a moment: two workers of the ReplicaSet controller can overlap.
   */
  assertBounds(): void {
    const { replicas, unavailable, surge } = this.shape;
    const { timeline, gaps } = this.#pods;
    const ready = timeline.minReady(this.#since);
    assert.ok(ready >= replicas - unavailable, `${ready} of ${replicas} ready`);
    assert.ok(this.#most <= replicas + surge, `${this.#most} pods asked for, of ${replicas}`);
    assert.equal(gaps, 0);
  }

  async close(): Promise<void> {
    await Promise.all([this.#pods.stop(), this.recorder.stop(), this.#sizes.stop()]);
  }
}
