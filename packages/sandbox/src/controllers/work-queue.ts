// SPDX-License-Identifier: Apache-2.0
import type { Scheduler, Timer } from '@altershield/kube';
import { within, type Span } from '../scheduler/random.ts';

export interface WorkQueueOptions {
  readonly scheduler: Scheduler;
  /** From a change to the reconcile that it causes. */
  readonly latency: Span;
  readonly reconcile: (key: string) => Promise<void>;
  /** Called with the error of reconcile; the key is retried in any case. */
  readonly onError?: (key: string, error: unknown) => void;
  /** After this many failed retries a key is dropped until it is added again. Default: never. */
  readonly maxRetries?: number;
  /** The longest pause before a retry. Default 5 s. */
  readonly maxRetryMs?: number;
}

const RETRY_MS = 5;
const MAX_RETRY_MS = 5_000;

/** A work queue with one reconcile at a time per key; failures are retried ever more slowly. */
export class WorkQueue {
  readonly #options: WorkQueueOptions;
  readonly #timers = new Map<string, Timer>();
  readonly #running = new Set<string>();
  readonly #again = new Set<string>();
  readonly #failures = new Map<string, number>();
  #isStopped = false;

  constructor(options: WorkQueueOptions) {
    this.#options = options;
  }

  /** Reconciles the key soon; several adds before that run once. */
  add(key: string): void {
    const { scheduler, latency } = this.#options;
    this.#schedule(
      `${key} now`,
      key,
      within(latency, () => scheduler.random()),
    );
  }

  /** Reconciles the key after `delayMs`; a later call replaces an earlier one. */
  addAfter(key: string, delayMs: number): void {
    this.#timers.get(`${key} later`)?.cancel();
    this.#timers.delete(`${key} later`);
    this.#schedule(`${key} later`, key, delayMs);
  }

  /** Drops waiting keys; running reconciles finish. */
  stop(): void {
    this.#isStopped = true;
    for (const timer of this.#timers.values()) timer.cancel();
    this.#timers.clear();
    this.#again.clear();
  }

  start(): void {
    this.#isStopped = false;
  }

  #schedule(slot: string, key: string, delayMs: number): void {
    if (this.#isStopped || this.#timers.has(slot)) return;
    const timer = this.#options.scheduler.after(delayMs, () => {
      this.#timers.delete(slot);
      this.#run(key);
    });
    this.#timers.set(slot, timer);
  }

  #run(key: string): void {
    if (this.#running.has(key)) {
      this.#again.add(key);
      return;
    }
    this.#running.add(key);
    this.#options
      .reconcile(key)
      .then(
        () => this.#failures.delete(key),
        (error: unknown) => {
          this.#fail(key, error);
        },
      )
      .finally(() => {
        this.#running.delete(key);
        if (this.#again.delete(key)) this.add(key);
      });
  }

  #fail(key: string, error: unknown): void {
    const failures = (this.#failures.get(key) ?? 0) + 1;
    const { scheduler, latency, maxRetries = Infinity, maxRetryMs = MAX_RETRY_MS } = this.#options;
    this.#options.onError?.(key, error);
    if (failures > maxRetries) {
      this.#failures.delete(key);
      return;
    }
    this.#failures.set(key, failures);
    const backoff = Math.min(RETRY_MS * 2 ** (failures - 1), maxRetryMs);
    const delay = backoff + within(latency, () => scheduler.random());
    this.#schedule(`${key} retry`, key, delay);
  }
}
