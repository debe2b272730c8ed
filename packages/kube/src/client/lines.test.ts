// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { LineSplitter, MAX_LINE_BYTES } from './lines.ts';

test('lines are complete, however the bytes were split', () => {
  const line = fc.string({ unit: 'grapheme' }).map((text) => text.replace(/[\r\n]/g, '').trim());
  fc.assert(
    fc.property(fc.array(line), fc.array(fc.nat(50)), (lines, cuts) => {
      const bytes = Buffer.from(lines.map((it) => `${it}\n`).join(''));
      const splitter = new LineSplitter();
      const got: string[] = [];
      let from = 0;
      for (const size of [...cuts, bytes.length]) {
        got.push(...splitter.push(bytes.subarray(from, from + size)));
        from += size;
      }
      assert.deepEqual(
        got,
        lines.filter((it) => it !== ''),
      );
    }),
  );
});

test('text after the last newline is not a line', () => {
  const splitter = new LineSplitter();
  assert.deepEqual([...splitter.push(Buffer.from('{"a":1}\n{"b":'))], ['{"a":1}']);
});

test('a line without an end is rejected before it fills the memory', () => {
  const splitter = new LineSplitter();
  const chunk = new Uint8Array(MAX_LINE_BYTES / 4 + 1).fill(120);
  assert.throws(() => {
    for (let i = 0; i < 5; i += 1) for (const _line of splitter.push(chunk)) assert.fail();
  }, /longer than/);
});
