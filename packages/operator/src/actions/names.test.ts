// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { batchName, changeName } from './names.ts';

test('names say what they are of', () => {
  assert.equal(changeName('Deployment', 'checkout', 4), 'deployment-checkout-4');
  assert.equal(batchName('deployment-checkout-4', 2), 'deployment-checkout-4-b2');
});

test('long names stay within what Kubernetes allows, and stay apart', () => {
  const a = changeName('Deployment', 'a'.repeat(253), 1);
  const b = changeName('Deployment', `${'a'.repeat(252)}b`, 1);
  assert.notEqual(a, b);
  assert.ok(batchName(a, 20).length <= 253);
});
