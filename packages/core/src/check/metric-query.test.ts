// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { everyPodPattern, expand, onGrid, podsPattern } from './metric-query.ts';

const named = (...names: string[]) => names.map((name) => ({ name }));

test('the variables of a query are replaced, and nothing else', () => {
  const query = 'x{namespace="$namespace",pod=~"$pods",le="$podsize"} > $workload';
  assert.equal(
    expand(query, { namespace: 'shop', workload: 'web' }, 'a|b'),
    'x{namespace="shop",pod=~"a|b",le="$podsize"} > web',
  );
});

test('pods are matched by their exact names', () => {
  assert.equal(podsPattern(named('web.v2-b', 'web.v2-a')), 'web\\\\.v2-a|web\\\\.v2-b');
});

const MATCHES: readonly (readonly [string, string[], string[], string[]])[] = [
  ['web', ['web-7d4b9c6f5d-x2x9k'], ['web-5c8f-zzzzz'], ['web-api-7d4b9c6f5d-x2x9k', 'web-0']],
  ['db', ['db-0', 'db-1'], ['db-17'], ['db-api-0', 'db-x2x9k']],
  ['agent', ['agent-x2x9k'], ['agent-bbbbb'], ['agent-7d4b-x2x9k', 'agents-x2x9k']],
];

for (const [workload, present, earlier, others] of MATCHES) {
  test(`earlier pods of ${workload} are matched, those of other workloads are not`, () => {
    const pattern = new RegExp(`^(?:${everyPodPattern(workload, named(...present))})$`);
    for (const name of [...present, ...earlier]) assert.match(name, pattern);
    for (const name of others) assert.doesNotMatch(name, pattern);
  });
}

test('values are put on the grid of their query; what is missing stays missing', () => {
  const series = { labels: {}, times: [1000, 3000, 9000], values: [1, 3, 9] };
  assert.deepEqual([...onGrid(series, { start: 1000, end: 4000, step: 1000 })], [1, NaN, 3, NaN]);
});
