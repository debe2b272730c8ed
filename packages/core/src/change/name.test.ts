// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { changeName } from './name.ts';

test('the name of a change has the kind, the workload and the sequence', () => {
  assert.equal(changeName('Deployment', 'checkout', 4), 'deployment-checkout-4');
});

test('long names stay distinct and leave room for the number of a batch', () => {
  const a = changeName('Deployment', 'a'.repeat(253), 1);
  const b = changeName('Deployment', `${'a'.repeat(252)}b`, 1);
  assert.notEqual(a, b);
  assert.ok(`${a}-b20`.length <= 253);
});
