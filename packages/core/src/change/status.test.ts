// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { PHASES, type Phase } from '@altershield/api';
import { NOW } from '@altershield/testing/builders';
import { change, status } from '@altershield/testing/change-states';
import { conditionsOf, isOver, move, timeText } from './status.ts';

const conditions = (phase: Phase, more = {}) => {
  const record = change();
  const [completed, succeeded] = conditionsOf(
    { ...record, metadata: { ...record.metadata, generation: 3 } },
    status(phase, more),
  );
  assert.ok(completed && succeeded);
  return { completed, succeeded };
};

test('Completed says whether the change ended, Succeeded how', () => {
  for (const phase of PHASES) {
    const { completed, succeeded } = conditions(phase);
    const expected = isOver(phase)
      ? ['True', phase === 'Success' ? 'True' : 'False']
      : ['False', 'Unknown'];
    assert.deepEqual([completed.status, succeeded.status], expected, phase);
  }
});

test('a condition changes when the change ends, with its reason and observedGeneration', () => {
  const terminated = move(
    status('Running'),
    NOW + 5000,
    ['Success', 'Verified'],
    'all batches passed',
  );
  assert.deepEqual(conditions('Success', terminated).completed, {
    type: 'Completed',
    status: 'True',
    reason: 'Verified',
    message: 'all batches passed',
    lastTransitionTime: timeText(NOW + 5000),
    observedGeneration: 3,
  });
});

test('a change that is rolled back after its end is in progress again', () => {
  const [finishedAt, rolledBackAt] = [timeText(NOW), timeText(NOW + 9000)];
  const { completed } = conditions('RollingBack', { finishedAt, rolledBackAt });
  assert.deepEqual([completed.status, completed.lastTransitionTime], ['False', rolledBackAt]);
});
