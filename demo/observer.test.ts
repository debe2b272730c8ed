// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { UnexpectedOutcome } from './unexpected-outcome.ts';
import { Observer } from './observer.ts';
import { hurriedCluster } from './simulated.ts';
import { assertFact, type Output } from './output.ts';

test('a statement that does not hold in time fails with the observed state', async () => {
  const { cluster, run } = await hurriedCluster();
  const observer = new Observer(cluster.client('admin'), cluster.scheduler);
  await run(observer.start(new AbortController().signal));
  const waiting = observer.until('Ten pods fly', () => false, 5000);
  await assert.rejects(run(waiting), (error) => {
    assert.ok(error instanceof UnexpectedOutcome);
    assert.equal(error.sentence, 'Ten pods fly');
    assert.equal(error.seen, 'after 5 s pods: none; changes: none');
    return true;
  });
  await cluster.stop();
});

test('a sentence is printed only if it holds', () => {
  const told: string[] = [];
  const silent = (): void => undefined;
  const fact = (text: string): void => {
    told.push(text);
  };
  const output: Output = { chapter: silent, announce: silent, quote: silent, show: silent, fact };
  assertFact(output, 'Water is wet.', true, '');
  assert.throws(() => {
    assertFact(output, 'Pods fly.', false, 'a pod on the ground');
  }, /not true: "Pods fly\."; seen: a pod on the ground/);
  assert.deepEqual(told, ['Water is wet.']);
});
