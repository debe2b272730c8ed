// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { findRetired, namesFor } from './find.ts';

const NAMES = { Mirror: 'CacheWriter', fresh: 'updated', '#obey': '#handleAbort' };
const namesIn = (text: string): string[] =>
  findRetired(text, NAMES).map(({ line, name, successor }) => `${line} ${name} ${successor}`);

test('a type, a member, a variable, a parameter and a private method are found with their line', () => {
  const text = `class Mirror {
  #obey() {}
}
interface Pods { readonly fresh: number }
const { fresh } = pods;
const count = (fresh: number) => fresh;`;
  assert.deepEqual(namesIn(text), [
    '1 Mirror CacheWriter',
    '2 #obey #handleAbort',
    '4 fresh updated',
    '5 fresh updated',
    '6 fresh updated',
  ]);
});

test('texts, comments, uses and keys of literals are not declarations', () => {
  assert.deepEqual(namesIn(`f(Mirror, { fresh: 1 }, 'fresh'); // Mirror`), []);
});

test('a name of every object is found only when it is listed', () => {
  assert.deepEqual(namesIn('const toString = 1; class A { constructor() {} }'), []);
});

test('a name that is retired in one folder is free in another', () => {
  const retired = { '': { a: 'b' }, 'packages/core': { c: 'd' } };
  assert.deepEqual(namesFor(retired, 'packages/core/src/x.ts'), { a: 'b', c: 'd' });
  assert.deepEqual(namesFor(retired, 'packages/core-extra/src/x.ts'), { a: 'b' });
});
