// SPDX-License-Identifier: Apache-2.0
import type { InformerEvent } from '../cache/cache-writer.ts';
import type { Informer } from '../cache/informer.ts';
import { keyOf, keyString, type KubeObject } from '../client/object.ts';
import { DeadlineSignal } from '../runtime/abort.ts';
import type { Logger } from '../runtime/logger.ts';
import type { Scheduler } from '../runtime/scheduler.ts';
import { yielderFor } from '../runtime/event-loop-yielder.ts';
import {
  LOW_PRIORITY,
  WorkQueue,
  type AddOptions,
  type QueueMetrics,
  type QueueOptions,
} from '../queue/work-queue.ts';
import {
  outcomeOf,
  outcomeOfError,
  settle,
  type Outcome,
  type ReconcileResult,
  type Result,
} from './outcome.ts';

export interface ReconcileContext {
  /** Carries the controller's name and the key. */
  readonly log: Logger;
  /** Aborts when the controller stops or the reconcile takes too long: no more writes then. */
  readonly signal: AbortSignal;
  /** When the event or timer came that this reconcile answers, in the scheduler's `elapsed` milliseconds. */
  readonly wokenAt: number;
}

/** Makes the world right for one key. It may run at any time and more often than needed. */
export type Reconcile = (
  key: string,
  context: ReconcileContext,
) => Promise<Result | undefined> | Promise<void>;

export interface ControllerMetrics {
  reconciled(call: {
    readonly controller: string;
    readonly result: ReconcileResult;
    readonly durationMs: number;
  }): void;
  /** How many workers of a controller are at work. */
  active?(controller: string, workers: number): void;
  queue?(controller: string): QueueMetrics;
}

export interface ControllerOptions {
  readonly name: string;
  readonly reconcile: Reconcile;
  readonly scheduler: Scheduler;
  readonly log: Logger;
  /** Keys worked on at a time. Default 1. */
  readonly workers?: number;
  readonly queue?: Omit<QueueOptions, 'scheduler' | 'metrics'>;
  readonly metrics?: ControllerMetrics | undefined;
  /** After which a reconcile's signal aborts. Default: never. */
  readonly timeoutMs?: number;
}

/** Which keys an event wakes. */
export type MapFunc<T extends KubeObject> = (
  event: InformerEvent<T>,
) => string | Iterable<string> | undefined;

export interface WatchOptions {
  /** Until an event wakes its keys: events of this long become one. Default: at once. */
  readonly delayMs?: () => number;
}

interface Source {
  readonly whenSynced: (signal: AbortSignal) => Promise<void>;
  /** Adds the keys that the objects wake that are there, a step per object. */
  readonly visit: () => Generator<void, void>;
}

/** Events of informers become keys; workers reconcile them. */
export class Controller {
  readonly name: string;
  readonly #options: ControllerOptions;
  readonly #log: Logger;
  readonly #queue: WorkQueue;
  readonly #sources: Source[] = [];
  #active = 0;
  #isWorking = false;

  constructor(options: ControllerOptions) {
    const { name, log, scheduler, metrics } = options;
    this.name = name;
    this.#options = options;
    this.#log = log.child({ controller: name });
    this.#queue = new WorkQueue({ ...options.queue, scheduler, metrics: metrics?.queue?.(name) });
  }

  get queue(): WorkQueue {
    return this.#queue;
  }

