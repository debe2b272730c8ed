// SPDX-License-Identifier: Apache-2.0
import { setTimeout as sleep } from 'node:timers/promises';

export interface Memory {
  /** Resident set, bytes. */
  readonly rss: number;
  readonly heapUsed: number;
  /** The most that was ever resident, bytes. */
  readonly peakRss: number;
}

/** What is in use once the garbage is gone. Needs `--expose-gc`. */
export async function settledMemory(): Promise<Memory> {
  for (let round = 0; round < 3; round += 1) {
    globalThis.gc?.();
    await sleep(200);
  }
  const { rss, heapUsed } = process.memoryUsage();
  return { rss, heapUsed, peakRss: process.resourceUsage().maxRSS * 1024 };
}

/** CPU of the whole process since its start, milliseconds; collector and compiler threads included. */
export function cpuMs(): number {
  const { user, system } = process.cpuUsage();
  return (user + system) / 1000;
}
