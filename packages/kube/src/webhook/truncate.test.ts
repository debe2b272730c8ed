// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { truncate, truncateBytes } from './truncate.ts';

test('short texts stay as they are', () => {
  assert.equal(truncate('ok', 2), 'ok');
  assert.equal(truncateBytes('né', 3), 'né');
});

test('long texts end in an ellipsis', () => {
  assert.equal(truncate('abcdef', 4), 'abc…');
  assert.equal(truncateBytes('abcdef', 5), 'ab…');
});

test('no text ever exceeds its bound or ends in half a character', () => {
  const text = fc.string({ unit: 'grapheme', maxLength: 60 });
  fc.assert(
    fc.property(text, fc.integer({ min: 4, max: 40 }), (it, max) => {
      const units = truncate(it, max);
      assert.ok(units.length <= max);
      assert.ok(units.isWellFormed());
      const bytes = truncateBytes(it, max);
      assert.ok(Buffer.byteLength(bytes) <= max);
      assert.ok(!bytes.includes('\uFFFD') || it.includes('\uFFFD'));
    }),
  );
});