  /**
   * Objects that exist when the work begins come with a low priority, so that changes overtake
   * them. Before, no key is collected: a standby may wait for weeks.
   */
  watch<T extends KubeObject>(
    informer: Informer<T>,
    keysOf: MapFunc<T>,
    { delayMs = () => 0 }: WatchOptions = {},
  ): void {
    informer.onEvent((event) => {
      if (this.#isWorking) this.#wake(event, keysOf, delayMs());
    });
    const wake = (object: T): void => {
      this.#wake({ type: 'Added', object, initial: true }, keysOf, 0);
    };
    this.#sources.push({
      whenSynced: (signal) => informer.whenSynced(signal),
      *visit() {
        for (const object of informer.list()) {
          wake(object);
          yield;
        }
      },
    });
  }

  /** For wake-ups that no informer gives. */
  enqueue(key: string, options?: AddOptions): void {
    this.#queue.add(key, options);
  }

  enqueueAfter(key: string, delayMs: number, options?: AddOptions): void {
    this.#queue.addAfter(key, delayMs, options);
  }

  /**
   * Works from the moment all its informers are synced until `signal` aborts; resolves when the last
   * reconcile has ended. A controller is started once: its queue is shut down at the end.
   */
  async start(signal: AbortSignal): Promise<void> {
    try {
      await Promise.all(this.#sources.map((source) => source.whenSynced(signal)));
    } catch (error) {
      this.#queue.shutDown();
      if (signal.aborted) return;
      throw error;
    }
    if (signal.aborted) this.#queue.shutDown();
    const stop = (): void => {
      this.#queue.shutDown();
    };
    signal.addEventListener('abort', stop, { once: true });
    this.#isWorking = true;
    const { workers = 1 } = this.#options;
    const working = Array.from({ length: workers }, () => this.#work(signal));
    await Promise.all([this.#visitAll(signal), ...working]);
    signal.removeEventListener('abort', stop);
  }

  async #visitAll(signal: AbortSignal): Promise<void> {
    const yielder = yielderFor(this.#options.scheduler);
    for (const { visit } of this.#sources) {
      for (const _step of visit()) {
        if (yielder.shouldYield) await yielder.next();
        if (signal.aborted) return;
      }
    }
  }

  #wake<T extends KubeObject>(event: InformerEvent<T>, keysOf: MapFunc<T>, delayMs: number): void {
    try {
      const keys = keysOf(event) ?? [];
      const options = event.initial ? { priority: LOW_PRIORITY } : {};
      for (const key of typeof keys === 'string' ? [keys] : keys)
        this.#queue.addAfter(key, delayMs, options);
    } catch (err) {
      const object = keyString(keyOf(event.object));
      this.#log.error('failed to map event to reconcile keys', { object, err });
    }
  }

  async #work(signal: AbortSignal): Promise<void> {
    const yielder = yielderFor(this.#options.scheduler);
    for (;;) {
      const key = await this.#queue.get();
      if (key === undefined) return;
      this.#setActive(1);
      await this.#handle(key, signal);
      this.#setActive(-1);
      // Reconciles without work never await I/O: a thousand would run in one turn of the event loop.
      if (yielder.shouldYield) await yielder.next();
    }
  }

  async #handle(key: string, signal: AbortSignal): Promise<void> {
    const { scheduler, metrics } = this.#options;
    const log = this.#log.child({ key });
    const startedAt = scheduler.elapsed();
    const wokenAt = this.#queue.addedAt(key) ?? startedAt;
    const outcome = await this.#run(key, { log, wokenAt }, signal);
    const durationMs = scheduler.elapsed() - startedAt;
    const result = settle(key, outcome, { queue: this.#queue, log, durationMs });
    this.#queue.done(key);
    metrics?.reconciled({ controller: this.name, result, durationMs });
  }

  async #run(
    key: string,
    context: Omit<ReconcileContext, 'signal'>,
    stop: AbortSignal,
  ): Promise<Outcome> {
    const { reconcile, scheduler, timeoutMs } = this.#options;
    const link = new DeadlineSignal(stop);
    if (timeoutMs !== undefined) {
      link.arm(scheduler, timeoutMs, `the reconcile took longer than ${timeoutMs} ms`);
    }
    try {
      return outcomeOf((await reconcile(key, { ...context, signal: link.signal })) ?? undefined);
    } catch (error) {
      return outcomeOfError(error, stop.aborted);
    } finally {
      link.dispose();
    }
  }

  #setActive(step: 1 | -1): void {
    this.#active += step;
    this.#options.metrics?.active?.(this.name, this.#active);
  }
}
