// SPDX-License-Identifier: Apache-2.0
import type { Client, ListSelector } from '../client/client.ts';
import { KubeError, isGone } from '../errors/errors.ts';
import type { KubeObject, APIResource } from '../client/object.ts';
import { DeadlineSignal } from '../runtime/abort.ts';
import { Backoff } from '../runtime/backoff.ts';
import type { Logger } from '../runtime/logger.ts';
import { sleep, type Scheduler } from '../runtime/scheduler.ts';
import { yielderFor } from '../runtime/event-loop-yielder.ts';
import type { CacheWriter } from './cache-writer.ts';
import { hintFor, isPermanent } from '../errors/hints.ts';

export type ListWatchClient = Pick<Client, 'list' | 'watch'>;

export interface ReflectorDeps<T extends KubeObject> {
  readonly client: ListWatchClient;
  readonly resource: APIResource;
  readonly listSelector: ListSelector;
  readonly scheduler: Scheduler;
  readonly log: Logger;
  /** Objects per page of a list. */
  readonly pageSize: number;
  readonly cacheWriter: CacheWriter<T>;
  /** Called each time a list is complete. */
  readonly listed: () => void;
}

/** Counts since the start; for metrics and tests. */
export interface ReflectorStats {
  readonly lists: number;
  readonly watches: number;
  readonly events: number;
  /** Lists and watches that ended with an error. */
  readonly failures: number;
}

const BACKOFF = { baseMs: 200, maxMs: 30_000 };
/** A watch that stays open this long resets the backoff. */
const HEALTHY_AFTER_MS = 10_000;
/** The first events of a new watch are older than the watch; after this time it has caught up. */
const CATCH_UP_MS = 5000;
/** A starting server denies allowed requests until it has loaded its RBAC rules. */
const QUICK_TRIES = 4;
/** Delay between further attempts after a permanent error; up to 50 % more by jitter. */
const SLOW_RETRY_MS = 10_000;
/** The server ends a watch after this; up to a tenth more, so that watches do not end together. */
const WATCH_SECONDS = 290;
/** How long a watch may outlive its own end before it counts as half-open. */
const SILENCE_GRACE_MS = 15_000;
/** A page this large holds the event loop for some 40 ms; a list that never ends is worse. */
const MAX_PAGE_SIZE = 1000;

interface Cursor {
  /** '' for the first page. */
  token: string;
  pageSize: number;
}

/**
 * Keeps a cache in sync with the server: lists once, then watches from the last version, even after
 * errors. Only a 410 (the version has expired) makes it list again.
 */
export class Reflector<T extends KubeObject> {
  readonly #deps: ReflectorDeps<T>;
  readonly #backoff: Backoff;
  #mustList = true;
  #cursor: Cursor;
  #openedAt: number | undefined;
  #lastError: Error | undefined;
  #stats = { lists: 0, watches: 0, events: 0, failures: 0 };
  #askedAt = 0;
  #currentAsOf = 0;
  #watchdog: Watchdog | undefined;
  /** `currentAsOf` at the last `restartWatch`: each silent period restarts the watch only once. */
  #reopenedIn = -1;

  constructor(deps: ReflectorDeps<T>) {
    this.#deps = deps;
    this.#backoff = new Backoff(BACKOFF, deps.scheduler);
    this.#cursor = { token: '', pageSize: deps.pageSize };
  }

  /** The error of the last attempt; `undefined` after a success. */
  get lastError(): Error | undefined {
    return this.#lastError;
  }

  /** Time of the last message of the server: until then, the cache is complete. */
  get currentAsOf(): number {
    return this.#currentAsOf;
  }

  get stats(): ReflectorStats {
    return { ...this.#stats };
  }

  /**
   * Ends a watch that is known to be stale, and opens another: once per silent period, because a
   * second restart would not change the result.
   */
  restartWatch(why: string): void {
    if (this.#reopenedIn === this.#currentAsOf) return;
    this.#reopenedIn = this.#currentAsOf;
    this.#watchdog?.expire(why);
  }

  /** Resolves when `signal` aborts, never rejects. */
  async run(signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      const delayMs = await this.#round(signal);
      if (delayMs > 0) await sleep(this.#deps.scheduler, delayMs, signal);
    }
  }

  /** One list if needed and one watch; answers how long to wait before the next round. */
  async #round(signal: AbortSignal): Promise<number> {
    this.#openedAt = undefined;
    try {
      if (this.#mustList) await this.#list(signal);
      await this.#watch(signal);
      return this.#wasHealthy() ? 0 : this.#backoff.next();
    } catch (error) {
      return signal.aborted ? 0 : this.#failed(error);
    }
  }

  async #list(signal: AbortSignal): Promise<void> {
    const { client, resource, listSelector, scheduler, cacheWriter } = this.#deps;
    for (;;) {
      const { token, pageSize } = this.#cursor;
      // All pages show the state of the first one, however long the others take.
      if (token === '') this.#askedAt = scheduler.now();
      const options = { ...listSelector, limit: pageSize, continue: token, signal };
      const page = await client.list<T>(resource, options);
      // Parsing a page and taking it in are a turn of the event loop each.
      await yielderFor(scheduler).next();
      signal.throwIfAborted();
      if (token === '') cacheWriter.beginList(page.resourceVersion);
      for (const item of page.items) cacheWriter.applyListed(item);
      this.#cursor.token = page.continue ?? '';
      if (this.#cursor.token === '') break;
    }
    await this.#finishList(signal);
  }

  async #finishList(signal: AbortSignal): Promise<void> {
    const { scheduler, cacheWriter, pageSize, listed } = this.#deps;
    const yielder = yielderFor(scheduler);
    for (const _step of cacheWriter.endList()) if (yielder.shouldYield) await yielder.next();
    signal.throwIfAborted();
    this.#mustList = false;
    this.#cursor = { token: '', pageSize };
    this.#stats.lists += 1;
    this.#currentAsOf = this.#askedAt;
    this.#recovered();
    listed();
  }

  async #watch(signal: AbortSignal): Promise<void> {
    const { client, resource, listSelector, scheduler, cacheWriter } = this.#deps;
    const { resourceVersion } = cacheWriter;
    const timeoutSeconds = Math.floor(WATCH_SECONDS * (1 + scheduler.random() / 10));
    const watchdog = new Watchdog(scheduler, timeoutSeconds * 1000 + SILENCE_GRACE_MS, signal);
    this.#watchdog = watchdog;
    const opened = (): void => {
      this.#opened();
    };
    const options = { ...listSelector, resourceVersion, timeoutSeconds, opened };
    const yielder = yielderFor(scheduler);
    try {
      for await (const event of client.watch<T>(resource, {
        ...options,
        signal: watchdog.signal,
      })) {
        if (signal.aborted) return;
        watchdog.reset();
        if (this.#stoodFor(CATCH_UP_MS)) this.#currentAsOf = scheduler.now();
        this.#stats.events += 1;
        cacheWriter.applyEvent(event);
        if (yielder.shouldYield) await yielder.next();
      }
    } finally {
      watchdog.stop();
      this.#watchdog = undefined;
    }
  }

  #opened(): void {
    this.#openedAt = this.#deps.scheduler.elapsed();
    this.#stats.watches += 1;
    this.#recovered();
  }

