// SPDX-License-Identifier: Apache-2.0
import {
  becameReady,
  countRestarts,
  hasConfigError,
  hasRestartRules,
  lostReadiness,
  type PodObservations,
  type RestartCounts,
} from '@altershield/core';
import type { Informer, InformerEvent, Scheduler } from '@altershield/kube';
import type { PodObject } from '../objects.ts';

/**
 * Facts about a pod that only its events show: its readiness losses, the times at which this
 * process saw it become ready or report a config error, and restarts outside its restart rules.
 *
 * They are kept only in memory. After a restart of the operator, soak times and grace periods start
 * over: a release takes longer, but stays safe.
 */
export class ReadinessLossCounter {
  readonly #scheduler: Pick<Scheduler, 'now'>;
  readonly #losses = new Map<string, number>();
  /** Pods that became ready after the initial list; all others use `#listedAt`. */
  readonly #readySeenAt = new Map<string, number>();
  readonly #configErrorSeenAt = new Map<string, number>();
  readonly #restarts = new Map<string, RestartCounts>();
  #listedAt: number;

  constructor(pods: Pick<Informer<PodObject>, 'onEvent'>, scheduler: Pick<Scheduler, 'now'>) {
    this.#scheduler = scheduler;
    this.#listedAt = scheduler.now();
    pods.onEvent((event) => {
      const { uid } = event.object.metadata;
      if (event.type === 'Deleted') this.#forget(uid);
      else this.#onPod(uid, event);
    });
  }

  lossesOf(uid: string): number {
    return this.#losses.get(uid) ?? 0;
  }

  observationsOf(uid: string): PodObservations {
    const configErrorSeenAt = this.#configErrorSeenAt.get(uid);
    const restarts = this.#restarts.get(uid);
    return {
      readySeenAt: this.#readySeenAt.get(uid) ?? this.#listedAt,
      ...(configErrorSeenAt === undefined ? {} : { configErrorSeenAt }),
      ...(restarts === undefined ? {} : { restarts }),
    };
  }

  #onPod(uid: string, { object, old, initial }: InformerEvent<PodObject>): void {
    const now = this.#scheduler.now();
    if (initial) this.#listedAt = now;
    else if (becameReady(old, object)) this.#readySeenAt.set(uid, now);
    if (old !== undefined && lostReadiness(old, object))
      this.#losses.set(uid, this.lossesOf(uid) + 1);
    if (!hasConfigError(object)) this.#configErrorSeenAt.delete(uid);
    else if (!this.#configErrorSeenAt.has(uid)) this.#configErrorSeenAt.set(uid, now);
    this.#countRestarts(uid, object, old);
  }

  #countRestarts(uid: string, pod: PodObject, old: PodObject | undefined): void {
    if (!hasRestartRules(pod)) return;
    const counts = this.#restarts.get(uid);
    const before = old === undefined || counts === undefined ? undefined : { pod: old, counts };
    this.#restarts.set(uid, countRestarts(pod, before));
  }

  #forget(uid: string): void {
    this.#losses.delete(uid);
    this.#readySeenAt.delete(uid);
    this.#configErrorSeenAt.delete(uid);
    this.#restarts.delete(uid);
  }
}
