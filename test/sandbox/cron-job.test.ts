// SPDX-License-Identifier: Apache-2.0

/** A CronJob is released by a trial run: what its users and its schedule see of that. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ANNOTATIONS } from '@altershield/api';
import { Backup } from '../support/backup.ts';

const HOUR_MS = 3_600_000;

test('a change of a CronJob is held until its trial run has succeeded', async () => {
  const backup = await Backup.start();
  await backup.apply('2', {}, 300);
  assert.equal(backup.cronJob.spec.suspend, true);
  assert.ok(backup.cronJob.metadata.annotations?.[ANNOTATIONS.hold]);
  await backup.until('the trial run is there', () => backup.trials.length === 1);
  assert.equal(backup.cronJob.spec.suspend, true);
  await backup.until('the change has ended', () => backup.isFree);
  assert.deepEqual(backup.history, ['2 Success Verified']);
  assert.equal(backup.ended('2', 'Complete'), 1);
  await backup.scheduler.runFor(2 * HOUR_MS);
  assert.equal(backup.changes.length, 1);
});

for (const [what, version] of [
  ['fails', 'jobfail-2'],
  ['cannot pull its image', 'bad-2'],
  ['lacks its configuration', 'cfgerr-2'],
] as const) {
  test(`a CronJob whose trial run ${what} is rolled back, and its schedule goes on`, async () => {
    const backup = await Backup.start();
    const since = backup.scheduler.now();
    await backup.apply(version, {}, 1000);
    await backup.until('it is rolled back', () => backup.history.join().includes('RolledBack'));
    await backup.until('it is free', () => backup.isFree);
    assert.equal(backup.version, '1');
    await backup.scheduler.runFor(2 * HOUR_MS);
    assert.deepEqual(backup.scheduledSince(since), ['1', '1']);
    await assert.rejects(backup.apply(version, {}, 1000), /denies this revision/);
    assert.equal(backup.changes.length, 1);
  });
}

test('a failed trial run is kept with its pods, and the next change deletes it', async () => {
  const backup = await Backup.start();
  await backup.apply('jobfail-2');
  assert.deepEqual(backup.trials, ['backup-trial-1']);
  assert.equal(backup.ended('jobfail-2', 'Failed'), 1);
  await backup.apply('3');
  await backup.until('it is free', () => backup.isFree);
  assert.deepEqual(backup.trials, ['backup-trial-2']);
});

test('a run that is missed while a change is held starts once, from what the change came to', async () => {
  for (const [version, ran] of [
    ['2', '2'],
    ['jobfail-2', '1'],
  ] as const) {
    const backup = await Backup.start({ schedule: '*/1 * * * *' });
    await backup.apply(version, {}, 300);
    backup.killOperator();
    const since = backup.scheduler.now();
    await backup.scheduler.runFor(5 * 60_000);
    assert.deepEqual(backup.scheduledSince(since), [], 'the schedule is suspended');
    await backup.startOperator();
    await backup.until('it is free', () => backup.isFree);
    const free = backup.scheduler.now();
    await backup.scheduler.runFor(20_000 - (free % 20_000));
    assert.deepEqual(backup.scheduledSince(since), [ran]);
  }
});

test('a CronJob that its user suspended stays suspended, and its change waits', async () => {
  const backup = await Backup.start({ spec: { suspend: false } });
  await backup.apply('2', { suspend: true });
  assert.deepEqual(backup.history, ['2 Init PausedByUser']);
  assert.deepEqual(backup.trials, []);
  await backup.apply('2', { suspend: false });
  await backup.until('it is free', () => backup.isFree);
  assert.deepEqual(backup.history, ['2 Success Verified']);
});

test('edits of other fields while a change is held are kept, whoever makes them', async () => {
  const backup = await Backup.start();
  await backup.apply('2', {}, 300);
  await backup.patch({ spec: { schedule: '30 * * * *', suspend: false } }, 300);
  await backup.patch({ metadata: { annotations: { [ANNOTATIONS.hold]: null } } }, 300);
  assert.equal(backup.cronJob.spec.suspend, true, 'it is held');
  await backup.until('it is free', () => backup.isFree);
  assert.equal(backup.cronJob.spec.schedule, '30 * * * *');
  assert.deepEqual(backup.history, ['2 Success Verified']);
});

