// SPDX-License-Identifier: Apache-2.0
import { test } from 'node:test';
import assert from 'node:assert/strict';
import type { WatchFault, WatchLineInfo } from '@altershield/sandbox';
import { pairs } from '../support/pairs.ts';
import { assertWell, runScenario } from '../support/scenario.ts';
import { isFull, isTried, seeds } from '../support/seeds.ts';

/** Longer than the time after which a silent watch is given up. */
const SETTLE_MS = 700_000;
/** By default, this share of the lines of a kind; every fault at least once, whatever the kind. */
const SHARE = isFull ? 1 : 8;

const FAULTS: readonly WatchFault[] = [
  { kind: 'cut' },
  { kind: 'duplicate' },
  { kind: 'delay', ms: 1500 },
  { kind: 'gone' },
  { kind: 'stall' },
];

for (const seed of seeds(1)) {
  const undisturbed = await runScenario({ seed });
  for (const [kind, lines] of Map.groupBy(undisturbed.lines, kindOf)) {
    if (!isTried(kind)) continue;
    const some = lines.filter((_, i) => i % SHARE === 0);
    test(`any fault of watch lines ${kind} leads to the same end state (SEED=${seed})`, async () => {
      for (const [{ number }, fault] of pairs(some, FAULTS)) {
        const onWatchLine = (line: WatchLineInfo) => (line.number === number ? fault : undefined);
        const settleMs = fault.kind === 'stall' ? SETTLE_MS : 90_000;
        const outcome = await runScenario({ seed, settleMs, faults: () => ({ onWatchLine }) });
        assertWell(outcome, `line ${number}, ${kind}: ${JSON.stringify(fault)}`);
      }
    });
  }
}

test('watches that silently lose lines break no law', async () => {
  for (let every = 2; every <= 12; every += isFull ? 1 : 5) {
    const onWatchLine = ({ number }: WatchLineInfo): WatchFault | undefined =>
      number % every === 0 ? { kind: 'drop' } : undefined;
    const outcome = await runScenario({ seed: every, faults: () => ({ onWatchLine }) });
    assert.deepEqual(outcome.violations, [], `every ${every}th line lost`);
  }
});

test('other seeds and orders lead to the same end state', async () => {
  for (let seed = 2; seed <= (isFull ? 500 : 12); seed += 1) {
    assertWell(await runScenario({ seed }), `seed ${seed}`);
  }
});

/** `ADDED pods`. */
function kindOf({ path, type }: WatchLineInfo): string {
  return `${type} ${path.replace(/\?.*/, '').split('/').at(-1) ?? ''}`;
}
