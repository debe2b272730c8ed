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
  let seen = await attempt(look);
  while (!seen.isThere) {
    if (performance.now() > deadline) {
      throw new Error(
        `wait for ${what}: not there after ${timeoutMs} ms; seen last: ${seen.instead}`,
      );
    }
    await sleep(everyMs);
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
