// SPDX-License-Identifier: Apache-2.0
import { exponential } from '../runtime/backoff.ts';
import type { Scheduler } from '../runtime/scheduler.ts';
import { DelayedList } from './delayed-list.ts';
import { ReadyList } from './ready-list.ts';

/** Observes one queue; times are in milliseconds. */
export interface QueueMetrics {
  /** A key that was not waiting now waits. */
  added(): void;
  /** How many keys wait for a worker, after each change. */
  depth(depth: number): void;
  /** A key was put off after a failure. */
  retried(): void;
  /** A worker took a key that had waited so long. */
  started(waitedMs: number, key: string): void;
  finished(workedMs: number, key: string): void;
}

export interface QueueOptions {
  readonly scheduler: Scheduler;
  /** First delay after a failure, doubled with each further one. Default 5. */
  readonly baseDelayMs?: number | undefined;
  /** Default 1,000,000 (about 17 minutes). */
  readonly maxDelayMs?: number | undefined;
  /** `full`: each delay uniform between 0 and its bound. Default `none`. */
  readonly jitter?: 'none' | 'full' | undefined;
  readonly metrics?: QueueMetrics | undefined;
}

export interface AddOptions {
  /** Higher goes first. Default 0. */
  readonly priority?: number | undefined;
}

export interface RateLimitOptions extends AddOptions {
  /** Default 0. */
  readonly atLeastMs?: number | undefined;
}

/** Priority of objects from an initial list: real changes come first. */
export const LOW_PRIORITY = -100;

const NO_METRICS: QueueMetrics = {
  added: () => undefined,
  depth: () => undefined,
  retried: () => undefined,
  started: () => undefined,
  finished: () => undefined,
};

interface Work {
  readonly startedAt: number;
  /** When the add came that this work answers. */
  readonly addedAt: number;
  /** Set when the key was added again meanwhile: it runs once more. */
  again: { readonly priority: number; readonly addedAt: number } | undefined;
}

/**
 * Keys to be worked on. A key waits at most once and is worked on by one worker at a time; added
 * during work, it runs once more afterwards. No key is lost until `shutDown`.
 */
export class WorkQueue {
  readonly #options: QueueOptions;
  readonly #metrics: QueueMetrics;
  readonly #ready = new ReadyList();
  readonly #readySince = new Map<string, number>();
  readonly #delayed: DelayedList;
  readonly #working = new Map<string, Work>();
  readonly #failures = new Map<string, number>();
  readonly #idle: ((key: string | undefined) => void)[] = [];
  #closed = false;

  constructor(options: QueueOptions) {
    this.#options = options;
    this.#metrics = options.metrics ?? NO_METRICS;
    this.#delayed = new DelayedList(options.scheduler, (key, priority) => {
      this.add(key, { priority });
    });
  }

  /** How many keys wait for a worker. */
  get length(): number {
    return this.#ready.size;
  }

  /** How many keys will be added later. */
  get delayed(): number {
    return this.#delayed.size;
  }

  get isShutDown(): boolean {
    return this.#closed;
  }

  add(key: string, { priority = 0 }: AddOptions = {}): void {
    if (this.#closed) return;
    const work = this.#working.get(key);
    const addedAt = this.#options.scheduler.elapsed();
    if (work === undefined) this.#enqueue(key, { priority, addedAt });
    else {
      const again = work.again ?? { priority, addedAt };
      work.again = { ...again, priority: Math.max(priority, again.priority) };
    }
  }

  /** Adds later. Of several delayed adds of a key the earliest counts; an `add` does not cancel it. */
  addAfter(key: string, delayMs: number, { priority = 0 }: AddOptions = {}): void {
    if (this.#closed) return;
    if (delayMs <= 0) this.add(key, { priority });
    else this.#delayed.add(key, delayMs, priority);
  }

  /** Adds after a delay that grows with each call until `forget`. Returns the delay, milliseconds. */
  addRateLimited(key: string, { atLeastMs = 0, ...options }: RateLimitOptions = {}): number {
    const delayMs = Math.max(atLeastMs, this.#nextDelay(key));
    this.#metrics.retried();
    this.addAfter(key, delayMs, options);
    return delayMs;
  }

  /** The key went well: its next failure starts from the smallest delay. */
  forget(key: string): void {
    this.#failures.delete(key);
  }

  /** Failures since the last `forget`. */
  failures(key: string): number {
    return this.#failures.get(key) ?? 0;
  }

  /**
   * When the add came that the work on this key answers, in `elapsed` milliseconds; of several adds the
   * first. `undefined` while no worker has it.
   */
  addedAt(key: string): number | undefined {
    return this.#working.get(key)?.addedAt;
  }

  /** The next key, to be given back with `done`; `undefined` when the queue is shut down. */
  get(): Promise<string | undefined> {
    if (this.#closed) return Promise.resolve(undefined);
    const key = this.#ready.take();
    if (key !== undefined) return Promise.resolve(this.#begin(key));
    return new Promise((resolve) => this.#idle.push(resolve));
  }

  done(key: string): void {
    const work = this.#working.get(key);
    if (work === undefined) return;
    this.#working.delete(key);
    this.#metrics.finished(this.#options.scheduler.elapsed() - work.startedAt, key);
    if (work.again !== undefined && !this.#closed) this.#enqueue(key, work.again);
  }

  /** Drops waiting keys; workers get `undefined`. Running work may still call `done`. */
  shutDown(): void {
    this.#closed = true;
    this.#delayed.clear();
    this.#ready.clear();
    this.#readySince.clear();
    this.#metrics.depth(0);
    for (const resolve of this.#idle.splice(0)) resolve(undefined);
  }

  #enqueue(
    key: string,
    { priority, addedAt }: { readonly priority: number; readonly addedAt: number },
  ): void {
    if (this.#ready.add(key, priority)) {
      this.#readySince.set(key, addedAt);
      this.#metrics.added();
      this.#metrics.depth(this.#ready.size);
    }
    const worker = this.#idle.shift();
    if (worker === undefined) return;
    const next = this.#ready.take();
    worker(next === undefined ? undefined : this.#begin(next));
  }

  #begin(key: string): string {
    const now = this.#options.scheduler.elapsed();
    const addedAt = this.#readySince.get(key) ?? now;
    this.#working.set(key, { startedAt: now, addedAt, again: undefined });
    this.#metrics.started(now - addedAt, key);
    this.#metrics.depth(this.#ready.size);
    this.#readySince.delete(key);
    return key;
  }

  #nextDelay(key: string): number {
    const { scheduler, jitter = 'none', baseDelayMs = 5, maxDelayMs = 1_000_000 } = this.#options;
    const failures = this.failures(key);
    this.#failures.set(key, failures + 1);
    const bound = exponential({ baseMs: baseDelayMs, maxMs: maxDelayMs }, failures);
    return jitter === 'none' ? bound : Math.ceil(scheduler.random() * bound);
  }
}
