// SPDX-License-Identifier: Apache-2.0

/** Stops every part, also those after one that was never started: a cluster left behind would hang the suite. */
export async function stopAll(...parts: readonly (() => unknown)[]): Promise<void> {
  const errors: unknown[] = [];
  for (const stop of parts) {
    try {
      await stop();
    } catch (error) {
      errors.push(error);
    }
  }
  if (errors.length > 0) throw new AggregateError(errors, 'stop what the tests started');
}
