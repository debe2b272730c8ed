// SPDX-License-Identifier: Apache-2.0
import type { Scheduler } from './scheduler.ts';

/** Well below 15 ms, the limit for blocking the event loop. */
const TURN_MS = 8;

/**
 * Lets long computations yield to the event loop. Waiting computations continue one at a time, in
 * order, and the event loop handles other work in between.
 */
export class EventLoopYielder {
  readonly #scheduler: Scheduler;
  readonly #waiting: (() => void)[] = [];
  #began: number;

  constructor(scheduler: Scheduler) {
    this.#scheduler = scheduler;
    this.#began = scheduler.elapsed();
  }

  /** Whether the caller should await `next()` now. Separate from it, so that short work never awaits. */
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

/** The yielder of the event loop behind this scheduler. */
export function yielderFor(scheduler: Scheduler): EventLoopYielder {
  const yielder = known.get(scheduler) ?? new EventLoopYielder(scheduler);
  known.set(scheduler, yielder);
  return yielder;
}
