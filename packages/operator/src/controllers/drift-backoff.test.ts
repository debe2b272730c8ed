// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { silentLogger } from '@altershield/kube';
import { DriftBackoff } from './drift-backoff.ts';

function aPace() {
  const told: string[] = [];
  const clock = { now: 0, elapsed: () => clock.now };
  const log = { ...silentLogger, warn: (message: string) => void told.push(message) };
  return { driftBackoff: new DriftBackoff({ scheduler: clock, log }), clock, told };
}

test('occasional drift is corrected immediately', () => {
  const { driftBackoff, clock, told } = aPace();
  for (let hour = 0; hour < 50; hour += 1) {
    clock.now += 3_600_000;
    assert.equal(driftBackoff.delayMs(), 0);
    driftBackoff.recordWrite('Mutating', [{ name: 'web' }]);
  }
  assert.deepEqual(told, []);
});

test('who keeps changing it meets more and more patience, and is named once', () => {
  const { driftBackoff, clock, told } = aPace();
  let writes = 0;
  while (clock.now < 3_600_000) {
    clock.now += Math.max(50, driftBackoff.delayMs());
    driftBackoff.recordWrite('Mutating', [{ name: 'web' }]);
    writes += 1;
  }
  assert.ok(writes < 200, `${writes} writes within an hour`);
  assert.ok(told.length >= 1 && told.length <= 12, `${told.length} warnings`);
  clock.now += 600_000;
  assert.equal(driftBackoff.delayMs(), 0, 'forgiven after a while');
});
