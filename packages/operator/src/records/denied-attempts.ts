// SPDX-License-Identifier: Apache-2.0
import { CHANGE_WORKLOADS } from '@altershield/api';
import {
  isNewer,
  isNotFound,
  sleep,
  type WriteThroughClient,
  type Logger,
  type Scheduler,
} from '@altershield/kube';
import type { ChangeObject } from '../objects.ts';
import type { Caches } from '../caches/caches.ts';

interface DeniedAttempts {
  count: number;
  lastUser: string;
  lastAt: number;
}

export interface DeniedAttemptRecorderDeps {
  readonly client: WriteThroughClient;
  readonly caches: Pick<Caches, 'changes'>;
  readonly scheduler: Scheduler;
  readonly log: Logger;
}

/** The facts about a denied write from its admission review. */
export interface DeniedWrite {
  /** `namespace/name` of the record whose quarantine denied it. */
  readonly change: string;
  readonly user: string;
  readonly fieldManager?: string | undefined;
  /** The version of the object that the write would have changed. */
  readonly resourceVersion: string;
}

/**
 * The API server reviews a write on its cached copy of the object first. If the review is denied
 * and the stored object is newer, it reviews the same write again at once, on the newer object.
 * A review of the same version, or a third review, therefore always belongs to another write.
 */
const RETRY_MS = 100;
/** Denials within this time are combined into one status write. */
const FLUSH_MS = 5000;

/**
 * Counts denied attempts to apply a quarantined revision, in the status of its record. Writes in
 * the background, so that a review never waits for a write.
 */
export class DeniedAttemptRecorder {
  readonly name = 'denied-attempts';
  readonly #deps: DeniedAttemptRecorderDeps;
  readonly #waiting = new Map<string, DeniedAttempts>();
  /** The newest review per change and user since the last flush, to recognize a repeated review. */
  readonly #reviews = new Map<string, Review>();

  constructor(deps: DeniedAttemptRecorderDeps) {
    this.#deps = deps;
  }

  /** Counts a denied review, unless it repeats the previous one. Returns true if it counted. */
  add(write: DeniedWrite): boolean {
    const { change, user, fieldManager = '', resourceVersion } = write;
    const key = JSON.stringify([change, user, fieldManager]);
    const review = { resourceVersion, at: this.#deps.scheduler.now() };
    if (isRetryOf(this.#reviews.get(key), review)) {
      this.#reviews.delete(key);
      return false;
    }
    this.#reviews.set(key, review);
    const count = (this.#waiting.get(change)?.count ?? 0) + 1;
    this.#waiting.set(change, { count, lastUser: user, lastAt: review.at });
    return true;
  }

  async start(signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      await sleep(this.#deps.scheduler, FLUSH_MS, signal);
      await this.#flush();
    }
  }

  async #flush(): Promise<void> {
    this.#reviews.clear();
    for (const [key, denials] of [...this.#waiting]) {
      this.#waiting.delete(key);
      const change = this.#deps.caches.changes.get(key);
      if (change !== undefined) await this.#write(key, change, denials);
    }
  }

  async #write(
    key: string,
    { metadata, status }: ChangeObject,
    denials: DeniedAttempts,
  ): Promise<void> {
    const { namespace = '', name, uid, resourceVersion } = metadata;
    const deniedAttempts = {
      count: (status?.deniedAttempts?.count ?? 0) + denials.count,
      lastUser: denials.lastUser.slice(0, 512),
      lastAt: new Date(denials.lastAt).toISOString(),
    };
    const body = { metadata: { uid, resourceVersion }, status: { deniedAttempts } };
    try {
      const patch = { type: 'merge', body } as const;
      await this.#deps.client.patch(CHANGE_WORKLOADS, { namespace, name }, patch, {
        subresource: 'status',
      });
    } catch (err) {
      if (isNotFound(err)) return;
      this.#deps.log.debug('failed to count denied attempts, will retry', { change: key, err });
      this.#restore(key, denials);
    }
  }

  #restore(key: string, denials: DeniedAttempts): void {
    const newer = this.#waiting.get(key);
    const count = denials.count + (newer?.count ?? 0);
    this.#waiting.set(key, { ...denials, ...newer, count });
  }
}

interface Review {
  readonly resourceVersion: string;
  readonly at: number;
}

const isRetryOf = (first: Review | undefined, second: Review): boolean =>
  first !== undefined &&
  second.at - first.at < RETRY_MS &&
  isNewer(second.resourceVersion, first.resourceVersion);
