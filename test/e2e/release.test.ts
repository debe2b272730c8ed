// SPDX-License-Identifier: Apache-2.0

import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { eventually } from '@altershield/testing/eventually';
import { Fixture, cli, kubectl } from './support/fixture.ts';
import { reportContainer } from './support/kubelet.ts';
import { imageOf, type Pod } from './support/pods.ts';
import {
  ACTOR,
  RELEASE,
  activeOf,
  create,
  isSound,
  ourAnnotations,
  type App,
} from './support/story.ts';

const LONG_SOAK = { release: { batches: [2, '50%', '100%'], soakSeconds: 600 } };
const QUICKLY = { batches: [1, '100%'], soakSeconds: 1 };

const fixture = Fixture.ofFile();

describe('a change in flight', { concurrency: 3 }, () => {
  test('is superseded by a third template, and the verified revision stays the rollback target', async () => {
    const app = await fixture.newApp({ replicas: 6, policy: LONG_SOAK });
    const { spec } = await app.get();
    await app.setImage('checkout:v2');
    await app.untilReady('checkout:v2', 2);
    const since = performance.now();
    await app.setImage('checkout:bad-3');
    await app.until('checkout:v2', 'Superseded');
    const change = await app.until('checkout:bad-3', 'RolledBack');
    assert.deepEqual(change.spec.from?.images, ['checkout:v1']);
    assert.equal(change.spec.from.verified, true);
    assert.ok(app.timeline.maxNew('checkout:bad-3') <= 2);
    assert.ok(app.timeline.minReady(since) >= 5, `${app.timeline.minReady(since)} ready`);
    await app.assertAtRest(spec);
    app.deployment.assertSpecKept(spec);
    await app.untilReady('checkout:v1', 6);
  });

  test('that the user reverts in the middle of a batch is released at once', async () => {
    const app = await fixture.newApp({ replicas: 6, policy: LONG_SOAK });
    const { spec } = await app.get();
    await app.setImage('checkout:v2');
    await app.untilReady('checkout:v2', 2);
    assert.deepEqual(ourAnnotations(await app.get()), [RELEASE]);
    const reverted = await app.setImage('checkout:v1', 'gitops');
    assert.deepEqual(reverted.spec, spec);
    assert.match(reverted.metadata.annotations?.[RELEASE] ?? '', /^[a-z0-9]+\/\/0\/6$/);
    const change = await app.until('checkout:v2', 'RolledBack');
    assert.equal(change.status?.reason, 'RevertedByUser');
    assert.match(change.status.revertedBy?.user ?? '', /:kustomize-controller$/);
    assert.equal(change.spec.actor.user, 'alice');
    assert.equal(change.status.quarantine, undefined);
    await app.untilReady('checkout:v1', 6);
    assert.deepEqual((await app.get()).spec, spec);
    assert.equal((await app.changes()).length, 1);
  });

  test('by kubectl rollout undo or restart is recorded under that name', async () => {
    const app = await fixture.newApp({ replicas: 2, policy: { release: QUICKLY } });
    const rollout = (verb: string) => kubectl(app, 'rollout', verb, 'deploy/checkout');
    await app.setImage('checkout:v2');
    await app.until('checkout:v2', 'Success');
    await rollout('undo');
    const { spec: undone } = await app.until('checkout:v1', 'Success');
    await rollout('restart');
    const { spec: restarted } = await app.until('checkout:v1', 'Success', 60_000, 3);
    const facts = [undone, restarted].map(({ actor, cause, operation }) => [
      ...[actor.user, actor.stamped, operation],
      ...[cause.tool, cause.action],
    ]);
    assert.deepEqual(facts, [
      ['alice', true, 'Revert', 'kubectl', 'Undo'],
      ['alice', true, 'Update', 'kubectl', 'Restart'],
    ]);
  });

  test('keeps to its batch while it is scaled up and down', async () => {
    const app = await fixture.newApp({ replicas: 6, policy: LONG_SOAK });
    const { spec } = await app.get();
    await app.setImage('checkout:v2');
    await app.untilReady('checkout:v2', 2);
    await app.scale(12);
    // What surged may stay or go, within the user's 25 %.
    await untilPods(app, { 'checkout:v1': [10, 13], 'checkout:v2': [2, 2] });
    await app.scale(8);
    await untilPods(app, { 'checkout:v1': [6, 8], 'checkout:v2': [2, 2] });
    await app.scale(3);
    await untilPods(app, { 'checkout:v1': [1, 2], 'checkout:v2': [2, 2] });
    await app.scale(6);
    await untilPods(app, { 'checkout:v1': [4, 6], 'checkout:v2': [2, 2] });
    const { code, stderr } = await cli(app, 'rollback', '--reason', 'enough seen');
    assert.equal(code, 0, stderr);
    await app.until('checkout:v2', 'RolledBack');
    await app.assertAtRest({ ...spec, replicas: 6 });
  });

  test('ends with its object, and another object of that name starts anew', async () => {
    const app = await fixture.newApp({ replicas: 3, policy: LONG_SOAK });
    await app.setImage('checkout:v2');
    await app.untilReady('checkout:v2', 2);
    await kubectl(app, 'delete', 'deploy', 'checkout');
    await create(app, { replicas: 3, image: 'checkout:v3' });
    const gone = await app.until('checkout:v2', 'Failed');
    assert.equal(gone.status?.reason, 'WorkloadDeleted');
    const made = await app.until('checkout:v3', 'Running');
    assert.equal(made.spec.operation, 'Create');
    assert.equal(made.spec.sequence, gone.spec.sequence + 1);
    await app.untilReady('checkout:v3', 3);
  });

  test('of a workload that its user paused waits until the user resumes it', async () => {
    const app = await fixture.newApp({ replicas: 3, policy: { release: QUICKLY } });
    const { spec } = await app.get();
    await app.patch({ spec: { paused: true } });
    await app.setImage('checkout:v2');
    const waiting = await app.untilReason('checkout:v2', ['Init', 'PausedByUser']);
    assert.equal(waiting.spec.operation, 'Update');
    assert.equal(app.timeline.everCreated('checkout:v2'), 0);
    await app.patch({ spec: { paused: null } });
    await app.until('checkout:v2', 'Success');
    await app.assertAtRest(spec, (await app.get()).spec.template);
  });

  test('of a workload without replicas stays held, and is checked when it is scaled up', async () => {
    const app = await fixture.newApp({ replicas: 3, policy: LONG_SOAK });
    const { spec } = await app.get();
    await app.setImage('checkout:bad-2');
    await app.scale(0);
    await app.untilReason('checkout:bad-2', ['Init', 'NoReplicas']);
    await app.scale(3);
    await app.until('checkout:bad-2', 'RolledBack');
    assert.ok(app.timeline.maxNew('checkout:bad-2') <= 2);
    await app.untilReady('checkout:v1', 3);
    await app.assertAtRest(spec);
  });

  test('of strategy Recreate is released as one batch, and rolled back when it is bad', async () => {
    const wishes = { spec: { strategy: { type: 'Recreate' } } };
    const app = await fixture.newApp({ replicas: 3, policy: { release: QUICKLY }, wishes });
    const { spec } = await app.get();
    await app.setImage('checkout:v2');
    const change = await app.until('checkout:v2', 'Success');
    assert.deepEqual(change.status?.batch, { index: 1, total: 1, target: 3 });
    const good = (await app.get()).spec;
    await app.assertAtRest(spec, good.template);
    await app.setImage('checkout:crash-3');
    await app.until('checkout:crash-3', 'RolledBack');
    await app.assertAtRest(good);
    await app.untilReady('checkout:v2', 3);
  });

  test('is rolled back without the old ReplicaSet', async () => {
    const wishes = { spec: { revisionHistoryLimit: 0 } };
    const app = await fixture.newApp({ replicas: 2, policy: { release: QUICKLY }, wishes });
    await app.setImage('checkout:v2');
    await app.until('checkout:v2', 'Success');
    const { spec } = await app.get();
    await app.setImage('checkout:oom-3');
    await app.until('checkout:oom-3', 'RolledBack');
    await app.assertAtRest(spec);
    await app.untilReady('checkout:v2', 2);
  });
});

