// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { isJsonObject, type JsonObject } from './json.ts';
import { mergePatch } from './merge-patch.ts';

/** RFC 7396, as written there. */
function apply(target: unknown, patch: unknown): unknown {
  if (!isJsonObject(patch)) return patch;
  const result: Record<string, unknown> = isJsonObject(target) ? { ...target } : {};
  for (const [key, value] of Object.entries(patch)) {
    if (value === null) Reflect.deleteProperty(result, key);
    else result[key] = apply(result[key], value);
  }
  return result;
}

const value: fc.Arbitrary<unknown> = fc.letrec((tie) => ({
  value: fc.oneof(
    { maxDepth: 3 },
    fc.string({ maxLength: 3 }),
    fc.integer(),
    fc.array(fc.integer(), { maxLength: 3 }),
    tie('map'),
  ),
  map: fc.dictionary(fc.constantFrom('a', 'b', 'c', 'd'), tie('value')),
})).value;
const plain = (it: unknown): unknown => JSON.parse(JSON.stringify(it));
const map = fc.dictionary(fc.constantFrom('a', 'b', 'c', 'd'), value) as fc.Arbitrary<JsonObject>;

test('the patch turns the one value into the other', () => {
  fc.assert(
    fc.property(map, map, (from, to) => {
      const patch = mergePatch(from, to);
      // Through JSON: fast-check makes some maps without a prototype.
      assert.deepEqual(plain(apply(from, patch ?? {})), plain(to));
    }),
  );
});

test('equal values need no patch', () => {
  fc.assert(fc.property(map, (it) => mergePatch(it, structuredClone(it)) === undefined));
});

test('a field that is gone becomes null, a map is changed inside', () => {
  const from = { phase: 'Running', batch: { index: 1, overridden: true } };
  assert.deepEqual(mergePatch(from, { phase: 'Success', batch: { index: 1 } }), {
    phase: 'Success',
    batch: { overridden: null },
  });
});
