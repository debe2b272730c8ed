// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict';
import { readFile, writeFile } from 'node:fs/promises';
import { test } from 'node:test';
import { runConformance } from './conformance.ts';

const FIGURES = new URL('../../../docs/measured/cel.json', import.meta.url);

test('of the conformance tests of cel-spec, those fail that docs/cel.md lists', async () => {
  const sections = runConformance();
  if (process.env['ALTERSHIELD_WRITE_FIGURES'] === 'true') {
    await writeFile(FIGURES, `${JSON.stringify(sections, null, 2)}\n`);
  }
  const written: unknown = JSON.parse(await readFile(FIGURES, 'utf8'));
  assert.deepEqual(
    sections,
    written,
    'run `npm test -- --write cel-spec`, then `npm run generate`',
  );
  const passed = Object.values(sections).reduce((sum, section) => sum + section.passed, 0);
  assert.ok(passed > 1100, `only ${passed} passed`);
});
