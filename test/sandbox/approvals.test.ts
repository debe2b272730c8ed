// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { UserInfo } from '@altershield/sandbox';
import { Checkout } from '../support/checkout.ts';
import { ALICE } from '../support/simulation.ts';

const BOB: UserInfo = { username: 'bob', groups: ['sre'] };
const CAROL: UserInfo = { username: 'carol', groups: ['sre', 'security'] };
const DAVE: UserInfo = { username: 'dave', groups: ['sre'] };

const policy = (approval: object, more: object = {}): object => ({
  release: { batches: [1, '100%'], soakSeconds: 5, approval, ...more },
});

/** Dave is in the group, but RBAC does not let him approve. */
const start = (approval: object, more: object = {}): Promise<Checkout> =>
  Checkout.start({
    policy: policy(approval, more),
    authorize: ({ user, verb }) => verb !== 'approve' || user.username !== 'dave',
  });

const answers = (checkout: Checkout): (string | undefined)[] =>
  checkout.approvals.map(({ status }) => status?.conditions?.[0]?.reason);

const updated = (checkout: Checkout): number => checkout.pods['2'] ?? 0;

const messageOf = (checkout: Checkout): string => checkout.changes.at(-1)?.status?.message ?? '';

test('no pod of a change is released before it is approved, and then all batches are', async () => {
  const checkout = await start({ from: [{ group: 'sre' }] });
  await checkout.apply('2', 120_000);
  assert.deepEqual(checkout.story, ['Init/AwaitingApproval']);
  assert.deepEqual(checkout.pods, { '1': 10 });
  assert.equal(messageOf(checkout), 'the change needs 1 approval of group sre');
  assert.ok(checkout.events.includes('ChangeAwaitingApproval'));
  await checkout.approve(1, { reason: 'seen' }, { user: BOB, ms: 120_000 });
  assert.deepEqual(checkout.story, ['Success/Verified']);
  assert.deepEqual(answers(checkout), ['Counted']);
  const { approval, decisions = [] } = checkout.changes[0]?.status ?? {};
  assert.deepEqual(approval?.by, ['bob']);
  const kept = decisions.map(({ action, by, reason, carriedOut }) => [
    action,
    by,
    reason,
    carriedOut,
  ]);
  assert.deepEqual(kept, [['Approve', 'bob', 'seen', true]]);
});

test('before every batch, as many users of each group as the policy says', async () => {
  const from = [{ group: 'sre', count: 2 }, { group: 'security' }];
  const checkout = await start({ before: 'Batch', from });
  await checkout.apply('2', 30_000);
  await checkout.approve(1, {}, { user: BOB });
  assert.match(
    messageOf(checkout),
    /^batch 1 of 2 needs 1 approval of group sre and 1 of group security; approved by bob$/,
  );
  assert.deepEqual(checkout.pods, { '1': 10 });
  await checkout.approve(1, {}, { user: BOB });
  assert.deepEqual(checkout.story, ['Init/AwaitingApproval'], 'a user counts once');
  await checkout.approve(1, {}, { user: CAROL, ms: 60_000 });
  assert.deepEqual([checkout.story, updated(checkout)], [['Init/AwaitingApproval'], 1]);
  assert.match(messageOf(checkout), /^batch 2 of 2 needs 2 approvals of group sre/);
  await checkout.approve(1, {}, { user: BOB });
  await checkout.approve(1, {}, { user: CAROL, ms: 60_000 });
  assert.deepEqual(checkout.story, ['Success/Verified']);
  assert.deepEqual(
    checkout.changes[0]?.status?.decisions?.map(({ by }) => by),
    ['bob', 'carol', 'bob', 'carol'],
  );
});

test('a step with its own approval waits for it, and the steps before it for none', async () => {
  const checkout = await Checkout.start({
    policy: {
      release: {
        batches: [1, '50%', '100%'],
        soakSeconds: 5,
        steps: [{ step: 3, approval: { from: [{ group: 'security' }] } }],
      },
    },
  });
  await checkout.apply('2', 240_000);
  assert.deepEqual([checkout.story, updated(checkout)], [['Init/AwaitingApproval'], 5]);
  assert.equal(messageOf(checkout), 'batch 3 of 3 needs 1 approval of group security');
  const denied = (spec: object, user: UserInfo, why: RegExp): Promise<void> =>
    assert.rejects(checkout.approve(1, spec, { user }), why);
  await denied({}, BOB, /bob is in none of the groups that must approve: security/);
  await denied({ batch: 1 }, CAROL, /batch 1 is released already/);
  await denied({}, { ...ALICE, groups: ['security'] }, /alice made this change/);
  await checkout.approve(1, {}, { user: CAROL, ms: 120_000 });
  assert.deepEqual(checkout.story, ['Success/Verified']);
  const { approval } = checkout.changes[0]?.status ?? {};
  assert.deepEqual([approval?.batch, approval?.by], [3, ['carol']]);
});

