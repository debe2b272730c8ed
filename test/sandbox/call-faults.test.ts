// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { CallFault } from '@altershield/sandbox';
import { runScenario, type Outcome } from '../support/scenario.ts';

const SEED = Number(process.env['SEED'] ?? 1);
/** Every write in every way takes minutes; by default each write meets some of the ways. */
const isFull = process.env['EXPLORE'] === 'full';

const undisturbed = await runScenario({ seed: SEED });
const WRITES = isFull ? undisturbed.writes : Math.min(undisturbed.writes, 44);

function assertSame(outcome: Outcome, what: string): void {
  assert.deepEqual(outcome.violations, [], `${what}: laws`);
  assert.deepEqual(outcome.end, undisturbed.end, `${what}: end`);
}

const REFUSALS: readonly CallFault[] = [
  { kind: 'answer', status: 409 },
  { kind: 'answer', status: 429, retryAfterSeconds: 1 },
  { kind: 'answer', status: 500 },
  { kind: 'silence' },
  { kind: 'reset' },
];

test('a refused, lost or unanswered write at any point converges to the same end', async () => {
  for (let write = 1; write <= WRITES; write += 1) {
    const before = isFull ? REFUSALS : [REFUSALS[write % REFUSALS.length]];
    for (const fault of before) {
      const faults = { beforeCall: (call: { write: number }) => at(call.write, write, fault) };
      const outcome = await runScenario({ seed: SEED, faults: () => faults });
      assertSame(outcome, `${JSON.stringify(fault)} before write ${write}`);
    }
  }
});

test('a write whose answer is lost converges to the same end', async () => {
  const ways: readonly CallFault[] = [
    { kind: 'reset' },
    { kind: 'silence' },
    REFUSALS[2] ?? { kind: 'reset' },
  ];
  for (let write = 1; write <= WRITES; write += isFull ? 1 : 2) {
    const fault = ways[write % ways.length];
    const faults = { afterCall: (call: { write: number }) => at(call.write, write, fault) };
    const outcome = await runScenario({ seed: SEED, faults: () => faults });
    assertSame(outcome, `${JSON.stringify(fault)} after write ${write}`);
  }
});

const at = (now: number, when: number, fault: CallFault | undefined): CallFault | undefined =>
  now === when ? fault : undefined;
