// SPDX-License-Identifier: Apache-2.0
import { cpuMs } from '../support/gc.ts';
import type { Endpoint } from '../memory/api.worker.ts';

export interface Order {
  readonly place: Endpoint;
  readonly count: number;
  readonly concurrency: number;
}

/** What some work took altogether. */
export interface Pace {
  readonly wallMs: number;
  readonly cpuMs: number;
}

/** Runs `work` so many times, so many at once. */
export async function timed(
  { count, concurrency }: Pick<Order, 'count' | 'concurrency'>,
  work: () => Promise<unknown>,
): Promise<Pace> {
  const [began, cpu] = [performance.now(), cpuMs()];
  let left = count;
  const one = async (): Promise<void> => {
    while (left > 0) {
      left -= 1;
      await work();
    }
  };
  await Promise.all(Array.from({ length: concurrency }, one));
  return { wallMs: performance.now() - began, cpuMs: cpuMs() - cpu };
}