test('the switch of the Services waits for the approval of its step', async () => {
  const checkout = await Checkout.start({
    policy: {
      release: {
        strategy: 'BlueGreen',
        soakSeconds: 5,
        blueGreen: { keepSeconds: 10 },
        steps: [{ step: 2, approval: {} }],
      },
    },
  });
  const selector = { app: 'checkout' };
  const service = {
    apiVersion: 'v1',
    kind: 'Service',
    metadata: { name: 'checkout', namespace: 'shop' },
    spec: { selector },
  };
  await checkout.play(checkout.sandbox.apply(service), 1000);
  const selected = async (): Promise<object> => {
    const path = '/api/v1/namespaces/shop/services/checkout';
    const got = await checkout.play(checkout.sandbox.call('GET', { path }), 100);
    return (got as unknown as typeof service).spec.selector;
  };
  await checkout.apply('2', 240_000);
  assert.deepEqual(
    [checkout.story, checkout.pods],
    [['Init/AwaitingApproval'], { '1': 10, '2': 10 }],
  );
  const before = await selected();
  assert.notDeepEqual(before, selector);
  await checkout.approve(1, {}, { user: BOB, ms: 8000 });
  assert.notDeepEqual(await selected(), before);
  await checkout.scheduler.runFor(240_000);
  assert.deepEqual([checkout.story, checkout.pods], [['Success/Verified'], { '2': 10 }]);
  assert.deepEqual(await selected(), selector);
});

test('an approval that cannot count is denied when it is written, with the reason', async () => {
  const checkout = await start({ before: 'Batch', from: [{ group: 'sre' }] });
  await checkout.apply('2', 30_000);
  const denied = (spec: object, user: UserInfo, why: RegExp): Promise<void> =>
    assert.rejects(checkout.approve(1, spec, { user }), why);
  await denied({}, ALICE, /alice made this change; another user must approve it/);
  await denied({}, { username: 'eve', groups: ['dev'] }, /eve is in none of the groups/);
  await denied({}, DAVE, /dave may not approve changeworkloads.altershield.io in namespace shop/);
  await denied({ expiresAt: '2020-01-01T00:00:00Z' }, BOB, /it counted until 2020-01-01/);
  await denied({ batch: 9 }, BOB, /the change has 2 batches; there is no batch 9/);
  await denied(
    { change: { name: 'nothing' } },
    BOB,
    /there is no change nothing in namespace shop/,
  );
  await denied({ decision: 'Reject' }, DAVE, /dave may not approve/);
  assert.deepEqual([checkout.story, checkout.approvals], [['Init/AwaitingApproval'], []]);
  await checkout.approve(1, {}, { user: BOB, ms: 30_000 });
  await denied({ batch: 1 }, BOB, /batch 1 is released already/);
  await checkout.approve(1, {}, { user: BOB, ms: 60_000 });
  await denied({}, BOB, /is Success: nothing of it is released/);
});

test('the author is who sent the approval, whatever it says', async () => {
  const checkout = await start({ from: [{ group: 'sre' }] });
  await checkout.apply('2', 30_000);
  const forged = { author: { user: 'bob', groups: ['sre'] }, at: '2026-01-01T00:00:00Z' };
  await assert.rejects(checkout.approve(1, forged, { user: ALICE }), /alice made this change/);
  await checkout.approve(1, forged, { user: CAROL });
  assert.equal(checkout.approvals[0]?.spec.author?.user, 'carol');
});

test('an approval that admission did not see is answered, and nothing moves', async () => {
  const checkout = await start({ from: [{ group: 'sre' }] });
  await checkout.apply('2', 30_000);
  checkout.killOperator();
  const forged = { author: { user: 'bob', groups: ['sre'] }, at: '2026-01-01T00:00:00Z' };
  await checkout.approve(1, { ...forged, signature: 'x' }, { user: ALICE });
  await checkout.approve(1, { change: { name: 'nothing' } }, { user: BOB });
  await checkout.startOperator();
  await checkout.scheduler.runFor(60_000);
  assert.deepEqual(checkout.story, ['Init/AwaitingApproval']);
  assert.deepEqual(answers(checkout).sort(), ['UnknownChange', 'Unsigned']);
});

