// SPDX-License-Identifier: Apache-2.0
import { once } from 'node:events';
import { Worker } from 'node:worker_threads';
import type { Run } from './explore.ts';
import type { Outcome } from './play.ts';

export interface Finished {
  readonly run: Run;
  readonly outcome: Outcome;
}

/** Plays the runs in so many threads; `onEnd` hears of each. */
export async function exploreInWorkers(
  runs: readonly Run[],
  workers: number,
  onEnd: (finished: Finished) => void,
): Promise<void> {
  const shares = Array.from({ length: workers }, (_, i) =>
    runs.filter((_run, j) => j % workers === i),
  );
  await Promise.all(shares.map((share) => inWorker(share, onEnd)));
}

/** Most objects die young: a large nursery saves a tenth of the time. */
const resourceLimits = { maxYoungGenerationSizeMb: 64 };

async function inWorker(
  workerData: readonly Run[],
  onEnd: (finished: Finished) => void,
): Promise<void> {
  const worker = new Worker(new URL('seeds.worker.ts', import.meta.url), {
    workerData,
    resourceLimits,
  });
  worker.on('message', onEnd);
  // An error of the worker rejects.
  await once(worker, 'exit');
}
