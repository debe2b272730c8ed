// SPDX-License-Identifier: Apache-2.0
import { lostReadiness } from '@altershield/core';
import type { Informer } from '@altershield/kube';
import type { PodObject } from '../kinds.ts';

/** Counts how often each living pod lost its readiness while we watched. */
export class ReadinessLog {
  readonly #losses = new Map<string, number>();

  constructor(pods: Pick<Informer<PodObject>, 'onEvent'>) {
    pods.onEvent(({ type, object, old }) => {
      const { uid } = object.metadata;
      if (type === 'Deleted') this.#losses.delete(uid);
      else if (old !== undefined && lostReadiness(old, object)) {
        this.#losses.set(uid, this.of(uid) + 1);
      }
    });
  }

  of(uid: string): number {
    return this.#losses.get(uid) ?? 0;
  }
}
