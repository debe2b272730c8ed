// SPDX-License-Identifier: Apache-2.0
import { abortable } from '../runtime/abort.ts';
import type { Logger } from '../runtime/logger.ts';
import type { Scheduler } from '../runtime/scheduler.ts';
import type { Runnable, RunnableGroup } from './runnable.ts';
import { whenAborted } from './when-aborted.ts';

export interface ManagerOptions {
  /** In the order of starting: each group is ready before the next one starts. */
  readonly groups: readonly RunnableGroup[];
  readonly scheduler: Scheduler;
  readonly log: Logger;
  /** Bound of the whole stop. Default 25 s, below the kubelet's 30 s. */
  readonly stopMs?: number;
}

/** Names of the runnables that did not stop in time. */
export class StopTimeout extends Error {
  override readonly name = 'StopTimeout';
  readonly hanging: readonly string[];

  constructor(hanging: readonly string[], ms: number) {
    super(`stopping took longer than ${ms} ms; still running: ${hanging.join(', ')}`);
    this.hanging = hanging;
  }
}

interface Running {
  readonly group: RunnableGroup;
  readonly stop: AbortController;
  /** Names of members that have not ended. */
  readonly alive: Set<string>;
  /** Resolves when all have ended; never rejects. */
  readonly ended: Promise<unknown>;
  /** Resolves when all are ready or have ended; never rejects. */
  readonly ready: Promise<unknown>;
}

/** Starts groups in order, stops them in reverse order, and stops all when one of them fails. */
export class Manager {
  readonly #options: ManagerOptions;
  readonly #stopMs: number;
  readonly #running: Running[] = [];
  /** Aborts with the first failure, or with the caller's wish to stop. */
  readonly #end = new AbortController();
  #failure: Error | undefined;

  constructor(options: ManagerOptions) {
    this.#options = options;
    this.#stopMs = options.stopMs ?? 25_000;
  }

  /** True after a stop was requested or a member failed. */
  get isStopping(): boolean {
    return this.#end.signal.aborted;
  }

  /**
   * Resolves when `signal` has aborted and everything has stopped. Rejects with the error of the
   * member that failed, else with `StopTimeout` when something hung. To be called once.
   */
  async run(signal: AbortSignal): Promise<void> {
    const end = (): void => {
      this.#end.abort();
    };
    signal.addEventListener('abort', end, { once: true });
    if (signal.aborted) end();
    await this.#startAll();
    await whenAborted(this.#end.signal);
    signal.removeEventListener('abort', end);
    const hanging = await this.#stopAll();
    if (this.#failure !== undefined) throw this.#failure;
    if (hanging.length > 0) throw new StopTimeout(hanging, this.#stopMs);
  }

  async #startAll(): Promise<void> {
    for (const group of this.#options.groups) {
      if (this.#end.signal.aborted) return;
      this.#options.log.debug('starting', { group: group.name });
      const running = this.#startGroup(group);
      this.#running.push(running);
      await abortable(running.ready, this.#end.signal).catch(() => undefined);
    }
    if (!this.#end.signal.aborted) this.#options.log.info('all components are ready');
  }

  #startGroup(group: RunnableGroup): Running {
    const stop = new AbortController();
    const alive = new Set(group.runnables.map(({ name }) => name));
    const lives = group.runnables.map(async (runnable) => {
      await this.#live(runnable, stop.signal);
      alive.delete(runnable.name);
    });
    const ready = group.runnables.map((runnable, i) =>
      Promise.race([lives[i], this.#ready(runnable, stop.signal)]),
    );
    return { group, stop, alive, ended: Promise.all(lives), ready: Promise.all(ready) };
  }

  async #live(runnable: Runnable, signal: AbortSignal): Promise<void> {
    try {
      await runnable.start(signal);
    } catch (error) {
      this.#fail(runnable.name, error);
    }
  }

  async #ready(runnable: Runnable, signal: AbortSignal): Promise<void> {
    try {
      await runnable.whenReady?.(signal);
    } catch (error) {
      if (!this.#end.signal.aborted) this.#fail(runnable.name, error);
    }
  }

  #fail(name: string, cause: unknown): void {
    const why = cause instanceof Error ? cause.message : String(cause);
    this.#options.log.error('a component failed, stopping all', { component: name, err: cause });
    this.#failure ??= new Error(`${name} failed: ${why}`, { cause });
    this.#end.abort();
  }

  /** Names of the members that exceeded the timeout. Later groups are stopped without waiting. */
  async #stopAll(): Promise<readonly string[]> {
    const { scheduler, log } = this.#options;
    const cut = new AbortController();
    const timer = scheduler.after(this.#stopMs, () => {
      cut.abort(new Error('shutdown timed out'));
    });
    const hanging: string[] = [];
    for (const { group, stop, ended, alive } of this.#running.toReversed()) {
      log.debug('stopping', { group: group.name });
      stop.abort(new Error('the process is stopping'));
      if (!cut.signal.aborted) {
        await abortable(ended, cut.signal).catch(() => hanging.push(...alive));
      }
    }
    timer.cancel();
    if (hanging.length > 0) log.error('forced shutdown', { hanging, afterMs: this.#stopMs });
    else log.info('stopped');
    return hanging;
  }
}