test('a third jobTemplate supersedes the trial run in progress, which is suspended', async () => {
  const backup = await Backup.start();
  await backup.apply('jobrun-2', {}, 5000);
  assert.deepEqual(backup.history, ['jobrun-2 Running BatchReleasing']);
  await backup.apply('3', {}, 1000);
  await backup.until('it is free', () => backup.isFree);
  assert.deepEqual(backup.history, ['jobrun-2 Superseded Superseded', '3 Success Verified']);
  const active = backup.sandbox
    .pods({ namespace: 'shop' })
    .filter(({ status }) => status.phase === 'Running');
  assert.deepEqual(active, [], 'the first trial run has no pods');
});

test('a revert during the trial run ends the change without a rollback', async () => {
  const backup = await Backup.start();
  await backup.apply('jobrun-2', {}, 5000);
  await backup.apply('1');
  await backup.until('it is free', () => backup.isFree);
  assert.deepEqual(backup.history, ['jobrun-2 RolledBack RevertedByUser']);
});

test('a CronJob that is deleted and created again while held begins anew', async () => {
  const backup = await Backup.start();
  await backup.apply('jobrun-2', {}, 5000);
  await backup.delete();
  await backup.apply('3', {}, 5000);
  assert.deepEqual(backup.history, ['jobrun-2 Failed WorkloadDeleted', '3 Running NewWorkload']);
  assert.equal(backup.cronJob.spec.suspend, false);
  assert.deepEqual(backup.trials, []);
  await backup.until('its first run is judged', () => backup.history.join().includes('3 Success'));
});

test('a history limit of 0 does not hide how the trial run ended', async () => {
  const limits = { successfulJobsHistoryLimit: 0, failedJobsHistoryLimit: 0 };
  const backup = await Backup.start({ schedule: '* * * * *' });
  await backup.apply('2', limits);
  await backup.until('it is free', () => backup.isFree);
  assert.deepEqual(backup.history, ['2 Success Verified']);
  assert.deepEqual(backup.trials, ['backup-trial-1']);
});

test('a user may accept a failed trial run, which proves nothing', async () => {
  const policy = { target: { kinds: ['CronJob'] }, onFail: 'Suspend' };
  const backup = await Backup.start({ policy });
  await backup.apply('jobfail-2');
  assert.deepEqual(backup.history, ['jobfail-2 Suspend CheckFailed']);
  assert.equal(backup.cronJob.spec.suspend, true);
  await backup.decide('Resume', 'cronjob-backup-1');
  await backup.until('it is free', () => backup.isFree);
  assert.deepEqual(backup.history, ['jobfail-2 Success CompletedUnverified']);
});

test('only a policy that names CronJobs matches them', async () => {
  const backup = await Backup.start({ policy: {} });
  await backup.apply('jobfail-2');
  assert.deepEqual(backup.changes, []);
  assert.equal(backup.cronJob.spec.suspend, false);
});

for (const version of ['2', 'jobfail-2']) {
  test(`a crash before or after any write changes nothing of the end of ${version}`, async () => {
    const writes = await countWrites(version);
    for (let at = 1; at <= writes; at += 1) {
      // Taking turns: each write meets either crash in one of the two tests.
      const when = isAfter(at, version) ? 'afterCall' : 'beforeCall';
      const backup = await Backup.start({
        seed: at,
        faults: (kill) => ({
          [when]: ({ write }: { readonly write: number }) => {
            if (write !== at) return undefined;
            kill();
            return { kind: 'reset' };
          },
        }),
      });
      if (!backup.isAlive) await backup.startOperator();
      await backup.apply(version, {}, 20_000);
      if (!backup.isAlive) await backup.startOperator();
      await backup.until('it is free', () => backup.isFree && backup.changes.length > 0);
      await backup.scheduler.runFor(60_000);
      const ends = version === '2' ? ['2 Success Verified'] : ['jobfail-2 RolledBack RolledBack'];
      assert.deepEqual(backup.history, ends, `${when} write ${at}`);
      assert.deepEqual(backup.trials.length, 1, `${when} write ${at}`);
    }
  });
}

const isAfter = (at: number, version: string): boolean => (at % 2 === 0) === (version === '2');

/** Writes of the operator from its start to the end of the change. */
async function countWrites(version: string): Promise<number> {
  let writes = 0;
  const backup = await Backup.start({
    seed: 1,
    faults: () => ({
      beforeCall: ({ write }) => {
        writes = Math.max(writes, write);
        return undefined;
      },
    }),
  });
  await backup.apply(version);
  await backup.until('it is free', () => backup.isFree && backup.changes.length > 0);
  return writes;
}
