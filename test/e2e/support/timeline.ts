// SPDX-License-Identifier: Apache-2.0

import { imageOf, isActive, isReady, type Pod } from './pods.ts';

/** One event of a watch, and when it arrived. */
export interface PodEvent {
  readonly type: 'ADDED' | 'MODIFIED' | 'DELETED';
  /** Milliseconds of `performance.now()`. */
  readonly at: number;
  readonly pod: Pod;
}

/** Every state that a set of pods went through, from a watch: nothing happens between two samples. */
export class Timeline {
  readonly events: PodEvent[] = [];
  readonly #initial: readonly Pod[];
  readonly #pods: Map<string, Pod>;

  constructor(initial: readonly Pod[] = []) {
    this.#initial = initial;
    this.#pods = byUid(initial);
  }

  /** The pods as they are now. */
  get pods(): readonly Pod[] {
    return [...this.#pods.values()];
  }

  add(event: PodEvent): void {
    this.events.push(event);
    applyTo(this.#pods, event);
  }

  /** The greatest number of active pods with this image at any instant. */
  maxNew(image: string, since?: number): number {
    return this.#most(
      (pods) => pods.filter((pod) => isActive(pod) && imageOf(pod) === image).length,
      since,
    );
  }

  /** The greatest number of active pods at any instant. */
  maxPods(since?: number): number {
    return this.#most((pods) => pods.filter(isActive).length, since);
  }

  /** The least number of ready, active pods at any instant since then (default: since the beginning). */
  minReady(since?: number): number {
    return -this.#most(
      (pods) => -pods.filter((pod) => isActive(pod) && isReady(pod)).length,
      since,
    );
  }

  /** How many pods with this image there ever were. */
  everCreated(image: string): number {
    const seen = [...this.#initial, ...this.events.map(({ pod }) => pod)];
    const ofImage = seen.filter((pod) => imageOf(pod) === image);
    return byUid(ofImage).size;
  }

  /** The first event that shows this, if any. */
  first(shows: (pod: Pod, event: PodEvent) => boolean, since = 0): PodEvent | undefined {
    return this.events.find((event) => event.at >= since && shows(event.pod, event));
  }

  #most(measure: (pods: readonly Pod[]) => number, since = -Infinity): number {
    const pods = byUid(this.#initial);
    let most = -Infinity;
    for (const event of this.events) {
      // The state that lasted until this event counts when the event came after the beginning.
      if (event.at >= since) most = Math.max(most, measure([...pods.values()]));
      applyTo(pods, event);
      if (event.at >= since) most = Math.max(most, measure([...pods.values()]));
    }
    return Math.max(most, measure([...pods.values()]));
  }
}

function byUid(pods: readonly Pod[]): Map<string, Pod> {
  return new Map(pods.map((pod) => [pod.metadata.uid, pod]));
}

function applyTo(pods: Map<string, Pod>, { type, pod }: PodEvent): void {
  if (type === 'DELETED') pods.delete(pod.metadata.uid);
  else pods.set(pod.metadata.uid, pod);
}
