// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { WatchFault } from '@altershield/sandbox';
import { runScenario } from '../support/scenario.ts';

const isFull = process.env['EXPLORE'] === 'full';
const undisturbed = await runScenario({ seed: 1 });
const STEP = isFull ? 1 : 47;
/** Longer than the time after which a silent watch is given up. */
const SETTLE_MS = 700_000;

const FAULTS: readonly WatchFault[] = [
  { kind: 'cut' },
  { kind: 'duplicate' },
  { kind: 'delay', ms: 1500 },
  { kind: 'gone' },
  { kind: 'stall' },
];

for (const fault of FAULTS) {
  test(`watch lines that suffer ${JSON.stringify(fault)} change nothing about the end`, async () => {
    for (let line = 1; line <= undisturbed.watchLines; line += STEP) {
      const onWatchLine = ({ number }: { number: number }): WatchFault | undefined =>
        number === line ? fault : undefined;
      const settleMs = fault.kind === 'stall' ? SETTLE_MS : 90_000;
      const outcome = await runScenario({ seed: 1, settleMs, faults: () => ({ onWatchLine }) });
      assert.deepEqual(outcome.violations, [], `line ${line}: laws`);
      assert.deepEqual(outcome.end, undisturbed.end, `line ${line}: end`);
    }
  });
}

test('watches that lose lines without a sign break no law', async () => {
  for (let every = 2; every <= 12; every += isFull ? 1 : 5) {
    const onWatchLine = ({ number }: { number: number }): WatchFault | undefined =>
      number % every === 0 ? { kind: 'drop' } : undefined;
    const outcome = await runScenario({ seed: every, faults: () => ({ onWatchLine }) });
    assert.deepEqual(outcome.violations, [], `every ${every}th line lost`);
  }
});

test('other seeds, other orders, the same end', async () => {
  for (let seed = 2; seed <= (isFull ? 500 : 8); seed += 1) {
    const outcome = await runScenario({ seed });
    assert.deepEqual(outcome.violations, [], `seed ${seed}: laws`);
    assert.deepEqual(outcome.end, undisturbed.end, `seed ${seed}: end`);
  }
});
