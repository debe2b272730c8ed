// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Checkout, DEPLOYMENT } from '../support/checkout.ts';
import { GITOPS } from '../support/simulation.ts';

const QUICK = { release: { batches: [1, '100%'], soakSeconds: 5 } };
const SLOW = { release: { batches: [1, '100%'], soakSeconds: 60 } };
const POLICY = '/apis/altershield.io/v1alpha1/namespaces/shop/changepolicies/web';

const image = (version: string): object => ({
  spec: {
    template: { spec: { containers: [{ name: 'app', image: `shop/checkout:${version}` }] } },
  },
});

const versionOf = (change: { metadata: { resourceVersion?: string } } | undefined): number =>
  Number(change?.metadata.resourceVersion);

test('a revert while the annotation is malformed does not cause endless writes', async () => {
  const checkout = await Checkout.start({ policy: SLOW });
  await checkout.apply('2', 10_000);
  checkout.killOperator();
  await checkout.editRelease('garbled', 1000);
  await checkout.patch(image('1'), 2000);
  await checkout.startOperator();
  await checkout.scheduler.runFor(30_000);
  assert.deepEqual(checkout.story, ['RolledBack/RevertedByUser']);
  assert.deepEqual([checkout.pods, checkout.isHeld], [{ '1': 10 }, false]);
  const before = [versionOf(checkout.changes[0]), versionOf(checkout.deployment)];
  await checkout.scheduler.runFor(60_000);
  assert.deepEqual([versionOf(checkout.changes[0]), versionOf(checkout.deployment)], before);
});

test('rolling back three changes in a row creates no new change', async () => {
  const checkout = await Checkout.start({ policy: QUICK });
  for (const version of ['2', '3', '4']) await checkout.apply(version, 60_000);
  for (const sequence of [3, 2, 1]) await checkout.decide(sequence, 'RollBack', 60_000);
  await checkout.patch({ spec: { replicas: 11 } }, 60_000);
  assert.deepEqual([checkout.version, checkout.pods], ['1', { '1': 11 }]);
  assert.deepEqual(checkout.story, Array(3).fill('RolledBack/RolledBack'));
});

test('a failed PreExisting revision is held when it is applied again while the revert is checked', async () => {
  const checkout = await Checkout.start({ policy: SLOW });
  await checkout.apply('2', 200_000);
  await checkout.play(checkout.sandbox.call('DELETE', { path: POLICY }), 1000);
  await checkout.apply('3', 700_000);
  await checkout.degrade({ restartCount: 4, ready: false, version: '3' });
  await checkout.govern(SLOW, 10_000);
  assert.equal(checkout.history.at(-1), '3 Failed CheckFailed');
  assert.equal(checkout.changes.at(-1)?.spec.operation, 'PreExisting');
  await checkout.apply('2', 20_000);
  assert.equal(checkout.changes.at(-1)?.spec.operation, 'Revert');
  await checkout.apply('3', 30_000, GITOPS);
  assert.deepEqual([checkout.isHeld, checkout.pods['3']], [true, 1]);
  assert.equal(checkout.changes.at(-1)?.spec.to.images?.join(), 'shop/checkout:3');
});

test('a decision about a deleted workload does not affect another one of its name', async () => {
  const checkout = await Checkout.start({ policy: QUICK });
  await checkout.apply('2', 60_000);
  await checkout.play(checkout.sandbox.call('DELETE', { path: DEPLOYMENT }), 5000);
  await checkout.apply('2', 60_000);
  const { generation } = checkout.deployment.metadata;
  await checkout.decide(1, 'RollBack', 60_000);
  assert.deepEqual([checkout.version, checkout.deployment.metadata.generation], ['2', generation]);
  assert.equal(checkout.changes.length, 2);
});

