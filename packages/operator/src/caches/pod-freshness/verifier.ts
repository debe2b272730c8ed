// SPDX-License-Identifier: Apache-2.0
import type { Logger, Scheduler } from '@altershield/kube';
import type { Workload } from '../../kinds/followed-kind.ts';
import { verifyPodCache, type VerifyDeps } from './verify.ts';
import type { Caches } from '../caches.ts';

export interface PodCacheVerifierDeps extends VerifyDeps {
  readonly caches: Pick<Caches, 'pods' | 'kinds'>;
  readonly scheduler: Pick<Scheduler, 'now' | 'after'>;
  readonly log: Logger;
}

/** Timeout of a check. The next reconciliation that needs the check starts it again. */
const PATIENCE_MS = 10_000;
/** Minimum time between checks of one workload: each event of a pod may request one. */
const GAP_MS = 1000;

/** Maximum of concurrent checks: rollbacks need some of the 16 connections for requests. */
const AT_ONCE = 4;

interface PendingRequest {
  readonly workload: Workload;
  readonly then: () => void;
}

/**
 * Checks the cached pods of workloads against the server. Checks run beside the reconciliation of
 * changes, so a slow or missing answer does not delay the reaction to a failure.
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

  /** Up to when the last successful check found the workload's pods complete; 0: no check yet. */
  currentAsOf(uid: string): number {
    return this.#currentAsOf.get(uid) ?? 0;
  }

  /** Starts a check unless one is running or recent; calls `then` on success. Never throws. */
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
      log.warn('failed to list the pods of a workload, will retry', { err });
    } finally {
      timer.cancel();
    }
  }
}
