// SPDX-License-Identifier: Apache-2.0
import { parentPort, workerData } from 'node:worker_threads';
import { explore, type Run } from './explore.ts';

// Not in the process of node:test, whose hooks on every promise double the time of a run.
for (const run of workerData as readonly Run[]) {
  parentPort?.postMessage({ run, outcome: await explore(run) });
}