test('an approval expires while others are missing', async () => {
  const checkout = await start({ from: [{ group: 'sre', count: 2 }], expiresSeconds: 60 });
  await checkout.apply('2', 30_000);
  await checkout.approve(1, {}, { user: BOB, ms: 70_000 });
  assert.deepEqual(answers(checkout), ['Expired']);
  assert.match(messageOf(checkout), /needs 2 approvals of group sre$/);
  await checkout.approve(1, {}, { user: CAROL });
  await checkout.approve(1, {}, { user: BOB, ms: 120_000 });
  assert.deepEqual(checkout.story, ['Success/Verified']);
});

test('a rejected change is rolled back and quarantined, and the rollback waits for no approval', async () => {
  const checkout = await start({ before: 'Batch', from: [{ group: 'sre' }] });
  await checkout.apply('2', 30_000);
  await checkout.approve(1, {}, { user: BOB, ms: 30_000 });
  assert.equal(updated(checkout), 1);
  await checkout.approve(1, { decision: 'Reject', reason: 'no' }, { user: BOB, ms: 60_000 });
  assert.deepEqual([checkout.story, checkout.pods], [['RolledBack/RolledBack'], { '1': 10 }]);
  assert.match(messageOf(checkout), /rejected by bob: no/);
  await assert.rejects(checkout.apply('2', 1000), /rejected by bob: no|denies this revision/);
});

test('pods that fail while the next batch waits for approval are rolled back', async () => {
  const checkout = await start({ before: 'Batch' });
  await checkout.apply('2', 30_000);
  await checkout.approve(1, {}, { user: BOB, ms: 60_000 });
  assert.equal(updated(checkout), 1);
  await checkout.degrade({ restartCount: 9, ready: false, version: '2' });
  await checkout.scheduler.runFor(60_000);
  assert.deepEqual([checkout.story, checkout.pods], [['RolledBack/RolledBack'], { '1': 10 }]);
});

test('a user pauses a change, resumes it, and skips the rest of a soak time', async () => {
  const checkout = await Checkout.start({
    policy: { release: { batches: [1, '50%', '100%'], soakSeconds: 60 } },
  });
  await checkout.apply('2', 20_000);
  await checkout.approve(1, { decision: 'Pause', reason: 'lunch' }, { user: BOB, ms: 300_000 });
  assert.deepEqual(checkout.story, ['Suspend/RequestedByUser']);
  assert.equal(messageOf(checkout), 'paused by bob: lunch');
  assert.equal(updated(checkout), 1);
  await checkout.approve(1, { decision: 'Resume' }, { user: BOB, ms: 20_000 });
  assert.deepEqual([checkout.story, updated(checkout)], [['Running/BatchReleasing'], 5]);
  await checkout.approve(1, { decision: 'Skip' }, { user: BOB, ms: 20_000 });
  assert.deepEqual(checkout.pods, { '2': 10 });
  await checkout.scheduler.runFor(120_000);
  assert.deepEqual(checkout.story, ['Success/Verified']);
  assert.deepEqual(answers(checkout), ['CarriedOut', 'CarriedOut', 'CarriedOut']);
});

test('a decision that does not fit is answered, and nothing moves', async () => {
  const checkout = await Checkout.start({
    policy: { release: { batches: [1], soakSeconds: 600 } },
  });
  await checkout.apply('2', 20_000);
  await checkout.approve(1, { decision: 'Resume' }, { user: BOB, ms: 5000 });
  assert.deepEqual(
    [checkout.story, answers(checkout)],
    [['Running/BatchReleasing'], ['NotApplicable']],
  );
  await assert.rejects(checkout.approve(1, {}, { user: BOB }), /asks for no approval/);
});

test('decisions are deleted with their change', async () => {
  const checkout = await start({ from: [{ group: 'sre' }] });
  await checkout.apply('2', 30_000);
  await checkout.approve(1, {}, { user: BOB, ms: 120_000 });
  assert.equal(checkout.approvals.length, 1);
  await checkout.play(checkout.sandbox.call('DELETE', { path: checkout.path }), 5000);
  await checkout.record('DELETE', { sequence: 1 }, 10_000);
  assert.deepEqual(checkout.approvals, []);
});
