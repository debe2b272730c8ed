// SPDX-License-Identifier: Apache-2.0
import type { Logger, Scheduler } from '@altershield/kube';
import type { Workload } from './followed-kind.ts';
import { hear, type HearDeps } from './hear.ts';
import type { World } from './world.ts';

export interface HearingsDeps extends HearDeps {
  readonly world: Pick<World, 'pods' | 'kinds'>;
  readonly scheduler: Pick<Scheduler, 'now' | 'after'>;
  readonly log: Logger;
}

/** An answer that takes longer is given up; who still needs it asks again. */
const PATIENCE_MS = 10_000;
/** Each event of a pod may want to know: the server is not asked more often than this about one Deployment. */
const GAP_MS = 1000;

/** So many lists at a time: there are 16 connections for calls, and rollbacks need them too. */
const AT_ONCE = 4;

interface Question {
  readonly workload: Workload;
  readonly then: () => void;
}

/**
 * What the server said of the pods of each Deployment. It is asked beside the work on changes: an
 * answer that is slow, or never comes, holds up no failure that the watches tell.
 */
export class Hearings {
  readonly #deps: HearingsDeps;
  readonly #heardAt = new Map<string, number>();
  readonly #askedAt = new Map<string, number>();
  readonly #open = new Set<string>();
  readonly #waiting = new Map<string, Question>();

  constructor(deps: HearingsDeps) {
    this.#deps = deps;
    for (const { objects } of deps.world.kinds) {
      objects.onEvent(({ type, object: { metadata } }) => {
        if (type !== 'Deleted') return;
        this.#heardAt.delete(metadata.uid);
        this.#askedAt.delete(metadata.uid);
      });
    }
  }

  /** Up to when our copy of its pods is known to be complete, by the server's word; 0: it was not asked. */
  heardAt(uid: string): number {
    return this.#heardAt.get(uid) ?? 0;
  }

  /** Asks, unless it is being asked; `then` is called when more is known than before. Never throws. */
  readonly ask = (workload: Workload, then: () => void): void => {
    const { uid } = workload.object.metadata;
    const now = this.#deps.scheduler.now();
    const isRecent = Math.abs(now - (this.#askedAt.get(uid) ?? 0)) < GAP_MS;
    if (this.#open.has(uid) || isRecent) return;
    this.#waiting.set(uid, { workload, then });
    this.#next();
  };

  #next(): void {
    for (const [uid, question] of this.#waiting) {
      if (this.#open.size >= AT_ONCE) return;
      this.#waiting.delete(uid);
      this.#open.add(uid);
      void this.#hear(question).finally(() => {
        this.#open.delete(uid);
        this.#next();
      });
    }
  }

  async #hear({ workload, then }: Question): Promise<void> {
    const { uid } = workload.object.metadata;
    const { scheduler, log } = this.#deps;
    const stop = new AbortController();
    const timer = scheduler.after(PATIENCE_MS, () => {
      stop.abort(new Error(`no list of pods within ${PATIENCE_MS / 1000} s`));
    });
    this.#askedAt.set(uid, scheduler.now());
    try {
      const heardAt = await hear(workload, this.#deps, stop.signal);
      if (heardAt === undefined) return;
      this.#heardAt.set(uid, heardAt);
      then();
    } catch (err) {
      log.warn('cannot list the pods of a workload, will try again', { err });
    } finally {
      timer.cancel();
    }
  }
}
