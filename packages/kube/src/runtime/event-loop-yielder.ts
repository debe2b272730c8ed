// SPDX-License-Identifier: Apache-2.0
import type { Scheduler } from './scheduler.ts';

/** Well below the 15 ms that nothing on the event loop may exceed. */
const TURN_MS = 8;

/**
 * Shares the event loop among long pieces of work. All that wait for a turn get one each, in order,
 * and between two of them the loop sees to everything else.
 */
export class EventLoopYielder {
  readonly #scheduler: Scheduler;
  readonly #waiting: (() => void)[] = [];
  #began: number;

  constructor(scheduler: Scheduler) {
    this.#scheduler = scheduler;
    this.#began = scheduler.elapsed();
  }

  /** Whether the work at hand should await `next()` now. Told apart so that most work awaits nothing. */
  get shouldYield(): boolean {
    return this.#scheduler.elapsed() - this.#began >= TURN_MS;
  }

  /** Resolves when it is the caller's turn. */
  next(): Promise<void> {
    return new Promise((resolve) => {
      this.#waiting.push(resolve);
      if (this.#waiting.length === 1) this.#arm();
    });
  }

  #arm(): void {
    this.#scheduler.after(0, () => {
      this.#began = this.#scheduler.elapsed();
      this.#waiting.shift()?.();
      if (this.#waiting.length > 0) this.#arm();
    });
  }
}

const known = new WeakMap<Scheduler, EventLoopYielder>();

/** The turns of the one event loop that this scheduler stands for. */
export function yielderFor(scheduler: Scheduler): EventLoopYielder {
  const yielder = known.get(scheduler) ?? new EventLoopYielder(scheduler);
  known.set(scheduler, yielder);
  return yielder;
}
