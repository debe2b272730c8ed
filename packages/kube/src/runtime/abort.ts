// SPDX-License-Identifier: Apache-2.0
import type { Scheduler } from './scheduler.ts';

/** The abort reason after the call's own deadline, as opposed to an abort by its caller. */
export class DeadlineError extends Error {
  override readonly name = 'DeadlineError';
}

/**
 * A signal of its own that follows `outer` and can be ended by a timer. `dispose` must be called: it
 * drops the listener, so that a long-lived signal does not collect one per call.
 */
export class DeadlineSignal {
  readonly #controller = new AbortController();
  readonly #outer: AbortSignal | undefined;
  #timer: { cancel(): void } | undefined;

  constructor(outer: AbortSignal | undefined) {
    this.#outer = outer;
    if (outer?.aborted === true) this.#handleAbort();
    else outer?.addEventListener('abort', this.#handleAbort, { once: true });
  }

  get signal(): AbortSignal {
    return this.#controller.signal;
  }

  /** Aborts `ms` from now with a `DeadlineError`; arming again replaces the former deadline. */
  arm(scheduler: Scheduler, ms: number, message: string): void {
    this.#timer?.cancel();
    this.#timer = scheduler.after(ms, () => {
      this.#controller.abort(new DeadlineError(message));
    });
  }

  /** Removes the deadline. */
  disarm(): void {
    this.#timer?.cancel();
    this.#timer = undefined;
  }

  abort(reason: Error): void {
    this.#controller.abort(reason);
  }

  dispose(): void {
    this.disarm();
    this.#outer?.removeEventListener('abort', this.#handleAbort);
  }

  readonly #handleAbort = (): void => {
    this.#controller.abort(this.#outer?.reason);
  };
}

/**
 * Settles as `work` does, or rejects with the signal's reason as soon as it aborts, even when the
 * work ignores its signal.
 */
export function abortable<T>(work: Promise<T>, signal: AbortSignal): Promise<T> {
  return new Promise((resolve, reject) => {
    const stop = (): void => {
      reject(reasonOf(signal));
    };
    const settle = (run: () => void): void => {
      signal.removeEventListener('abort', stop);
      run();
    };
    work.then(
      (value) => {
        settle(() => {
          resolve(value);
        });
      },
      (error: unknown) => {
        settle(() => {
          reject(error instanceof Error ? error : new Error(String(error)));
        });
      },
    );
    if (signal.aborted) stop();
    else signal.addEventListener('abort', stop, { once: true });
  });
}

export const reasonOf = (signal: AbortSignal): Error =>
  signal.reason instanceof Error ? signal.reason : new Error('aborted', { cause: signal.reason });
