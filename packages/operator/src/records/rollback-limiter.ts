// SPDX-License-Identifier: Apache-2.0
import { windowEndsAt } from '@altershield/core';
import type { ChangeObject } from '../objects.ts';
import type { Caches } from '../caches/caches.ts';

/** The default limit in the whole cluster. */
export const ROLLBACKS_PER_HOUR = 100;

/** Counts the automatic rollbacks of the whole cluster from the records. */
export class RollbackRateLimiter {
  /** Until when each rollback counts, by the uid of its record. */
  readonly #counts = new Map<string, number>();

  constructor({ changes }: Pick<Caches, 'changes'>, isSigned: (change: ChangeObject) => boolean) {
    changes.onEvent(({ type, object }) => {
      const until = type === 'Deleted' || !isSigned(object) ? 0 : windowEndsAt(object);
      if (until > 0) this.#counts.set(object.metadata.uid, until);
      else this.#counts.delete(object.metadata.uid);
    });
  }

  /** The number of rollbacks within the last hour, without the record with this uid. */
  recent(now: number, uid: string): number {
    for (const [key, until] of this.#counts) if (until <= now) this.#counts.delete(key);
    return this.#counts.size - (this.#counts.has(uid) ? 1 : 0);
  }
}
