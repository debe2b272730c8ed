// SPDX-License-Identifier: Apache-2.0
import type { Scheduler } from './scheduler.ts';

export interface BackoffOptions {
  readonly baseMs: number;
  readonly maxMs: number;
}

/** `baseMs` doubled per failure, up to `maxMs`. */
export const exponential = ({ baseMs, maxMs }: BackoffOptions, failures: number): number =>
  Math.min(maxMs, baseMs * 2 ** Math.min(failures, 52));

/** Growing delays with full jitter, so that many clients of a server that comes back spread out. */
export class Backoff {
  readonly #options: BackoffOptions;
  readonly #scheduler: Scheduler;
  #failures = 0;

  constructor(options: BackoffOptions, scheduler: Scheduler) {
    this.#options = options;
    this.#scheduler = scheduler;
  }

  /** Since the last reset. */
  get failures(): number {
    return this.#failures;
  }

  /** Uniform between 1 ms and the bound of this failure. */
  next(): number {
    const bound = exponential(this.#options, this.#failures);
    this.#failures += 1;
    return Math.max(1, Math.floor(this.#scheduler.random() * bound));
  }

  reset(): void {
    this.#failures = 0;
  }
}
