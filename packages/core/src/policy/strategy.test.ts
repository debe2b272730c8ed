// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { strategyFor } from './strategy.ts';

const able = { strategies: { Batch: true, Rolling: true } } as const;
const unable = { strategies: { Batch: 'all at once', Rolling: true } } as const;

test('without a strategy in the policy, a kind is released in batches if it supports that', () => {
  assert.deepEqual(strategyFor({}, able), { strategy: 'Batch' });
  assert.deepEqual(strategyFor({}, unable), { strategy: 'Rolling', reason: 'all at once' });
});

test('Rolling is granted as asked, and Batch as far as the kind and the object allow', () => {
  assert.deepEqual(strategyFor({ strategy: 'Rolling' }, able, 'OnDelete'), { strategy: 'Rolling' });
  const onDelete = { strategy: 'Rolling', reason: 'OnDelete' };
  assert.deepEqual(strategyFor({ strategy: 'Batch' }, able, 'OnDelete'), onDelete);
});

test('a kind that does not support the strategy is released in batches instead', () => {
  const one = { strategies: { Batch: true, Rolling: true, BlueGreen: 'fixed names' } } as const;
  assert.deepEqual(strategyFor({ strategy: 'BlueGreen' }, one), {
    ...{ strategy: 'Batch', reason: 'fixed names' },
  });
});
