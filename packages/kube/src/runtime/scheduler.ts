// SPDX-License-Identifier: Apache-2.0

/** A pending call of `Scheduler.after`. Cancelling twice, or after it ran, does nothing. */
export interface Timer {
  cancel(): void;
}

/**
 * Every wait, race and random number uses this one interface, so that a test which owns the
 * scheduler owns the whole run. No other code in the product may call `Date.now`, `Math.random`,
 * `setTimeout`, `setInterval`, `setImmediate` or `AbortSignal.timeout`.
 */
export interface Scheduler {
  /** Milliseconds since the Unix epoch, for times shared with other processes: clocks can be set. */
  now(): number;
  /** Milliseconds since some moment, as timers count them: for everything that measures or waits. */
  elapsed(): number;
  /** Uniform in [0, 1). */
  random(): number;
  /** Runs `run` once, `delayMs` from now (0: as soon as other work had its turn). */
  after(delayMs: number, run: () => void): Timer;
}

/** The longest delay Node's timers take; longer ones are chained. */
const MAX_TIMEOUT_MS = 2 ** 31 - 1;

/** The machine's own clock. */
export const realScheduler: Scheduler = {
  now: () => Date.now(),
  elapsed: () => performance.now(),
  random: () => Math.random(),
  after: (delayMs, run) => startTimer(delayMs, run),
};

function startTimer(delayMs: number, run: () => void): Timer {
  if (delayMs <= 0) {
    const immediate = setImmediate(run);
    return {
      cancel: () => {
        clearImmediate(immediate);
      },
    };
  }
  let timeout: NodeJS.Timeout;
  const arm = (left: number): void => {
    const wait = Math.min(left, MAX_TIMEOUT_MS);
    timeout = setTimeout(() => {
      if (left > wait) arm(left - wait);
      else run();
    }, wait);
  };
  arm(delayMs);
  return {
    cancel: () => {
      clearTimeout(timeout);
    },
  };
}

/** Resolves after `delayMs`, or at once when `signal` aborts: the caller looks at the signal. */
export function sleep(
  scheduler: Pick<Scheduler, 'after'>,
  delayMs: number,
  signal?: AbortSignal,
): Promise<void> {
  return new Promise((resolve) => {
    if (signal?.aborted === true) {
      resolve();
      return;
    }
    const finish = (): void => {
      timer.cancel();
      signal?.removeEventListener('abort', finish);
      resolve();
    };
    const timer = scheduler.after(delayMs, finish);
    signal?.addEventListener('abort', finish, { once: true });
  });
}
