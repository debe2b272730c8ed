// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { CallInfo } from '@altershield/sandbox';
import { Checkout, DEPLOYMENT } from '../support/checkout.ts';
import { ALICE, OPERATOR } from '../support/simulation.ts';

const QUICK = { release: { batches: [1, '100%'], soakSeconds: 5 } };
const SLOW = { release: { batches: [1, '100%'], soakSeconds: 60 } };
const HOUR_MS = 3_600_000;

const destinations = ({ changes }: Checkout): string[] =>
  changes.map(({ spec }) => `${spec.from?.images?.join() ?? ''} → ${spec.to.images?.join()}`);

test('a hotfix that fails after an undo is rolled back to the revision that the undo restored', async () => {
  for (const soaking of [20_000, 200_000]) {
    const checkout = await Checkout.start({ policy: SLOW });
    await checkout.apply('2', 300_000);
    await checkout.apply('1', soaking);
    await checkout.apply('bad-3', 60_000);
    assert.equal(destinations(checkout).at(-1), 'shop/checkout:1 → shop/checkout:bad-3');
    assert.deepEqual([checkout.version, checkout.pods], ['1', { '1': 10 }]);
    await checkout.apply('1', 1000);
    await checkout.apply('fix-4', 1000);
    await checkout.apply('1', 15_000);
    assert.deepEqual([checkout.version, checkout.pods, checkout.isHeld], ['1', { '1': 10 }, false]);
  }
});

for (const [replicas, ready] of [
  [3, false],
  [10, true],
  [10, false],
] as const) {
  test(`a restarted operator rolls back no revision that has been healthy for days (${replicas}, ${ready})`, async () => {
    const checkout = await Checkout.start({ policy: QUICK, replicas });
    await checkout.apply('2', 60_000);
    checkout.killOperator();
    await checkout.apply('3', 60_000);
    await checkout.scheduler.runFor(120 * HOUR_MS);
    await checkout.degrade({ restartCount: 4, ready });
    await checkout.startOperator();
    await checkout.scheduler.runFor(60_000);
    assert.deepEqual(checkout.pods, { '3': replicas });
    assert.equal(checkout.changes.at(-1)?.spec.operation, 'PreExisting');
  });
}

test('a revert of a change that is observed only writes nothing to the workload', async () => {
  const writes: string[] = [];
  const beforeCall = ({ write, method, path }: CallInfo): undefined => {
    if (write > 0 && path.startsWith('/apis/apps/')) writes.push(`${method} ${path}`);
  };
  const policy = { ...SLOW, mode: 'Audit' };
  const checkout = await Checkout.start({ policy, faults: { beforeCall } });
  await checkout.apply('slow2', 300);
  await checkout.apply('1', 60_000);
  assert.deepEqual(checkout.story, ['RolledBack/RevertedByUser']);
  assert.deepEqual(writes, []);
});

test('a healthy revision whose record was deleted is not modified', async () => {
  const checkout = await Checkout.start({ policy: QUICK });
  await checkout.apply('2', 60_000);
  await checkout.apply('3', 60_000);
  await checkout.scheduler.runFor(5 * HOUR_MS);
  await checkout.record('DELETE', { sequence: 2 }, 5000);
  await checkout.degrade({ restartCount: 4, ready: false });
  await checkout.patch({ spec: { replicas: 11 } }, 60_000);
  assert.deepEqual(checkout.pods, { '3': 11 });
});

for (const paused of [false, true]) {
  test(`a quarantined revision that cannot be rolled back waits for a user, and no pod is replaced (${paused})`, async () => {
    const checkout = await Checkout.start({
      policy: { ...QUICK, limits: { rollbacksPerHour: 1 } },
    });
    await checkout.apply('2', 60_000);
    await checkout.apply('3', 60_000);
    await checkout.decide(2, 'RollBack', 60_000);
    await checkout.apply('bad-4', 60_000);
    checkout.killOperator();
    await checkout.apply('3', 700_000);
    await checkout.patch({ spec: { paused } }, 1000);
    let moved = 0;
    checkout.sandbox.onPod(() => (moved += 1));
    await checkout.startOperator();
    await checkout.scheduler.runFor(60_000);
    assert.equal(checkout.story.at(-1), 'Suspend/RollbackLimit');
    assert.deepEqual([checkout.version, checkout.pods, moved], ['3', { '3': 10 }, 0]);
  });
}

test('the next leader uses the records of the previous one', async () => {
  const policy = { release: { strategy: 'Rolling', soakSeconds: 5 } };
  const checkout = await Checkout.start({ policy });
  const standby = checkout.simulation.startReplica({ identity: 'replica-2' });
  await checkout.scheduler.runFor(1000);
  await checkout.apply('2', 120_000);
  await checkout.apply('3', 120_000);
  checkout.killOperator();
  await checkout.apply('bad-4', 3000);
  standby.lead();
  await checkout.scheduler.runFor(200_000);
  assert.deepEqual([checkout.version, checkout.pods], ['3', { '3': 10 }]);
});

test('a manually rolled-back revision is no longer a rollback target, whatever its sequence', async () => {
  const limits = { quarantineSeconds: 3600 };
  const checkout = await Checkout.start({ policy: { ...QUICK, limits } });
  await checkout.apply('2', 60_000);
  await checkout.apply('3', 60_000);
  await checkout.apply('2', 60_000);
  await checkout.decide(1, 'RollBack', 60_000);
  assert.equal(checkout.version, '1');
  await checkout.scheduler.runFor(2 * HOUR_MS);
  await checkout.apply('2', 1500);
  assert.deepEqual([checkout.isHeld, checkout.pods['2']], [true, 1]);
});

