// SPDX-License-Identifier: Apache-2.0

/** A Job is held when it is created and released by its parallelism: what its user sees of that. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ANNOTATIONS } from '@altershield/api';
import { Work } from '../support/work.ts';

const FOUR = { parallelism: 4, completions: 8 };
const CRON_JOBS = { username: 'system:serviceaccount:kube-system:cronjob-controller' };

test('a new Job is suspended in the write that creates it, and no pod starts', async () => {
  const work = await Work.start({ release: { approval: { before: 'Change' } } });
  await work.create('1', { spec: FOUR, ms: 60_000 });
  assert.equal(work.fields, 'suspended 4');
  assert.ok(work.isHeld);
  assert.deepEqual(work.pods(), []);
  assert.deepEqual(work.history, ['1 Init AwaitingApproval']);
});

test('a Job is released by its parallelism, batch by batch, and verified when it is complete', async () => {
  const work = await Work.start();
  await work.create('jobrun-1', { spec: FOUR, ms: 5000 });
  assert.equal(work.fields, 'running 1');
  assert.equal(work.pods().length, 1);
  await work.scheduler.runFor(30_000);
  assert.equal(work.fields, 'running 4');
  assert.equal(work.pods('Running').length, 4);
  assert.deepEqual(work.history, ['jobrun-1 Running BatchReleasing']);
  await work.delete();
  await work.scheduler.runFor(5000);
  assert.deepEqual(work.history, ['jobrun-1 Failed WorkloadDeleted']);
});

for (const completionMode of ['NonIndexed', 'Indexed']) {
  test(`a ${completionMode} Job whose pods succeed ends verified, with nothing left on it`, async () => {
    const work = await Work.start();
    await work.create('1', { spec: { ...FOUR, completionMode } });
    await work.until('the Job is over', () => work.isOver());
    await work.until('the change is', () => work.history.join().includes('Success'));
    await work.scheduler.runFor(5000);
    assert.deepEqual(work.history, ['1 Success Verified']);
    assert.equal(work.fields, 'running 4');
    assert.equal(work.isHeld, false);
    assert.equal(work.job.status?.succeeded, 8);
    const writes = work.changes.length;
    await work.scheduler.runFor(3_600_000);
    assert.equal(work.changes.length, writes, 'a completed Job is left alone');
  });
}

for (const [what, version] of [
  ['cannot pull their image', 'bad-1'],
  ['lack their configuration', 'cfgerr-1'],
] as const) {
  test(`a Job whose pods ${what} is suspended, and waits for a user`, async () => {
    const work = await Work.start();
    await work.create(version, { spec: FOUR });
    await work.until('it is suspended', () => work.history.join().includes('Suspend'));
    await work.scheduler.runFor(5000);
    assert.equal(work.fields, 'suspended 1');
    assert.deepEqual(work.pods(), []);
    assert.deepEqual(work.history, [`${version} Suspend CheckFailed`]);
    const [change] = work.changes;
    assert.match(change?.status?.message ?? '', /a Job cannot be rolled back/);
    const { checks = [] } =
      (
        work.sandbox.server.store.list('changepods.altershield.io')[0] as {
          status?: { checks?: { evidence: unknown[] }[] };
        }
      ).status ?? {};
    assert.ok((checks[0]?.evidence.length ?? 0) > 0, 'the evidence outlives the pods');
  });
}

test('pods of a Job that are never scheduled fail it after its own deadline', async () => {
  const work = await Work.start({
    policy: {
      target: { kinds: ['Job'] },
      checks: { podHealth: { readyDeadlineSeconds: 60 } },
    },
  });
  for (const node of work.sandbox.server.store.list('nodes.')) {
    const path = `/api/v1/nodes/${node.metadata.name}`;
    await work.play(work.sandbox.call('DELETE', { path }), 100);
  }
  await work.create('1', { ms: 50_000 });
  assert.deepEqual(work.history, ['1 Running BatchReleasing']);
  await work.scheduler.runFor(30_000);
  assert.deepEqual(work.history, ['1 Suspend CheckFailed']);
});

test('a Job that fails by its own limits ends the change, and its failed pods stay', async () => {
  const work = await Work.start();
  await work.create('jobfail-1', { spec: { ...FOUR, backoffLimit: 1 } });
  await work.until('the Job is over', () => work.isOver());
  await work.scheduler.runFor(5000);
  assert.deepEqual(work.history, ['jobfail-1 Failed CheckFailed']);
  assert.ok(work.pods('Failed').length > 0);
  assert.equal(work.fields, 'running 4');
  assert.equal(work.isHeld, false);
});

test('a Job that failed to start tries again when a user resumes it', async () => {
  const work = await Work.start();
  await work.create('bad-1', { spec: FOUR, ms: 30_000 });
  assert.deepEqual(work.history, ['bad-1 Suspend CheckFailed']);
  await work.decide('Resume', 'job-work-1', 500);
  await work.until('it runs', () => work.fields === 'running 1');
  await work.until('it is suspended again', () => work.fields === 'suspended 1');
  assert.deepEqual(work.history, ['bad-1 Suspend CheckFailed']);
});

test('a pause keeps the pods of a Job that run, and releases no more', async () => {
  const work = await Work.start();
  await work.create('jobrun-1', { spec: FOUR, ms: 5000 });
  await work.decide('Pause', 'job-work-1', 60_000);
  assert.deepEqual(work.history, ['jobrun-1 Suspend RequestedByUser']);
  assert.equal(work.fields, 'running 1');
  assert.equal(work.pods('Running').length, 1);
  await work.decide('Resume', 'job-work-1', 30_000);
  assert.equal(work.fields, 'running 4');
});

test('a rollback that a user asks for suspends the Job, and says why', async () => {
  const work = await Work.start();
  await work.create('jobrun-1', { spec: FOUR, ms: 5000 });
  await work.decide('RollBack', 'job-work-1');
  assert.deepEqual(work.history, ['jobrun-1 Suspend NoVerifiedRevision']);
  assert.equal(work.fields, 'suspended 1');
  assert.match(work.changes[0]?.status?.message ?? '', /a Job cannot be rolled back/);
});

test('a Job that its user suspended waits for its user', async () => {
  const work = await Work.start();
  await work.create('1', { spec: { ...FOUR, suspend: true }, ms: 30_000 });
  assert.deepEqual(work.history, ['1 Init PausedByUser']);
  assert.equal(work.fields, 'suspended 4');
  await work.patch({ spec: { suspend: false } }, 300);
  await work.until('it is verified', () => work.history[0] === '1 Success Verified');
});

test('a user suspends a Job that is being released at once, and scales it at any time', async () => {
  const work = await Work.start();
  await work.create('jobrun-1', { spec: FOUR, ms: 100 });
  await work.patch({ spec: { parallelism: 6 } }, 5000);
  assert.equal(work.fields, 'running 1');
  await work.patch({ spec: { suspend: true } });
  assert.equal(work.fields, 'suspended 1');
  assert.deepEqual(work.history, ['jobrun-1 Init PausedByUser']);
  await work.patch({ spec: { suspend: false } }, 60_000);
  assert.equal(work.fields, 'running 6');
  await work.patch({ spec: { parallelism: 2 } }, 5000);
  assert.equal(work.fields, 'running 2');
});

test('the annotation of a held Job comes back in the write that removes it', async () => {
  const work = await Work.start({ release: { approval: { before: 'Change' } } });
  await work.create('1', { spec: FOUR, ms: 5000 });
  await work.patch({
    metadata: { annotations: { [ANNOTATIONS.hold]: null } },
    spec: { suspend: false },
  });
  assert.ok(work.isHeld);
  assert.equal(work.fields, 'suspended 4');
});

test('a Job whose name is generated is held, and released by what it was created with', async () => {
  const work = await Work.start();
  await work.create('1', { metadata: { generateName: 'work-' }, spec: FOUR });
  assert.ok(work.isHeld);
  await work.until('it is verified', () => work.history[0] === '1 Success Verified');
  await work.scheduler.runFor(5000);
  assert.equal(work.isHeld, false);
  assert.equal(work.changes[0]?.spec.actor.user, 'alice');
});

test('Jobs that a controller created are neither held nor recorded', async () => {
  const work = await Work.start();
  const metadata = { name: 'nightly-1', ownerReferences: [await work.cronJob()] };
  await work.create('bad-1', { metadata, user: CRON_JOBS, ms: 60_000 });
  assert.equal(work.isHeld, false);
  assert.equal(work.fields, 'running 1');
  assert.deepEqual(work.changes, []);
});

test('a Job that a user created for a CronJob is held: an owner is easily forged', async () => {
  const work = await Work.start();
  const metadata = { name: 'nightly-1', ownerReferences: [await work.cronJob()] };
  await work.create('bad-1', { metadata, ms: 100 });
  assert.ok(work.isHeld);
});

test('Jobs that another controller manages are not held', async () => {
  const work = await Work.start();
  await work.create('bad-1', { spec: { managedBy: 'kueue.x-k8s.io/multikueue' }, ms: 60_000 });
  assert.equal(work.isHeld, false);
  assert.deepEqual(work.changes, []);
});

test('a Job that was created while no operator ran is observed only', async () => {
  const work = await Work.start();
  work.killOperator();
  await work.create('bad-1', { spec: FOUR, ms: 10_000 });
  assert.equal(work.fields, 'running 4');
  await work.startOperator();
  await work.scheduler.runFor(30_000);
  assert.equal(work.fields, 'running 4');
  assert.deepEqual(work.history, []);
});

test('with failurePolicy Fail, a Job is not created while no operator answers', async () => {
  const work = await Work.start({
    policy: { target: { kinds: ['Job'] }, failurePolicy: 'Fail' },
  });
  work.killOperator();
  await assert.rejects(work.create('1', { ms: 10_000 }), /failed calling webhook/);
  const metadata = { name: 'nightly-1', ownerReferences: [await work.cronJob()] };
  await work.create('1', { metadata, user: CRON_JOBS, ms: 10_000 });
  assert.equal(work.fields, 'running 1');
});

test('only a policy that names Jobs matches them', async () => {
  const work = await Work.start({ policy: {} });
  await work.create('bad-1', { ms: 30_000 });
  assert.deepEqual(work.changes, []);
  assert.equal(work.fields, 'running 1');
});

for (const version of ['1', 'bad-1']) {
  test(`a crash before or after any write changes nothing of the end of a Job of ${version}`, async () => {
    const { writes } = await playThrough(version);
    assert.ok(writes > 4);
    for (let at = 1; at <= writes; at += 1) {
      // Taking turns: each write meets either crash in one of the two tests.
      const when = (at % 2 === 0) === (version === '1') ? 'afterCall' : 'beforeCall';
      const { work } = await playThrough(version, { at, when });
      const [end, fields] =
        version === '1'
          ? ['1 Success Verified', 'running 4']
          : ['bad-1 Suspend CheckFailed', 'suspended 1'];
      assert.deepEqual(work.history, [end], `${when} write ${at}`);
      assert.equal(work.fields, fields, `${when} write ${at}`);
    }
  });
}

interface Crash {
  readonly at: number;
  readonly when: 'beforeCall' | 'afterCall';
}

/** Creates a Job and lets its change come to its end; the operator crashes at one of its writes. */
async function playThrough(version: string, crash?: Crash) {
  let writes = 0;
  const work = await Work.start({
    seed: crash?.at ?? 1,
    faults: (kill) => ({
      [crash?.when ?? 'beforeCall']: ({ write }: { readonly write: number }) => {
        writes = Math.max(writes, write);
        if (write !== crash?.at) return undefined;
        kill();
        return { kind: 'reset' };
      },
    }),
  });
  if (!work.isAlive) await work.startOperator();
  await work.create(version, { spec: FOUR, ms: 20_000 });
  if (!work.isAlive) await work.startOperator();
  await work.scheduler.runFor(120_000);
  if (!work.isAlive) await work.startOperator();
  await work.scheduler.runFor(60_000);
  return { work, writes };
}