describe('a creation', () => {
  test('that is bad is checked and not modified', async () => {
    const app = await fixture.newApp({ replicas: 2, policy: { release: QUICKLY } });
    await kubectl(app, 'delete', 'deploy', 'checkout');
    await create(app, { replicas: 2, image: 'checkout:bad-1' });
    const change = await app.until('checkout:bad-1', 'Failed');
    assert.deepEqual([change.spec.operation, change.status?.verdict], ['Create', 'Fail']);
    assert.equal(change.spec.actor.user, 'alice');
    assert.equal(activeOf(app.timeline.pods, 'checkout:bad-1'), 2);
  });
});

describe('a policy', { concurrency: 3 }, () => {
  test('of mode Audit checks and adds nothing but the actor annotation', async () => {
    const app = await fixture.newApp({ replicas: 3, policy: { mode: 'Audit', release: QUICKLY } });
    const { spec } = await app.get();
    const written = await app.setImage('checkout:bad-2');
    assert.deepEqual(written.spec, { ...spec, template: written.spec.template });
    assert.ok(written.metadata.annotations?.[ACTOR]);
    const change = await app.until('checkout:bad-2', 'Failed');
    assert.equal(change.status?.verdict, 'Fail');
    const now = await app.get();
    assert.deepEqual([now.spec, ourAnnotations(now)], [written.spec, [ACTOR]]);
    await app.setImage('checkout:v3');
    await app.until('checkout:v3', 'Success');
  });

  test('of strategy Rolling leaves the rollout to its controller, and rolls a bad change back', async () => {
    const policy = { release: { strategy: 'Rolling', soakSeconds: 1 } };
    const app = await fixture.newApp({ replicas: 4, policy });
    const { spec } = await app.get();
    const since = performance.now();
    const written = await app.setImage('checkout:v2');
    assert.deepEqual(ourAnnotations(written), [ACTOR]);
    await app.until('checkout:v2', 'Success');
    await app.setImage('checkout:bad-3');
    await app.until('checkout:bad-3', 'RolledBack');
    assert.ok(app.timeline.minReady(since) >= 3);
    const now = await app.get();
    assert.deepEqual(now.spec, { ...spec, template: written.spec.template });
    await assert.rejects(app.setImage('checkout:bad-3'), /denies this revision/);
  });

  test('with onFail Suspend leaves the decision to a user: rollback, lift, resume', async () => {
    const app = await fixture.newApp({
      replicas: 4,
      policy: { release: QUICKLY, onFail: 'Suspend' },
    });
    const { spec } = await app.get();
    await app.setImage('checkout:bad-2');
    const suspended = await app.until('checkout:bad-2', 'Suspend');
    assert.equal(suspended.status?.reason, 'CheckFailed');
    assert.equal(app.timeline.everCreated('checkout:bad-2'), 1);
    const rolled = await cli(app, 'rollback', '--reason', 'no such image');
    assert.equal(rolled.code, 0, rolled.stderr);
    const back = await app.until('checkout:bad-2', 'RolledBack');
    assert.equal(back.status?.decisions?.[0]?.by, 'alice');
    await app.assertAtRest(spec);
    await assert.rejects(app.setImage('checkout:bad-2'), /denies this revision/);
    const lifted = await cli(app, 'lift');
    assert.equal(lifted.code, 0, lifted.stderr);
    await app.setImage('checkout:bad-2');
    await app.until('checkout:bad-2', 'Suspend');
    const resumed = await cli(app, 'resume', '--reason', 'I know better');
    assert.equal(resumed.code, 0, resumed.stderr);
    // The next batch is judged as ever, and the bad pod is still there.
    await eventually(async () => {
      const { status } = await app.until('checkout:bad-2', 'Suspend');
      return status?.batch?.index === 2;
    });
    assert.equal((await cli(app, 'rollback')).code, 0);
    await app.until('checkout:bad-2', 'RolledBack');
    await app.assertAtRest(spec);
  });
});

