// SPDX-License-Identifier: Apache-2.0
import { parseArgs } from 'node:util';
import { KINDS } from '../support/kinds.ts';
import { explain, type Run } from './explore.ts';
import { LAWS } from './judge.ts';
import { writeOutcomes } from './outcomes.ts';
import { exploreInWorkers, type Finished } from './workers.ts';

const USAGE = `npm run explore -- [--seeds COUNT] [--from SEED] [--kind KIND] [--workers COUNT] [--failures COUNT]
npm run explore -- --seed SEED --kind KIND
npm run explore -- --write [--kind KIND]
Plays seeded stories of users, faults and crashes on the simulated cluster, and checks every law after every step.
  --seeds     stories in all, the same number for each kind; default 2000
  --from      the first seed; default 1
  --kind      this kind only
  --workers   threads; default 2
  --failures  stop after so many failing seeds; default 5
  --seed      one story: what it breaks, and the shortest story that does
  --write     record how calm stories of the first seeds end, for npm test
Laws:
${Object.entries(LAWS)
  .map(([name, text]) => `  ${name.padEnd(13)}${text}`)
  .join('\n')}`;

const kindNames = KINDS.map(({ adapter }) => adapter.descriptor.resource.kind);
const MS_PER_YEAR = 365.25 * 24 * 3_600_000;
const NIGHT_MS = 8 * 3_600_000;

async function main(): Promise<number> {
  const { values } = parseArgs({
    options: {
      ...{ seeds: { type: 'string', default: '2000' }, from: { type: 'string', default: '1' } },
      ...{ workers: { type: 'string', default: '2' }, failures: { type: 'string', default: '5' } },
      ...{ seed: { type: 'string' }, kind: { type: 'string' } },
      ...{ help: { type: 'boolean' }, write: { type: 'boolean' } },
    },
  });
  const kinds = kindNames.filter((name) => values.kind === undefined || values.kind === name);
  if (values.help === true || kinds.length === 0) {
    console.log(USAGE);
    return values.help === true ? 0 : 2;
  }
  if (values.write === true) {
    for (const kind of kinds) await writeOutcomes(kind);
    return 0;
  }
  if (values.seed !== undefined) return one(kinds, Number(values.seed));
  const { seeds, from, workers, failures } = values;
  const runs = runsOf(kinds, Number(seeds), Number(from));
  return many(runs, Number(workers), Number(failures));
}

/** So many stories in all, the same seeds for each kind. */
function runsOf(kinds: readonly string[], count: number, from: number): readonly Run[] {
  const each = Math.ceil(count / kinds.length);
  return Array.from({ length: each }, (_, i) =>
    kinds.map((kind) => ({ kind, seed: from + i })),
  ).flat();
}

async function one(kinds: readonly string[], seed: number): Promise<number> {
  let isWell = true;
  for (const kind of kinds) {
    const text = await explain({ kind, seed });
    isWell &&= text.includes('no law is broken');
    console.log(text);
  }
  return isWell ? 0 : 1;
}

async function many(runs: readonly Run[], workers: number, most: number): Promise<number> {
  const startedAt = performance.now();
  const failed: Finished[] = [];
  const sums = { runs: 0, simulatedMs: 0, writes: 0 };
  const onEnd = (finished: Finished): void => {
    const { simulatedMs, writes, violations } = finished.outcome;
    sums.runs += 1;
    sums.simulatedMs += simulatedMs;
    sums.writes += writes;
    if (sums.runs % 1000 === 0) console.log(summary(sums, performance.now() - startedAt));
    if (violations.length === 0) return;
    failed.push(finished);
    console.log(brief(finished));
    if (failed.length >= most) void report(sums, startedAt, failed).then(exit);
  };
  await exploreInWorkers(runs, workers, onEnd);
  return report(sums, startedAt, failed);
}

const exit = (code: number): never => process.exit(code);

async function report(
  sums: Sums,
  startedAt: number,
  [first, ...others]: readonly Finished[],
): Promise<number> {
  console.log(summary(sums, performance.now() - startedAt));
  if (first === undefined) return 0;
  console.log(`${others.length + 1} seeds break a law. The first, shrunk:`);
  console.log(await explain(first.run));
  return 1;
}

interface Sums {
  readonly runs: number;
  readonly simulatedMs: number;
  readonly writes: number;
}

function summary({ runs, simulatedMs, writes }: Sums, ms: number): string {
  const perSecond = (runs / ms) * 1000;
  const years = ((simulatedMs / ms) * NIGHT_MS) / MS_PER_YEAR;
  return `${runs} seeds, ${perSecond.toFixed(1)} a second, ${writes} writes; simulated time passes ${Math.round(simulatedMs / ms)} times as fast, ${years.toFixed(1)} years in a night of eight hours`;
}

const brief = ({ run: { kind, seed }, outcome: { violations } }: Finished): string => {
  const [{ law, what } = { law: '', what: '' }] = violations;
  return `${kind} ${seed} breaks ${law}: ${what.slice(0, 300)}`;
};

process.exitCode = await main();
