// SPDX-License-Identifier: Apache-2.0
import { realScheduler, sleep, type Scheduler } from '@altershield/kube';

export interface EventuallyOptions {
  /** Default 30 s. */
  readonly timeoutMs?: number;
  /** Default 100 ms. */
  readonly everyMs?: number;
  /** What is waited for, for the message of a failure. */
  readonly what?: string;
  /** The clock of the cluster. Default: the real one. */
  readonly scheduler?: Pick<Scheduler, 'after' | 'elapsed'>;
}

/**
 * Calls `look` until it neither throws nor returns `undefined` or `false`, and returns its result.
 * For what no watch shows; pods are better waited for with a recorder's `until`.
 */
export async function eventually<T>(
  look: () => T | Promise<T>,
  options: EventuallyOptions = {},
): Promise<Exclude<T, undefined | false>> {
  const { timeoutMs = 30_000, everyMs = 100, scheduler = realScheduler } = options;
  const deadline = scheduler.elapsed() + timeoutMs;
  let seen = await attempt(look);
  while (!seen.isThere) {
    if (scheduler.elapsed() > deadline) {
      const { what = 'a state' } = options;
      throw new Error(`wait for ${what}: not there after ${timeoutMs} ms; last: ${seen.instead}`);
    }
    await sleep(scheduler, everyMs);
    seen = await attempt(look);
  }
  return seen.value;
}

type Attempt<T> =
  | { readonly isThere: true; readonly value: Exclude<T, undefined | false> }
  | { readonly isThere: false; readonly instead: string };

async function attempt<T>(look: () => T | Promise<T>): Promise<Attempt<T>> {
  try {
    const value = await look();
    if (value === undefined || value === false) return { isThere: false, instead: String(value) };
    return { isThere: true, value: value as Exclude<T, undefined | false> };
  } catch (error) {
    return { isThere: false, instead: String(error) };
  }
}
