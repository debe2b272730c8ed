// SPDX-License-Identifier: Apache-2.0

import assert from 'node:assert/strict';
import { isReady, type Pod } from '../e2e/support/pods.ts';
import type { Timeline } from '../e2e/support/timeline.ts';
import { createWeb, getWeb, patchWeb, type Json } from './helpers.ts';
import { until, type ContractTarget } from './target.ts';
import { recordPods } from './watching.ts';

/** Keeps new pods from ever counting as available: old ones are then replaced only as told. */
export const HUGE: Json = { minReadySeconds: 2147483646, progressDeadlineSeconds: 2147483647 };

export interface UserFields {
  readonly replicas: number;
  readonly surge: number;
  readonly unavailable: number;
}

export const rolling = (maxSurge: number | string, maxUnavailable: number | string): Json => ({
  strategy: { type: 'RollingUpdate', rollingUpdate: { maxSurge, maxUnavailable } },
});

const imageOf = ({ spec }: Pod): string => spec.containers[0]?.image ?? '';

const count = (pods: readonly Pod[], image: string): number =>
  pods.filter((pod) => imageOf(pod) === image && pod.metadata.deletionTimestamp === undefined)
    .length;

const readyCount = (pods: readonly Pod[], image: string): number =>
  pods.filter((pod) => imageOf(pod) === image && isReady(pod)).length;

/** One Deployment `web` at v1 and everything that its pods go through. */
export class Release {
  readonly target: ContractTarget;
  readonly namespace: string;
  readonly user: UserFields;
  readonly #recording: Awaited<ReturnType<typeof recordPods>>;

  constructor(
    target: ContractTarget,
    namespace: string,
    user: UserFields,
    recording: Awaited<ReturnType<typeof recordPods>>,
  ) {
    this.target = target;
    this.namespace = namespace;
    this.user = user;
    this.#recording = recording;
  }

  get timeline(): Timeline {
    return this.#recording.timeline;
  }

  get now(): number {
    return this.target.scheduler.now();
  }

  pods(image: string): number {
    return count(this.timeline.pods, image);
  }

  write(spec: Json): Promise<unknown> {
    return patchWeb(this.target, this.namespace, spec);
  }

  stop(): Promise<void> {
    return this.#recording.stop();
  }

  /** Waits until there are exactly so many pods of each image. */
  async settled(counts: Readonly<Record<string, number>>, timeoutMs?: number): Promise<void> {
    const images = Object.entries(counts);
    const shows = (pods: readonly Pod[]): boolean =>
      images.every(([image, wanted]) => count(pods, image) === wanted);
    await this.#recording.settled(JSON.stringify(counts), shows, timeoutMs);
  }

  async ready(image: string, wanted: number, timeoutMs?: number): Promise<void> {
    const shows = (pods: readonly Pod[]): boolean => readyCount(pods, image) >= wanted;
    await this.#recording.settled(`${wanted} ready pods of ${image}`, shows, timeoutMs);
  }

  async observed(): Promise<void> {
    await until(this.target, 'the Deployment to be observed', async () => {
      const { metadata, status } = await getWeb(this.target, this.namespace);
      return status.observedGeneration === metadata.generation;
    });
  }

  /** How many pods came and went since then. */
  churn(since: number): number {
    return this.timeline.events.filter(({ at, type }) => at > since && type !== 'MODIFIED').length;
  }

  assertCapacity(since: number): void {
    const { replicas, surge, unavailable } = this.user;
    assert.ok(
      this.timeline.minReady(since) >= replicas - unavailable,
      `ready: ${this.timeline.minReady(since)}`,
    );
    assert.ok(
      this.timeline.maxPods(since) <= replicas + surge,
      `pods: ${this.timeline.maxPods(since)}`,
    );
  }
}

export interface ReleaseWishes {
  readonly spec?: Json;
  /** Default: a new one. */
  readonly namespace?: string;
}

/** Creates `web` at v1 with the user's fields, and waits until all its pods are ready. */
export async function aRelease(
  target: ContractTarget,
  user: UserFields,
  { spec = {}, ...wishes }: ReleaseWishes = {},
): Promise<Release> {
  const namespace = wishes.namespace ?? (await target.namespace());
  const release = new Release(target, namespace, user, await recordPods(target, namespace));
  const { replicas, surge, unavailable } = user;
  await createWeb(target, namespace, {
    replicas,
    spec: { ...rolling(surge, unavailable), ...spec },
  });
  await release.ready('web:v1', replicas);
  await until(target, 'the first revision to be complete', async () => {
    const { status } = await getWeb(target, namespace);
    return status.conditions?.some(({ reason }) => reason === 'NewReplicaSetAvailable');
  });
  return release;
}
