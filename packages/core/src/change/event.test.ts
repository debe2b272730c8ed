// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { PHASES, type ChangeWorkloadStatus, type Phase } from '@altershield/api';
import { aChange } from '@altershield/testing/builders';
import { eventOf } from './event.ts';

const statusIn = (phase: Phase, message = ''): ChangeWorkloadStatus => ({
  ...{ phase, reason: 'CheckFailed', message, verdict: 'Fail' },
});

const textOf = (phase: Phase, message?: string): string | undefined => {
  const event = eventOf(aChange(), statusIn(phase, message));
  return event && `${event.type} ${event.reason} ${event.message}`;
};

const cases: readonly [Phase, string][] = [
  ['Running', 'Normal ChangeStarted web-1: releasing web:b by ann'],
  ['RollingBack', 'Warning ChangeRollingBack web-1: rolling back web:b: 2 pods crash'],
  [
    'RolledBack',
    'Warning ChangeRolledBack web-1: web:a runs again; web:b was rolled back: 2 pods crash',
  ],
  ['Suspend', 'Warning ChangeSuspended web-1: 2 pods crash'],
  ['Failed', 'Warning ChangeFailed web-1: 2 pods crash'],
];

for (const [phase, text] of cases) {
  test(`a transition to ${phase} is told as an event`, () => {
    assert.equal(textOf(phase, '2 pods crash'), text);
  });
}

test('a phase that stays the same is no event', () => {
  for (const phase of PHASES) {
    assert.equal(eventOf(aChange({ status: statusIn(phase) }), statusIn(phase)), undefined);
  }
});

test('an event without a message explains its reason', () => {
  assert.match(textOf('Failed') ?? '', /^Warning ChangeFailed web-1: .+/);
});
