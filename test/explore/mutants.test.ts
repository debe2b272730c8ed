// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { MUTANTS } from '../mutants/mutants.ts';

test('each planted mistake fits the sources as they are', () => {
  const timesIn = ({ file, find }: (typeof MUTANTS)[number]): number => {
    const url = new URL(`../../packages/${file}`, import.meta.url);
    return readFileSync(url, 'utf8').split(find).length - 1;
  };
  const unfit = MUTANTS.filter((mutant) => timesIn(mutant) !== 1).map(({ name }) => name);
  assert.deepEqual(unfit, []);
});
