// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { KINDS } from '../support/kinds.ts';
import { explain, outcomeLine, type Run } from './explore.ts';
import { outcomesFile, recordedRuns } from './outcomes.ts';
import { PINNED } from './pinned.ts';
import { shrink } from './shrink.ts';
import { storyOf, type Story } from './story.ts';
import { exploreInWorkers, type Finished } from './workers.ts';

async function playAll(runs: readonly Run[]): Promise<Finished[]> {
  const all: Finished[] = [];
  await exploreInWorkers(runs, 1, (finished) => all.push(finished));
  return all.sort((a, b) => a.run.seed - b.run.seed);
}

for (const { adapter } of KINDS) {
  const { kind } = adapter.descriptor.resource;
  const runs = recordedRuns(kind);

  test(`${kind}: no story of users, faults and crashes breaks a law, and each ends as recorded`, async () => {
    const finished = await playAll(runs);
    const broken = finished.find(({ outcome }) => outcome.violations.length > 0);
    if (broken !== undefined) assert.fail(await explain(broken.run));
    const outcomes = finished.map(({ run, outcome }) => outcomeLine(run, outcome));
    const recorded = readFileSync(outcomesFile(kind), 'utf8').trimEnd().split('\n');
    const hint = 'if it is meant, run `npm run explore -- --write` and commit the file';
    assert.deepEqual(outcomes, recorded, hint);
  });

  test(`${kind}: a story is played again write by write`, async () => {
    const run = { kind, seed: 1 };
    const [first, second] = await playAll([run, run]);
    assert.deepEqual(first?.outcome, second?.outcome);
  });
}

const pinned = PINNED.map(({ title, story: { kind, seed } }) => ({ kind, seed, pinned: title }));
const outcomes = playAll(pinned);

for (const { pinned: title } of pinned) {
  test(title, async () => {
    const found = (await outcomes).find(({ run }) => run.pinned === title);
    assert.ok(found);
    if (found.outcome.violations.length > 0) assert.fail(await explain(found.run));
  });
}

test('a failing story is shrunk to the actions that make it fail', async () => {
  const [kind] = KINDS;
  assert.ok(kind);
  const wait = { do: 'undo', thenMs: 50 } as const;
  const cause = [
    { do: 'set image', version: 'bad2', thenMs: 20_000 },
    { do: 'crash', replica: 'leader', downMs: 100, thenMs: 50 },
  ] as const;
  const actions = [wait, cause[0], wait, wait, cause[1], wait];
  const fails = ({ actions: left }: Story): Promise<boolean> => {
    const kept = left.map((action) => action.do);
    const isCause = kept.includes('set image') && kept.includes('crash');
    return Promise.resolve(isCause && left.length > 0);
  };
  const least = await shrink({ ...storyOf(1, kind), actions }, fails);
  assert.deepEqual(
    least.actions.map((action) => ({ ...action, thenMs: 0 })),
    cause.map((action) => ({ ...action, thenMs: 0 })),
  );
});
