// SPDX-License-Identifier: Apache-2.0
import type { Scheduler } from '@altershield/kube';

/** Failures in a row after which the source is left alone for a while. */
const FAILURES = 3;
const FIRST_PAUSE_MS = 10_000;
const LONGEST_PAUSE_MS = 60_000;

/**
 * Leaves a source that fails alone, for twice as long each time: a server in trouble does not need
 * more queries, and a check need not wait for a time-out to learn what is known.
 */
export class CircuitBreaker {
  readonly #scheduler: Pick<Scheduler, 'elapsed'>;
  #failures = 0;
  #closesAt = 0;

  constructor(scheduler: Pick<Scheduler, 'elapsed'>) {
    this.#scheduler = scheduler;
  }

  /** The source is left alone now. */
  get isOpen(): boolean {
    return this.#scheduler.elapsed() < this.#closesAt;
  }

  succeeded(): void {
    this.#failures = 0;
    this.#closesAt = 0;
  }

  failed(): void {
    this.#failures += 1;
    if (this.#failures < FAILURES) return;
    const pause = Math.min(LONGEST_PAUSE_MS, FIRST_PAUSE_MS * 2 ** (this.#failures - FAILURES));
    this.#closesAt = this.#scheduler.elapsed() + pause;
  }
}
