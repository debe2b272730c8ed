// SPDX-License-Identifier: Apache-2.0

import { setTimeout as sleep } from 'node:timers/promises';

export interface EventuallyOptions {
  /** Defaults to 30 s. */
  readonly timeoutMs?: number;
  /** Defaults to 100 ms. */
  readonly everyMs?: number;
  /** What is waited for, for the message of a failure. */
  readonly what?: string;
}

/**
 * Calls `look` until it neither throws nor gives `undefined` or `false`, and gives what it gave. For what no watch
 * shows; pods are better waited for with a recorder's `until`.
 */
export async function eventually<T>(
  look: () => T | Promise<T>,
  { timeoutMs = 30_000, everyMs = 100, what = 'what is waited for' }: EventuallyOptions = {},
): Promise<Exclude<T, undefined | false>> {
  const deadline = performance.now() + timeoutMs;
  for (;;) {
    const seen = await attempt(look);
    if ('value' in seen && seen.value !== undefined && seen.value !== false) {
      return seen.value as Exclude<T, undefined | false>;
    }
    if (performance.now() > deadline) {
      const last = 'error' in seen ? String(seen.error) : JSON.stringify(seen.value);
      throw new Error(`wait for ${what}: not there after ${timeoutMs} ms; seen last: ${last}`);
    }
    await sleep(everyMs);
  }
}

async function attempt<T>(look: () => T | Promise<T>): Promise<{ value: T } | { error: unknown }> {
  try {
    return { value: await look() };
  } catch (error) {
    return { error };
  }
}
