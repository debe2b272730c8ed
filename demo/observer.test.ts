// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { NotAsTold } from './not-as-told.ts';
import { Observer } from './observer.ts';
import { hurriedStage } from './simulated.ts';
import { tell, type Audience } from './teller.ts';

test('what does not come true in time is not as told, and says what was seen instead', async () => {
  const { stage, run } = await hurriedStage();
  const observer = new Observer(stage.client('admin'), stage.scheduler);
  await run(observer.start(new AbortController().signal));
  const waiting = observer.until('Ten pods fly', () => false, 5000);
  await assert.rejects(run(waiting), (error) => {
    assert.ok(error instanceof NotAsTold);
    assert.equal(error.sentence, 'Ten pods fly');
    assert.equal(error.seen, 'after 5 s pods: none; changes: none');
    return true;
  });
  await stage.stop();
});

test('a sentence is told only if it is true', () => {
  const told: string[] = [];
  const silent = (): void => undefined;
  const fact = (text: string): void => {
    told.push(text);
  };
  const audience: Audience = { chapter: silent, say: silent, quote: silent, show: silent, fact };
  tell(audience, 'Water is wet.', true, '');
  assert.throws(() => {
    tell(audience, 'Pods fly.', false, 'a pod on the ground');
  }, /not true: "Pods fly\."; seen: a pod on the ground/);
  assert.deepEqual(told, ['Water is wet.']);
});
