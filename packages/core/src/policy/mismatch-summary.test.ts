// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { summarizeMismatches } from './mismatch-summary.ts';

const cases: readonly [readonly string[], string][] = [
  [[], 'there is no workload in its namespaces'],
  [['its labels differ'], 'its labels differ (1 workload)'],
  [['a', 'b', 'b'], 'b (2 workloads); a (1 workload)'],
  [
    ['a', 'b', 'c', 'd', 'e', 'f'],
    ['a', 'b', 'c', 'd', 'e'].map((x) => `${x} (1 workload)`).join('; '),
  ],
];

for (const [reasons, text] of cases) {
  test(`${reasons.length} mismatches are summarized as "${text}"`, () => {
    assert.equal(summarizeMismatches(reasons), text);
  });
}
