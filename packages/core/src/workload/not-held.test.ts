// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { DAEMON_SET } from './daemon-set/descriptor.ts';
import { notHeldFields } from './not-held.ts';
import { STATEFUL_SET } from './stateful-set/descriptor.ts';

const plain = { spec: { containers: [], nodeSelector: { pool: 'a' } } };
const moved = {
  spec: { containers: [{ image: 'v2' }], nodeSelector: { pool: 'b' }, affinity: {} },
};

test('scheduling fields of a DaemonSet act at once; those of other kinds are held', () => {
  const [selector, affinity] = ['nodeSelector', 'affinity'].map((f) => `/spec/template/spec/${f}`);
  assert.deepEqual(notHeldFields(DAEMON_SET, plain, moved), [selector, affinity]);
  assert.deepEqual(notHeldFields(DAEMON_SET, plain, plain), []);
  assert.deepEqual(notHeldFields(STATEFUL_SET, plain, moved), []);
});
