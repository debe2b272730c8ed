// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { A, B, change, status } from '../testing/standings.ts';
import { wasVerified } from './verified.ts';

const good = change(status('Success', { verdict: 'Pass' }));
const is = (fingerprint: string, changes = [good], uid = 'd-1'): boolean =>
  wasVerified(changes, { uid, fingerprint });

test('what ended well and what it came from are verified, of this very workload', () => {
  assert.deepEqual([is(A), is(B), is('other')], [true, true, false]);
  assert.equal(is(B, [good], 'd-2'), false);
});

test('a change that did not end well verifies nothing, and takes an earlier verdict back', () => {
  for (const end of [
    status('Success', { verdict: 'None' }),
    status('RolledBack'),
    status('Running'),
  ]) {
    assert.equal(is(B, [change(end)]), false);
    assert.equal(is(B, [good, change(end)]), false);
  }
  assert.equal(is(A, [change(status('RolledBack'), {}, {}, false)]), false);
});
