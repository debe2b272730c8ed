// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { blame, type BlameInput, type OtherChange } from './blame.ts';

const START = 1_000_000;
const STEP = 15_000;

const anInput = (parts: Partial<BlameInput> = {}): BlameInput => ({
  updated: { name: 'shop/web', worsened: true, since: START + STEP },
  startedAt: START,
  stable: { name: 'shop/web', worsened: false },
  ...{ unchanged: [], others: [], stepMs: STEP },
  ...parts,
});

const other = (parts: Partial<OtherChange> = {}): OtherChange => ({
  ...{ name: 'shop/cart', worsened: true, since: START, startedAt: START - 10 * STEP },
  ...parts,
});

const reasonFor = (parts: Partial<BlameInput>): string => {
  const { verdict, reason } = blame(anInput(parts));
  return `${verdict} ${reason}`;
};

test('a change whose updated pods alone worsened is to blame', () => {
  assert.equal(reasonFor({}), 'Fail OnlyUpdated');
  const calm = { name: 'shop/db', worsened: false };
  assert.equal(
    reasonFor({ unchanged: [calm], others: [other({ worsened: false })] }),
    'Fail OnlyUpdated',
  );
});

test('a change whose pods did not worsen passes, whatever others did', () => {
  const updated = { name: 'shop/web', worsened: false };
  assert.equal(reasonFor({ updated, others: [other()] }), 'Pass NotWorsened');
});

test('a signal that worsened in the stable pods as well is inconclusive, and tells what was in flight', () => {
  const stable = { name: 'shop/web', worsened: true };
  assert.deepEqual(blame(anInput({ stable })), {
    ...{ verdict: 'Inconclusive', reason: 'AlsoInStable' },
    message: 'the stable pods worsened as well; no other change was in flight',
  });
  const { message } = blame(anInput({ stable, others: [other({ worsened: false })] }));
  assert.equal(message, 'the stable pods worsened as well; also in flight: shop/cart');
});

test('workloads without a change that worsened as well are named', () => {
  const unchanged = ['a', 'b', 'c', 'd'].map((name) => ({ name, worsened: true }));
  const { reason, message } = blame(anInput({ unchanged }));
  assert.equal(reason, 'AlsoInUnchanged');
  assert.match(message, /^workloads without a change worsened as well: a, b, c and 1 more; /);
});

test('a signal that worsened before the first updated pod was ready is not the fault of the change', () => {
  const updated = { name: 'shop/web', worsened: true, since: START - 2 * STEP };
  assert.equal(reasonFor({ updated }), 'Inconclusive BeganBefore');
  const within = { ...updated, since: START - STEP };
  assert.equal(reasonFor({ updated: within }), 'Fail OnlyUpdated', 'one sample is no difference');
});

test('of two changes that worsened, the later one is not blamed and names the earlier one', () => {
  const { reason, message } = blame(anInput({ others: [other()] }));
  assert.equal(reason, 'OtherChange');
  assert.match(message, /^another change worsened no later and may be the cause: shop\/cart; /);
});

test('of two changes that worsened, the earlier one is blamed', () => {
  const later = other({ startedAt: START + 10 * STEP, since: START + 11 * STEP });
  assert.equal(reasonFor({ others: [later] }), 'Fail OnlyUpdated');
});

test('a change that began earlier and worsened clearly later is not the cause', () => {
  assert.equal(reasonFor({ others: [other({ since: START + 10 * STEP })] }), 'Fail OnlyUpdated');
});

test('two changes that cannot be told apart in time are both inconclusive', () => {
  assert.equal(
    reasonFor({ others: [other({ startedAt: START, since: START + STEP })] }),
    'Inconclusive OtherChange',
  );
});
