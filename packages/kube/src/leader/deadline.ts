// SPDX-License-Identifier: Apache-2.0
import { DeadlineError } from '../runtime/abort.ts';
import type { Scheduler } from '../runtime/scheduler.ts';

/** Time from which a leader counts its right to write: the start of the request that renewed it. */
export class Deadline {
  readonly #controller = new AbortController();
  readonly #cancel: () => void;

  constructor(scheduler: Scheduler, ms: number, message: string) {
    const timer = scheduler.after(ms, () => {
      this.#controller.abort(new DeadlineError(message));
    });
    this.#cancel = () => {
      timer.cancel();
    };
  }

  /** Aborts when the time is over. */
  get signal(): AbortSignal {
    return this.#controller.signal;
  }

  cancel(): void {
    this.#cancel();
  }
}
