// SPDX-License-Identifier: Apache-2.0
import type { Scheduler, Timer } from '../../../kube/src/runtime/scheduler.ts';

interface Pending {
  readonly at: number;
  readonly order: number;
  readonly run: () => void;
}

/** A clock that moves only when the test says so. The same seed gives the same run. */
export class VirtualScheduler implements Scheduler {
  #now = Date.parse('2026-01-01T00:00:00Z');
  #ahead = 0;
  #order = 0;
  #state: number;
  readonly #pending = new Set<Pending>();

  constructor(seed = 1) {
    this.#state = seed;
  }

  now(): number {
    return this.#now + this.#ahead;
  }

  elapsed(): number {
    return this.#now;
  }

  /** Changes the wall clock; timers are not affected. */
  setForward(ms: number): void {
    this.#ahead += ms;
  }

  /** Simulates synchronous work of this duration: no timer runs meanwhile. */
  pass(ms: number): void {
    this.#now += ms;
  }

  /** mulberry32. */
  random(): number {
    this.#state = (this.#state + 0x6d2b79f5) | 0;
    let t = Math.imul(this.#state ^ (this.#state >>> 15), 1 | this.#state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32;
  }

  after(delayMs: number, run: () => void): Timer {
    const pending = { at: this.#now + Math.max(0, delayMs), order: this.#order, run };
    this.#order += 1;
    this.#pending.add(pending);
    return { cancel: () => this.#pending.delete(pending) };
  }

  get timers(): number {
    return this.#pending.size;
  }

  /** Runs everything that is due within `ms`, in order, with all promises settled in between. */
  async advance(ms: number): Promise<void> {
    const end = this.#now + ms;
    await settlePromises();
    for (let steps = 0; ; steps += 1) {
      const next = this.#next();
      if (next === undefined || next.at > end) break;
      if (steps > 200_000) throw new Error('a busy loop: timers never run out');
      this.#pending.delete(next);
      this.#now = Math.max(this.#now, next.at);
      next.run();
      await settlePromises();
    }
    this.#now = end;
  }

  #next(): Pending | undefined {
    let first: Pending | undefined;
    for (const it of this.#pending) {
      if (first === undefined || it.at < first.at || (it.at === first.at && it.order < first.order))
        first = it;
    }
    return first;
  }
}

/** Node runs immediates only when no promise is left to settle. */
export const settlePromises = (): Promise<void> =>
  new Promise((resolve) => {
    setImmediate(resolve);
  });
