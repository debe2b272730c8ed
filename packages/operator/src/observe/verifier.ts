// SPDX-License-Identifier: Apache-2.0
import type { Logger, Scheduler } from '@altershield/kube';
import type { Workload } from './followed-kind.ts';
import { verifyPodCache, type VerifyDeps } from './verify.ts';
import type { Caches } from './caches.ts';

export interface PodCacheVerifierDeps extends VerifyDeps {
  readonly caches: Pick<Caches, 'pods' | 'kinds'>;
  readonly scheduler: Pick<Scheduler, 'now' | 'after'>;
  readonly log: Logger;
}

/** An answer that takes longer is given up; who still needs it asks again. */
const PATIENCE_MS = 10_000;
/** Each event of a pod may want to know: the server is not asked more often than this about one Deployment. */
const GAP_MS = 1000;

/** So many lists at a time: there are 16 connections for calls, and rollbacks need them too. */
const AT_ONCE = 4;

interface PendingRequest {
  readonly workload: Workload;
  readonly then: () => void;
}

/**
 * What the server said of the pods of each Deployment. It is asked beside the work on changes: an
 * answer that is slow, or never comes, holds up no failure that the watches tell.
 */
export class PodCacheVerifier {
  readonly #deps: PodCacheVerifierDeps;
  readonly #currentAsOf = new Map<string, number>();
  readonly #askedAt = new Map<string, number>();
  readonly #open = new Set<string>();
  readonly #waiting = new Map<string, PendingRequest>();

  constructor(deps: PodCacheVerifierDeps) {
    this.#deps = deps;
    for (const { objects } of deps.caches.kinds) {
      objects.onEvent(({ type, object: { metadata } }) => {
        if (type !== 'Deleted') return;
        this.#currentAsOf.delete(metadata.uid);
        this.#askedAt.delete(metadata.uid);
      });
    }
  }

  /** Up to when our copy of its pods is known to be complete, by the server's word; 0: it was not asked. */
  currentAsOf(uid: string): number {
    return this.#currentAsOf.get(uid) ?? 0;
  }

  /** Asks, unless it is being asked; `then` is called when more is known than before. Never throws. */
  readonly request = (workload: Workload, then: () => void): void => {
    const { uid } = workload.object.metadata;
    const now = this.#deps.scheduler.now();
    const isRecent = Math.abs(now - (this.#askedAt.get(uid) ?? 0)) < GAP_MS;
    if (this.#open.has(uid) || isRecent) return;
    this.#waiting.set(uid, { workload, then });
    this.#next();
  };

  #next(): void {
    for (const [uid, request] of this.#waiting) {
      if (this.#open.size >= AT_ONCE) return;
      this.#waiting.delete(uid);
      this.#open.add(uid);
      void this.#verify(request).finally(() => {
        this.#open.delete(uid);
        this.#next();
      });
    }
  }

  async #verify({ workload, then }: PendingRequest): Promise<void> {
    const { uid } = workload.object.metadata;
    const { scheduler, log } = this.#deps;
    const stop = new AbortController();
    const timer = scheduler.after(PATIENCE_MS, () => {
      stop.abort(new Error(`no list of pods within ${PATIENCE_MS / 1000} s`));
    });
    this.#askedAt.set(uid, scheduler.now());
    try {
      const currentAsOf = await verifyPodCache(workload, this.#deps, stop.signal);
      if (currentAsOf === undefined) return;
      this.#currentAsOf.set(uid, currentAsOf);
      then();
    } catch (err) {
      log.warn('cannot list the pods of a workload, will try again', { err });
    } finally {
      timer.cancel();
    }
  }
}
