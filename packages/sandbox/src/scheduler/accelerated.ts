// SPDX-License-Identifier: Apache-2.0
import { realScheduler, type Scheduler, type Timer } from '@altershield/kube';
import { seededRandom, type Random } from './random.ts';

/** Real timers, `factor` times as fast: `now()` and every delay are in simulated milliseconds. */
export class AcceleratedScheduler implements Scheduler {
  readonly #factor: number;
  readonly #random: Random;
  readonly #base: Scheduler;
  readonly #startedAt: number;

  constructor(factor: number, { seed = 1, base = realScheduler } = {}) {
    if (!(factor > 0)) throw new Error(`accelerate the clock by ${factor}: must be more than 0`);
    this.#factor = factor;
    this.#random = seededRandom(seed);
    this.#base = base;
    this.#startedAt = base.now();
  }

  now(): number {
    const elapsed = this.#base.now() - this.#startedAt;
    return Math.floor(this.#startedAt + elapsed * this.#factor);
  }

  elapsed(): number {
    return this.#base.elapsed() * this.#factor;
  }

  random(): number {
    return this.#random();
  }

  after(delayMs: number, run: () => void): Timer {
    return this.#base.after(delayMs / this.#factor, run);
  }
}
