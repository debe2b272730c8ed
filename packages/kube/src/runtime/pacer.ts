// SPDX-License-Identifier: Apache-2.0
import { sleep, type Scheduler } from './scheduler.ts';

/** Well below the 15 ms that nothing on the event loop may exceed. */
const TURN_MS = 8;

/** Lets a long piece of work give way to everything else once it has had its turn. */
export class Pacer {
  readonly #scheduler: Scheduler;
  #turnBegan: number;

  constructor(scheduler: Scheduler) {
    this.#scheduler = scheduler;
    this.#turnBegan = scheduler.now();
  }

  /** True when the turn is over: `await pause()` then. Told apart so that most events await nothing. */
  get isDue(): boolean {
    return this.#scheduler.now() - this.#turnBegan >= TURN_MS;
  }

  async pause(): Promise<void> {
    await sleep(this.#scheduler, 0);
    this.#turnBegan = this.#scheduler.now();
  }
}
