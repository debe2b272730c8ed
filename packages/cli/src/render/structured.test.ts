// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { parse } from 'yaml';
import { FORMATS, listOf, structured } from './structured.ts';

for (const format of FORMATS) {
  test(`as ${format}, objects come without their managed fields, as kubectl prints them`, () => {
    const metadata = { name: 'web', labels: { tier: 'web' } };
    const stored = { metadata: { ...metadata, managedFields: [{ manager: 'kubectl' }] } };
    assert.deepEqual(parse(structured(format, listOf([stored]))), listOf([{ metadata }]));
  });
}
