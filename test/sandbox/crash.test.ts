// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { FaultPlan } from '@altershield/sandbox';
import { runScenario, type Outcome } from '../support/scenario.ts';

const SEED = Number(process.env['SEED'] ?? 1);
/** Every write in every way takes minutes; by default each write meets some of the ways. */
const isFull = process.env['EXPLORE'] === 'full';

const undisturbed = await runScenario({ seed: SEED });
/** Later writes belong to a second good change, which only repeats the first. */
const WRITES = isFull ? undisturbed.writes : Math.min(undisturbed.writes, 44);

function assertSame(outcome: Outcome, what: string): void {
  assert.deepEqual(outcome.violations, [], `${what}: laws`);
  assert.deepEqual(outcome.end, undisturbed.end, `${what}: end`);
}

test('undisturbed, every change ends as it should', () => {
  assert.deepEqual(undisturbed.violations, []);
  assert.deepEqual(undisturbed.end.changes, [
    'shop/checkout:1.1 Success Verified',
    'shop/checkout:bad RolledBack RolledBack',
    'shop/checkout:1.2 Success Verified',
  ]);
  assert.equal(undisturbed.end.held, false);
  assert.deepEqual(undisturbed.end.podImages, ['shop/checkout:1.2']);
});

test('one seed gives one run', async () => {
  const again = await runScenario({ seed: SEED });
  assert.deepEqual(again, undisturbed);
});

test('a crash before any single write converges to the same end', async () => {
  for (let write = 1; write <= WRITES; write += 1) {
    const outcome = await runScenario({ seed: SEED, faults: (kill) => killBefore(write, kill) });
    assert.equal(outcome.lives, 2, `the crash before write ${write} happened`);
    assertSame(outcome, `crash before write ${write} (${undisturbed.log[write - 1] ?? ''})`);
  }
});

test('a crash after any single write, its answer unread, converges to the same end', async () => {
  for (let write = 1; write <= WRITES; write += 1) {
    const outcome = await runScenario({ seed: SEED, faults: (kill) => killAfter(write, kill) });
    assert.equal(outcome.lives, 2, `the crash after write ${write} happened`);
    assertSame(outcome, `crash after write ${write} (${undisturbed.log[write - 1] ?? ''})`);
  }
});

function killBefore(write: number, kill: () => void): FaultPlan {
  return {
    beforeCall: (call) => {
      if (call.write !== write) return undefined;
      kill();
      return { kind: 'reset' };
    },
  };
}

function killAfter(write: number, kill: () => void): FaultPlan {
  return {
    afterCall: (call) => {
      if (call.write !== write) return undefined;
      kill();
      return { kind: 'reset' };
    },
  };
}