test('rolling back an older change during a rollback creates no new change', async () => {
  const checkout = await Checkout.start({ policy: QUICK });
  await checkout.apply('2', 60_000);
  await checkout.apply('bad-3', 100);
  const isOnItsWay = (): boolean =>
    checkout.story.at(-1)?.startsWith('RollingBack') === true && checkout.version === '2';
  await checkout.until('the rollback is written', isOnItsWay, 1);
  await checkout.decide(1, 'RollBack', 120_000);
  assert.deepEqual([checkout.version, checkout.changes.length], ['1', 2]);
});

test('after a failed revert, the user decides which revision to run', async () => {
  const checkout = await Checkout.start({ policy: QUICK });
  await checkout.apply('2', 120_000);
  await checkout.apply('1', 3000);
  await checkout.degrade({ restartCount: 4, ready: false, version: '1' });
  await checkout.scheduler.runFor(60_000);
  await checkout.apply('bad-3', 120_000);
  assert.equal(checkout.story.at(-1), 'Suspend/NoVerifiedRevision');
  assert.deepEqual(checkout.pods, { '1': 10, 'bad-3': 1 });
});

test('a rollback decision on an observed-only change is answered, and nothing is written', async () => {
  for (const policy of [{ mode: 'Audit', release: { soakSeconds: 60 } }, SLOW]) {
    const checkout = await Checkout.start();
    await checkout.govern(policy);
    await checkout.play(checkout.sandbox.call('DELETE', { path: DEPLOYMENT }), 5000);
    await checkout.apply('5', 8000);
    const { generation } = checkout.deployment.metadata;
    await checkout.decide(1, 'RollBack', 5000);
    assert.match(
      checkout.changes[0]?.status?.message ?? '',
      /no verified revision to (go|roll) back to/,
    );
    await checkout.scheduler.runFor(120_000);
    assert.equal(checkout.deployment.metadata.generation, generation);
    assert.deepEqual(checkout.story, ['Success/Verified']);
  }
});

test('a manual rollback stays in effect when its records are deleted', async () => {
  const limits = { historyTTLSeconds: 3600, quarantineSeconds: 3600 };
  const checkout = await Checkout.start({ policy: { ...QUICK, limits } });
  await checkout.apply('2', 60_000);
  await checkout.apply('bad-3', 60_000);
  await checkout.decide(1, 'RollBack', 60_000);
  assert.equal(checkout.version, '1');
  await checkout.scheduler.runFor(3 * HOUR_MS);
  await checkout.degrade({ restartCount: 4 });
  await checkout.patch({ spec: { replicas: 11 } }, 60_000);
  assert.deepEqual([checkout.version, checkout.pods], ['1', { '1': 11 }]);
  assert.deepEqual(
    checkout.story.filter((s) => s !== 'RolledBack/RolledBack'),
    [],
  );
});

test('clock skew between replicas creates no records', async () => {
  const checkout = await Checkout.start({ policy: QUICK });
  await checkout.apply('bad-2', 60_000);
  const rolledBackAt = new Date(checkout.scheduler.now() + 20_000).toISOString();
  const path =
    '/apis/altershield.io/v1alpha1/namespaces/shop/changeworkloads/deployment-checkout-1/status';
  const merge = { contentType: 'application/merge-patch+json' };
  const former = checkout.simulation.client(OPERATOR);
  await checkout.play(former.raw('PATCH', path, { status: { rolledBackAt } }, merge), 100);
  await checkout.apply('3', 120_000);
  assert.deepEqual(checkout.history, ['bad-2 RolledBack RolledBack', '3 Success Verified']);
});

test('a manifest exported during a hold restores none of the operator’s fields when it is a revert', async () => {
  const checkout = await Checkout.start({ policy: QUICK });
  await checkout.apply('2', 300);
  const { spec, metadata } = checkout.deployment;
  await checkout.scheduler.runFor(60_000);
  await checkout.apply('3', 60_000);
  const { name, namespace, annotations } = metadata;
  const head = { apiVersion: 'apps/v1', kind: 'Deployment' };
  const exported = { ...head, metadata: { name, namespace, annotations }, spec };
  await checkout.play(checkout.sandbox.apply(exported as never, ALICE), 60_000);
  assert.deepEqual([checkout.isHeld, checkout.pods], [false, { '2': 10 }]);
  assert.deepEqual(checkout.story, Array(3).fill('Success/Verified'));
});

test('the cluster-wide rollback limit survives a restart', async () => {
  const checkout = await Checkout.start({ policy: QUICK, rollbacksPerHour: 1 });
  await checkout.apply('bad-2', 60_000);
  checkout.killOperator();
  await checkout.startOperator();
  await checkout.apply('bad-3', 60_000);
  assert.deepEqual(checkout.story, ['RolledBack/RolledBack', 'Suspend/RollbackLimit']);
  assert.match(
    checkout.changes[1]?.status?.message ?? '',
    /1 automatic .* whole cluster, 1 allowed/,
  );
  await checkout.apply('3', HOUR_MS);
  await checkout.apply('bad-4', 60_000);
  assert.equal(checkout.story.at(-1), 'RolledBack/RolledBack');
});
