// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { chartLines, number } from './chart.ts';
import { painter } from './style.ts';

const view = { paint: painter(false), columns: 80 };
const metric = { source: '', query: 'errors', stepSeconds: 15 };

test('updated and stable pods are drawn after the time before, on one scale', () => {
  const charts = [
    { of: 'Updated', values: [0.4, 0.8] },
    { of: 'Stable', values: [0.1, 0, 0.1] },
    { of: 'Before', values: [0, 0.1, 0] },
  ] as const;
  assert.deepEqual(chartLines({ ...metric, charts, threshold: 1, from: 'noise' }, view), [
    'updated ▁▂▁│▅█   0.8',
    'stable  ▁▂▁│▂▁▂  0.1',
    'before 0.0333; threshold 1 from noise',
  ]);
});

test('missing values are left out', () => {
  const charts = [{ of: 'Updated', values: [5, 5] }] as const;
  assert.deepEqual(chartLines({ ...metric, charts }, view), ['updated │▁▁  5']);
  assert.deepEqual(chartLines({ ...metric, charts: [] }, view), []);
});

test('numbers are short', () => {
  assert.deepEqual([0, 0.01234, 1234, 12_345, 3.2e9].map(number), [
    '0',
    '0.0123',
    '1230',
    '12.3k',
    '3.2G',
  ]);
});