test('an undo of a change that failed in Audit mode is recorded as a revert, with the revision it came from', async () => {
  const checkout = await Checkout.start({ policy: { mode: 'Audit', release: { soakSeconds: 5 } } });
  await checkout.apply('bad-2', 60_000);
  assert.deepEqual(checkout.history, ['bad-2 Failed CheckFailed']);
  await checkout.apply('1', 60_000);
  const { operation, from } = checkout.changes.at(-1)?.spec ?? {};
  assert.deepEqual([operation, from?.images], ['Revert', ['shop/checkout:bad-2']]);
});

const REVERTS = [
  ['the user who made it', true, ['bob', 'bob applied the previous revision again']],
  ['no user where no operator saw it', false, ['', 'the previous revision was applied again']],
] as const;

for (const [what, isAlive, wanted] of REVERTS) {
  test(`a revert in the middle of a batch is recorded with ${what}`, async () => {
    const checkout = await Checkout.start({ policy: SLOW });
    await checkout.apply('2', 20_000);
    if (!isAlive) checkout.killOperator();
    await checkout.apply('1', 2000, { username: 'bob', groups: ['developers'] });
    if (!isAlive) await checkout.startOperator();
    await checkout.scheduler.runFor(30_000);
    assert.deepEqual(checkout.story, ['RolledBack/RevertedByUser']);
    const [status] = checkout.changes.map((change) => change.status);
    assert.deepEqual([status?.revertedBy?.user, status?.message], wanted);
  });
}

test('a restart in the middle of a batch is held and recorded as a restart of an unverified revision', async () => {
  const checkout = await Checkout.start({ policy: SLOW });
  await checkout.apply('2', 20_000);
  const restartedAt = { 'kubectl.kubernetes.io/restartedAt': 'now' };
  await checkout.patch({ spec: { template: { metadata: { annotations: restartedAt } } } }, 20_000);
  const { cause, from } = checkout.changes.at(-1)?.spec ?? {};
  assert.deepEqual([cause?.action, from?.images], ['Restart', ['shop/checkout:1']]);
  assert.deepEqual([checkout.isHeld, checkout.story[0]], [true, 'Superseded/Superseded']);
});

test('a restart in between does not hold the revert', async () => {
  const checkout = await Checkout.start({ policy: SLOW });
  await checkout.apply('2', 200_000);
  const restartedAt = { 'kubectl.kubernetes.io/restartedAt': 'now' };
  await checkout.patch({ spec: { template: { metadata: { annotations: restartedAt } } } }, 200_000);
  assert.deepEqual(checkout.story, Array(2).fill('Success/Verified'));
  await checkout.apply('1', 15_000);
  assert.equal(checkout.isHeld, false);
});

test('a user can roll back a revision that was released and failed', async () => {
  const checkout = await Checkout.start({ policy: { mode: 'Audit', release: { soakSeconds: 5 } } });
  await checkout.apply('bad-2', 60_000);
  await checkout.decide(1, 'RollBack', 60_000);
  assert.deepEqual([checkout.version, checkout.pods], ['1', { '1': 10 }]);
});

test('a record that waits for its finalizer blocks no other change', async () => {
  const checkout = await Checkout.start({ policy: QUICK });
  await checkout.apply('2', 200);
  await checkout.record('PATCH', { sequence: 1, body: { metadata: { finalizers: ['a/b'] } } }, 100);
  await checkout.record('DELETE', { sequence: 1 }, 100);
  await checkout.apply('3', 120_000);
  await checkout.scheduler.runFor(300_000);
  assert.ok(checkout.changes.length <= 3, checkout.history.join('; '));
});

test('a revision that was quarantined since is not a rollback target', async () => {
  const checkout = await Checkout.start({ policy: QUICK });
  await checkout.apply('2', 60_000);
  await checkout.apply('1', 60_000);
  await checkout.decide(2, 'RollBack', 60_000);
  assert.deepEqual([checkout.version, checkout.story[1]], ['2', 'RolledBack/RolledBack']);
  await checkout.decide(1, 'RollBack', 60_000);
  assert.equal(checkout.version, '2');
});
