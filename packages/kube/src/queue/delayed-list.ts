// SPDX-License-Identifier: Apache-2.0
import type { Scheduler, Timer } from '../runtime/scheduler.ts';

interface Delayed {
  readonly at: number;
  readonly priority: number;
  readonly timer: Timer;
}

/** Keys that will be due later, each once: the earliest time and the highest priority win. */
export class DelayedList {
  readonly #scheduler: Scheduler;
  readonly #due: (key: string, priority: number) => void;
  readonly #delayed = new Map<string, Delayed>();

  constructor(scheduler: Scheduler, due: (key: string, priority: number) => void) {
    this.#scheduler = scheduler;
    this.#due = due;
  }

  get size(): number {
    return this.#delayed.size;
  }

  add(key: string, delayMs: number, priority: number): void {
    const at = this.#scheduler.elapsed() + delayMs;
    const known = this.#delayed.get(key);
    if (known !== undefined && known.at <= at && known.priority >= priority) return;
    known?.timer.cancel();
    this.#start(
      key,
      Math.min(at, known?.at ?? at),
      Math.max(priority, known?.priority ?? priority),
    );
  }

  clear(): void {
    for (const { timer } of this.#delayed.values()) timer.cancel();
    this.#delayed.clear();
  }

  #start(key: string, at: number, priority: number): void {
    const timer = this.#scheduler.after(Math.max(0, at - this.#scheduler.elapsed()), () => {
      this.#delayed.delete(key);
      this.#due(key, priority);
    });
    this.#delayed.set(key, { at, priority, timer });
  }
}
