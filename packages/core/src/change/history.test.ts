// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { REVISION_A, REVISION_B, change, status } from '@altershield/testing/change-states';
import { fingerprint, quarantineKey } from '../revision/fingerprint.ts';
import { aTemplate } from '@altershield/testing/builders';
import { currentRecord, isRevert, wasVerified } from './history.ts';

const good = change(status('Success', { verdict: 'Pass' }));
const is = (fingerprint: string, changes = [good], uid = 'd-1'): boolean =>
  wasVerified(changes, { uid, fingerprint });

test('a successful revision and the one before it are verified, for the same workload only', () => {
  assert.deepEqual([is(REVISION_A), is(REVISION_B), is('other')], [true, true, false]);
  assert.equal(is(REVISION_B, [good], 'd-2'), false);
});

test('a failed change verifies nothing and revokes an earlier verdict', () => {
  for (const end of [
    status('RolledBack'),
    status('RollingBack'),
    status('Failed', { verdict: 'Fail' }),
  ]) {
    assert.equal(is(REVISION_B, [change(end)]), false);
    assert.equal(is(REVISION_B, [good, change(end)]), false);
  }
  assert.equal(is(REVISION_A, [change(status('RolledBack'), {}, {}, false)]), false);
});

test('a change that was superseded, reverted or not checked has no verdict on its revision', () => {
  const silent = [
    status('Superseded', { reason: 'Superseded' }),
    status('RolledBack', { reason: 'RevertedByUser' }),
    status('Success', { verdict: 'None' }),
    status('Superseded', { verdict: 'Fail' }),
    status('Suspend', { verdict: 'Fail' }),
    status('Running'),
    status('Failed', { reason: 'CheckInconclusive', verdict: 'Inconclusive' }),
  ];
  for (const end of silent) {
    assert.equal(is(REVISION_B, [change(end)]), false);
    assert.equal(is(REVISION_B, [good, change(end)]), true);
  }
});

test('the latest verdict counts, whatever its sequence', () => {
  const good = change(status('Success', { verdict: 'Pass' }), {}, { sequence: 3 });
  const back = change(status('RolledBack', { rolledBackAtSequence: 3 }), {}, { sequence: 1 });
  assert.equal(is(REVISION_B, [back, good]), false);
});

const numbered = (sequence: number, end: ReturnType<typeof status>) =>
  change(end, {}, { sequence });

test('the running revision belongs to the newest change, also while an older one has not ended', () => {
  const hanging = numbered(1, status('Running'));
  const done = numbered(2, status('Success'));
  assert.equal(currentRecord([hanging, done]), done);
});

test('the running revision belongs to the change in flight, or else to the newest change', () => {
  const over = [numbered(1, status('Success')), numbered(2, status('RolledBack'))];
  const open = numbered(3, status('Running'));
  assert.equal(currentRecord(over.slice(2)), undefined);
  assert.equal(currentRecord(over), over[1]);
  assert.equal(currentRecord([...over, open]), open);
});

test('an older change that was rolled back since has the latest verdict, until a newer change exists', () => {
  const back = numbered(1, status('RolledBack', { rolledBackAtSequence: 2 }));
  const bad = numbered(2, status('RolledBack', { rolledBackAtSequence: 2 }));
  const next = numbered(3, status('Success'));
  assert.equal(currentRecord([back, bad]), back);
  assert.equal(currentRecord([back, bad, next]), next);
  const onItsWay = numbered(1, status('RollingBack', { rolledBackAtSequence: 3 }));
  assert.equal(currentRecord([onItsWay, bad, next]), onItsWay);
});

test('of two changes rolled back in a row, the later one is the current record', () => {
  const at = (sequence: number, rolledBackAt: string) =>
    numbered(sequence, status('RolledBack', { rolledBackAtSequence: 3, rolledBackAt }));
  const [early, late] = ['2026-01-01T12:00:00.000Z', '2026-01-01T12:01:00.000Z'];
  for (const [one, two] of [
    [at(1, late), at(2, early)],
    [at(1, early), at(2, late)],
  ] as const) {
    const expected = one.status?.rolledBackAt === late ? one : two;
    assert.equal(currentRecord([one, two, numbered(3, status('RolledBack'))]), expected);
  }
});

test('a leftover restart annotation does not prevent a revert; a restart is not a revert', () => {
  const restarted = (tag: string) =>
    aTemplate(tag, { annotations: { 'kubectl.kubernetes.io/restartedAt': 'now' } });
  const back = (template: ReturnType<typeof aTemplate>, running: typeof template, c = [good]) =>
    isRevert(c, { uid: 'd-1', template, running });
  assert.equal(back(aTemplate('a'), aTemplate('b')), true);
  assert.equal(back(restarted('a'), restarted('b')), true, 'the mark stayed');
  assert.equal(back(restarted('b'), aTemplate('b')), false, 'a restart of what runs');
  assert.equal(back(aTemplate('c'), aTemplate('b')), false);
  const template = restarted('b');
  const to = {
    fingerprint: fingerprint(template),
    quarantineKey: quarantineKey(template),
    images: [],
  };
  const failed = change(status('Failed', { verdict: 'Fail' }), {}, { to, sequence: 2 });
  assert.equal(back(restarted('b'), aTemplate('c'), [good, failed]), false, 'its own word counts');
  assert.equal(back(restarted('a'), aTemplate('c'), [good, failed]), true);
});
