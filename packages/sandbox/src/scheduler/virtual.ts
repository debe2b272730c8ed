// SPDX-License-Identifier: Apache-2.0
import type { Scheduler, Timer } from '@altershield/kube';
import { Heap } from './heap.ts';
import { seededRandom, type Random } from './random.ts';

const DEFAULT_START = Date.UTC(2026, 0, 1);
const DEFAULT_MAX_MS = 600_000;
const DEFAULT_MAX_TASKS = 5_000_000;

/** Says which of `count` tasks that are due at the same instant runs next: 0 is the oldest. */
export type ChooseTask = (count: number) => number;

export interface VirtualOptions {
  /** Determines `random()` and, with `order: 'shuffled'`, the order of simultaneous tasks. Default 1. */
  readonly seed?: number;
  /** Where the clock starts, in epoch milliseconds. Default 2026-01-01T00:00:00Z. */
  readonly startMs?: number;
  /** Order of tasks due at the same instant: first in, first out (default), by seed, or by a function. */
  readonly order?: 'fifo' | 'shuffled' | ChooseTask;
  /** A run with more tasks than this counts as one without an end. Default 5,000,000. */
  readonly maxTasks?: number;
}

interface Task {
  readonly due: number;
  readonly sequence: number;
  run: (() => void) | undefined;
}

/**
 * A clock that a test owns. Time passes only inside `run…` and jumps from task to task. After each
 * task every promise that can settle has settled before the next task starts, so one seed gives
 * one run, provided that no sockets, thread pool or real timers take part in it.
 */
export class VirtualScheduler implements Scheduler {
  readonly #random: Random;
  readonly #choose: ChooseTask;
  readonly #waiting = new Heap<Task>((a, b) =>
    a.due === b.due ? a.sequence < b.sequence : a.due < b.due,
  );
  readonly #ready: Task[] = [];
  #now: number;
  #sequence = 0;
  #tasksRun = 0;
  #isRunning = false;
  readonly #maxTasks: number;

  constructor(options: VirtualOptions = {}) {
    const { seed = 1, startMs = DEFAULT_START, order = 'fifo' } = options;
    this.#maxTasks = options.maxTasks ?? DEFAULT_MAX_TASKS;
    this.#now = startMs;
    this.#random = seededRandom(seed);
    // A separate generator: random numbers of the program must not change the order of tasks.
    const orderRandom = seededRandom(seed ^ 0x5bd1e995);
    this.#choose = chooser(order, orderRandom);
  }

  now(): number {
    return Math.floor(this.#now);
  }

  elapsed(): number {
    return this.now();
  }

  random(): number {
    return this.#random();
  }

  after(delayMs: number, run: () => void): Timer {
    const due = this.#now + Math.max(0, delayMs);
    const task: Task = { due, sequence: this.#sequence++, run };
    if (due === this.#now) this.#ready.push(task);
    else this.#waiting.push(task);
    return {
      cancel: () => {
        task.run = undefined;
      },
    };
  }

  /** How many tasks have run so far: equal for equal seeds. */
  get tasksRun(): number {
    return this.#tasksRun;
  }

  /** Runs until no task is left, or the clock reads `until` (epoch milliseconds). */
  async run({ until = Infinity }: { readonly until?: number } = {}): Promise<void> {
    await this.#loop(() => false, until);
    if (Number.isFinite(until)) this.#now = Math.max(this.#now, until);
  }

  runFor(ms: number): Promise<void> {
    return this.run({ until: this.#now + ms });
  }

  /** Runs until `holds()`, looking after every task; rejects when `maxMs` (600,000) pass in vain. */
  async runUntil(
    holds: () => boolean,
    { maxMs = DEFAULT_MAX_MS, what = 'the condition' }: { maxMs?: number; what?: string } = {},
  ): Promise<void> {
    await this.#loop(holds, this.#now + maxMs);
    if (!holds()) throw new Error(`waited ${maxMs} virtual ms for ${what}, which did not hold`);
  }

  /** Runs until `promise` settles, and returns its result. */
  async complete<T>(promise: Promise<T>, options: { maxMs?: number } = {}): Promise<T> {
    let isSettled = false;
    const settle = (): void => {
      isSettled = true;
    };
    promise.then(settle, settle);
    await this.runUntil(() => isSettled, { what: 'the promise', ...options });
    return promise;
  }

  async #loop(isDone: () => boolean, until: number): Promise<void> {
    if (this.#isRunning) throw new Error('run the virtual scheduler: it is running already');
    this.#isRunning = true;
    const limit = this.#tasksRun + this.#maxTasks;
    try {
      await drainPromises();
      while (!isDone() && this.#prepare(until)) {
        this.#runOne();
        await drainPromises();
        if (this.#tasksRun > limit) throw new Error(`${this.#maxTasks} tasks ran without an end`);
      }
    } finally {
      this.#isRunning = false;
    }
  }

  /** Fills the ready list, moving the clock when needed; false if no task is due before `until`. */
  #prepare(until: number): boolean {
    this.#dropCanceled();
    if (this.#ready.length > 0) return true;
    const next = this.#waiting.peek();
    if (next === undefined || next.due > until) return false;
    this.#now = next.due;
    while (this.#waiting.peek()?.due === this.#now) {
      const task = this.#waiting.pop();
      if (task?.run !== undefined) this.#ready.push(task);
    }
    return true;
  }

  #dropCanceled(): void {
    while (this.#ready[0] !== undefined && this.#ready[0].run === undefined) this.#ready.shift();
    while (this.#waiting.size > 0 && this.#waiting.peek()?.run === undefined) this.#waiting.pop();
  }

  #runOne(): void {
    const at = this.#ready.length === 1 ? 0 : this.#choose(this.#ready.length);
    const [task] = this.#ready.splice(at, 1);
    const run = task?.run;
    if (run === undefined) return;
    this.#tasksRun += 1;
    run();
  }
}

function chooser(order: 'fifo' | 'shuffled' | ChooseTask, random: Random): ChooseTask {
  if (typeof order === 'function') return order;
  return order === 'fifo' ? () => 0 : (count) => Math.floor(random() * count);
}

/** Node empties both its promise and its nextTick queues before it runs an immediate. */
function drainPromises(): Promise<void> {
  return new Promise((resolve) => {
    setImmediate(resolve);
  });
}
