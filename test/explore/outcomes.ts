// SPDX-License-Identifier: Apache-2.0
import { writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { outcomeLine, type Run } from './explore.ts';
import { exploreInWorkers } from './workers.ts';

const RECORDED_SEEDS = 20;

/** The stories of each kind whose outcome is in a committed file: how they end does not hang on a few milliseconds. */
export const recordedRuns = (kind: string): readonly Run[] =>
  Array.from({ length: RECORDED_SEEDS }, (_, i) => ({ kind, seed: i + 1, isCalm: true }));

export const outcomesFile = (kind: string): string =>
  fileURLToPath(new URL(`outcomes/${kind}.txt`, import.meta.url));

/** Plays the recorded seeds and writes how each ends. */
export async function writeOutcomes(kind: string): Promise<void> {
  const runs = recordedRuns(kind);
  const lines = new Map<number, string>();
  await exploreInWorkers(runs, 2, ({ run, outcome }) => {
    lines.set(run.seed, outcomeLine(run, outcome));
  });
  const text = runs.map(({ seed }) => lines.get(seed) ?? '').join('\n');
  writeFileSync(outcomesFile(kind), `${text}\n`);
}
