// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { CallInfo, FaultPlan } from '@altershield/sandbox';
import { assertWell, runScenario } from '../support/scenario.ts';
import { isFull, seeds } from '../support/seeds.ts';

const CRASHES = [
  ['before any single write', killBefore],
  ['after any single write, its answer unread,', killAfter],
] as const;
const SEEDS = seeds(isFull ? 12 : 2);
/** By default the seeds take turns, so that each write meets either crash in half of them. */
const isOneWay = !isFull && SEEDS.length > 1;

for (const seed of SEEDS) {
  const undisturbed = await runScenario({ seed });

  test(`without faults, every change ends as expected (SEED=${seed})`, () => {
    assertWell(undisturbed, 'undisturbed');
  });

  test(`the same seed repeats the same run (SEED=${seed})`, async () => {
    assert.deepEqual(await runScenario({ seed }), undisturbed);
  });

  for (const [when, kill] of CRASHES.filter((_, i) => !isOneWay || i === seed % 2)) {
    test(`a crash ${when} converges to the same end state (SEED=${seed})`, async () => {
      for (const call of undisturbed.writes) {
        const outcome = await runScenario({ seed, faults: (die) => kill(call.write, die) });
        const what = `${when}: ${call.write}, ${call.method} ${call.path}`;
        assert.equal(outcome.lives, 2, `the crash ${what} happened`);
        assertWell(outcome, `crash ${what}`);
      }
    });
  }
}

function killBefore(write: number, kill: () => void): FaultPlan {
  return { beforeCall: (call) => dieAt(write, call, kill) };
}

function killAfter(write: number, kill: () => void): FaultPlan {
  return { afterCall: (call) => dieAt(write, call, kill) };
}

function dieAt(write: number, call: CallInfo, kill: () => void) {
  if (call.write !== write) return undefined;
  kill();
  return { kind: 'reset' } as const;
}