describe('an outage of the registry', () => {
  test('that also affects stable pods is not blamed on the change: a user decides', async () => {
    const app = await fixture.newApp({ replicas: 4, policy: { release: QUICKLY } });
    const [victim] = app.timeline.pods;
    assert.ok(victim);
    await cannotPull(victim);
    await app.setImage('checkout:bad-2');
    const change = await app.until('checkout:bad-2', 'Suspend');
    assert.deepEqual(
      [change.status?.reason, change.status?.verdict, change.status?.quarantine],
      ['CheckInconclusive', 'Inconclusive', undefined],
    );
    assert.match(change.status?.message ?? '', /stable pods have the same failure/);
    assert.equal(app.timeline.everCreated('checkout:bad-2'), 1);
  });
});

describe('an image that', { concurrency: 3 }, () => {
  const podHealth = { readyDeadlineSeconds: 6 };
  const FATES = [
    ['crash', 'CrashLoopBackOff'],
    ['oom', 'OOMKilled'],
    ['cfgerr', 'CreateContainerConfigError'],
    ['noready', 'NeverReady'],
    ['flap', 'ReadinessFlapping'],
  ] as const;
  for (const [scenario, reason] of FATES) {
    test(`ends in ${reason} is rolled back for that reason`, async () => {
      const release = { batches: [1, '100%'], soakSeconds: 30 };
      const app = await fixture.newApp({ replicas: 2, policy: { release, checks: { podHealth } } });
      const { spec } = await app.get();
      await app.setImage(`checkout:${scenario}-2`);
      await app.until(`checkout:${scenario}-2`, 'RolledBack');
      const [batch] = await app.batches();
      assert.equal(batch?.status?.checks[0]?.reason, reason);
      assert.equal(app.timeline.maxNew(`checkout:${scenario}-2`), 1);
      await app.assertAtRest(spec);
    });
  }
});

test('the pod watches of the tests above have no gap', () => {
  assert.deepEqual(
    fixture.apps.filter(({ pods }) => pods.gaps > 0).map(({ namespace }) => namespace),
    [],
  );
});

/** The kubelet of a running pod says that its image cannot be pulled, as after a restart of its node. */
function cannotPull(pod: Pod): Promise<void> {
  const waiting = { reason: 'ImagePullBackOff', message: 'Back-off pulling image' };
  return reportContainer(fixture.cluster, pod, { ready: false, state: { waiting } });
}

/** Waits for so many sound pods of each image, at least and at most, and for no others. */
async function untilPods(
  app: App,
  wanted: Readonly<Record<string, readonly [least: number, most: number]>>,
): Promise<void> {
  await app.pods.until(`the pods ${JSON.stringify(wanted)}`, ({ pods }) => {
    const sound = pods.filter(isSound);
    const counts = Object.entries(wanted).map(([image, [least, most]]) => {
      const count = sound.filter((pod) => imageOf(pod) === image).length;
      return count >= least && count <= most ? count : NaN;
    });
    return sound.length === counts.reduce((sum, each) => sum + each, 0);
  });
}
