// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { painter, printable } from './style.ts';
import { truncate, table, width } from './table.ts';

const plain = painter(false);
const colored = painter(true);

describe('a table', () => {
  it('aligns its columns under their headings', () => {
    const lines = table(['A', 'B'], [{ cells: ['long name', '1'] }, { cells: ['x', '2'] }], plain);
    assert.deepEqual(lines, ['A          B', 'long name  1', 'x          2']);
  });

  it('aligns colored cells by their visible width', () => {
    const rows = [{ cells: [{ text: 'ok', tone: 'good' } as const, 'x'] }];
    const [, line = ''] = table(['STATE', 'B'], rows, colored);
    assert.equal(line, '\u001b[32mok\u001b[39m     x');
  });

  it('shortens the widest columns until it fits the terminal', () => {
    const cells = ['x'.repeat(60), 'y'.repeat(30), 'short'];
    const [, line = ''] = table(['A', 'B', 'C'], [{ cells }], plain, 40);
    assert.equal(width(line), 40);
    assert.match(line, /^x+…  y+…  short$/);
  });

  it('puts the lines below a row directly under it', () => {
    const lines = table(['A'], [{ cells: ['1'], below: ['  └─ x'] }, { cells: ['2'] }], plain);
    assert.deepEqual(lines, ['A', '1', '  └─ x', '2']);
  });

  it('starts every cell of a column at the same place', () => {
    const text = fc.string({ minLength: 1, unit: fc.constantFrom('a', 'é', '✔', 'z') });
    fc.assert(
      fc.property(fc.array(fc.tuple(text, text), { minLength: 1 }), (cells) => {
        const lines = table(
          ['', ''],
          cells.map((pair) => ({ cells: pair })),
          plain,
        ).slice(1);
        const starts = lines.map((line, i) => width(line) - width(cells[i]?.[1] ?? ''));
        assert.equal(new Set(starts).size, 1);
      }),
    );
  });
});

describe('cut', () => {
  it('keeps text that fits', () => {
    assert.equal(truncate('short', 40), 'short');
  });

  it('keeps enough to read on the narrowest terminal', () => {
    assert.equal(width(truncate('x'.repeat(100), 3)), 20);
  });
});

describe('printable', () => {
  it('removes control characters from texts of containers, at any depth', () => {
    const hostile = { message: 'a\u001b[2Jb\r\nc', list: [{ '\u0007key': 'x\u202ey' }] };
    assert.deepEqual(printable(hostile), { message: 'a [2Jb c', list: [{ ' key': 'x y' }] });
  });

  it('leaves no control character in any text', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary' }), (text) => !/\p{Cc}/u.test(printable(text))),
    );
  });
});
