// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { hmacSha256Hex, portableHmac, portableSha256, sha256Hex } from './sha256.ts';

test('Node and JavaScript give the same digits for every text', () => {
  const texts = fc.string({ unit: 'grapheme' });
  const keys = fc.uint8Array({ minLength: 32, maxLength: 64 });
  fc.assert(
    fc.property(texts, keys, (text, key) => {
      assert.equal(sha256Hex(text), portableSha256(text));
      assert.equal(hmacSha256Hex(key)(text), portableHmac(key)(text));
    }),
  );
});