  #wasHealthy(): boolean {
    const healthy = this.#stoodFor(HEALTHY_AFTER_MS);
    if (healthy) this.#backoff.reset();
    return healthy;
  }

  #stoodFor(ms: number): boolean {
    return this.#openedAt !== undefined && this.#deps.scheduler.elapsed() - this.#openedAt >= ms;
  }

  #failed(error: unknown): number {
    if (isGone(error)) this.#startOver();
    this.#wasHealthy();
    const delayMs = this.#delayAfter(error);
    this.#report(error, delayMs);
    return delayMs;
  }

  /** A list whose token expired was too slow: larger pages need fewer requests. */
  #startOver(): void {
    const { token, pageSize } = this.#cursor;
    const larger = Math.max(pageSize, Math.min(MAX_PAGE_SIZE, pageSize * 4));
    const next = token === '' ? pageSize : larger;
    this.#cursor = { token: '', pageSize: next };
    this.#mustList = true;
  }

  #delayAfter(error: unknown): number {
    const { scheduler } = this.#deps;
    const delayMs = this.#backoff.next();
    if (isPermanent(error) && this.#backoff.failures > QUICK_TRIES) {
      return Math.floor(SLOW_RETRY_MS * (1 + scheduler.random() / 2));
    }
    return delayMs + (error instanceof KubeError ? (error.retryAfterMs ?? 0) : 0);
  }

  /** Logs a repeated error at debug level. */
  #report(error: unknown, retryInMs: number): void {
    const { log, resource } = this.#deps;
    const err = error instanceof Error ? error : new Error(String(error));
    const known = this.#lastError !== undefined && summarize(err) === summarize(this.#lastError);
    this.#lastError = err;
    this.#stats.failures += 1;
    const doing = this.#mustList ? 'list' : 'watch';
    const hint = hintFor(resource, error);
    const level = known || isGone(error) ? 'debug' : 'warn';
    const fields = { doing, err, retryInMs, ...(hint !== '' && { hint }) };
    log[level]('failed to list or watch a resource, will retry', fields);
  }

  #recovered(): void {
    if (this.#lastError === undefined) return;
    this.#lastError = undefined;
    this.#deps.log.info('list and watch recovered');
  }
}

/** Identifies equal errors; the URL of a watch differs each time. */
const summarize = (error: Error): string =>
  error instanceof KubeError ? `${error.status} ${error.server.message ?? ''}` : error.message;

/** Ends a watch after a silent period, or on demand. Uses one timer, not one per event. */
class Watchdog {
  readonly #scheduler: Scheduler;
  readonly #silenceMs: number;
  readonly #link: DeadlineSignal;
  #lastEventAt: number;
  #timer: { cancel(): void };

  constructor(scheduler: Scheduler, silenceMs: number, outer: AbortSignal) {
    this.#scheduler = scheduler;
    this.#silenceMs = silenceMs;
    this.#link = new DeadlineSignal(outer);
    this.#lastEventAt = scheduler.elapsed();
    this.#timer = this.#start(silenceMs);
  }

  get signal(): AbortSignal {
    return this.#link.signal;
  }

  reset(): void {
    this.#lastEventAt = this.#scheduler.elapsed();
  }

  expire(why: string): void {
    this.#link.abort(new Error(why));
  }

  stop(): void {
    this.#timer.cancel();
    this.#link.dispose();
  }

  #start(delayMs: number): { cancel(): void } {
    return this.#scheduler.after(delayMs, () => {
      const left = this.#lastEventAt + this.#silenceMs - this.#scheduler.elapsed();
      if (left > 0) this.#timer = this.#start(left);
      else this.expire(`the watch was silent for ${this.#silenceMs / 1000} s`);
    });
  }
}
