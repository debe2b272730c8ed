// SPDX-License-Identifier: Apache-2.0

/**
 * Seeded stories of Jobs and CronJobs: users, faults of calls and crashes in a random order. Whatever
 * happens, a change that is held runs nothing, and once the faults have ended every change ends or
 * waits for a user, and every field is as its user wrote it.
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ANNOTATIONS, type ChangeWorkload } from '@altershield/api';
import { isOver } from '@altershield/core';
import { seededRandom, type CallFault, type FaultPlan, type Random } from '@altershield/sandbox';
import { Backup } from '../support/backup.ts';
import { versionOf, type BatchStory } from '../support/batch-story.ts';
import { isFull, seeds } from '../support/seeds.ts';
import { Work } from '../support/work.ts';

const COUNT = isFull ? 200 : 6;
const ACTIONS = 12;
/** One call of so many fails, in turn before and after it took effect. */
const FAULTY = 25;
/** More than a change needs to end without faults: a start deadline, and a rollback. */
const CALM_MS = 1_800_000;

/** Random choices of one story. */
class Dice {
  readonly random: Random;

  constructor(seed: number) {
    this.random = seededRandom(seed);
  }

  number(most: number): number {
    return Math.floor(this.random() * most);
  }

  pick<T>(...list: readonly T[]): T {
    return list[this.number(list.length)] ?? assert.fail('something to pick from');
  }

  faults(): FaultPlan {
    const maybe = (): CallFault | undefined =>
      this.number(FAULTY * 2) === 0 ? { kind: 'reset' } : undefined;
    return { beforeCall: maybe, afterCall: maybe };
  }
}

/** A write of a user may be denied, or be made while the object is gone. */
const asAllowed = async (write: Promise<void>): Promise<boolean> =>
  write.then(
    () => true,
    () => false,
  );

async function crash(story: BatchStory, dice: Dice): Promise<void> {
  story.killOperator();
  await story.scheduler.runFor(dice.pick(100, 5000, 60_000));
  await story.startOperator(() => dice.faults());
}

async function decideOn(story: BatchStory, dice: Dice, ...decisions: string[]): Promise<void> {
  const newest = story.changes.at(-1)?.metadata.name;
  if (newest !== undefined) await asAllowed(story.decide(dice.pick(...decisions), newest, 1000));
}

const stripHold = (story: BatchStory): Promise<void> =>
  story.patch({ metadata: { annotations: { [ANNOTATIONS.hold]: null } } }, 200);

/** The faults have ended: the operator restarts, and everything comes to its end. */
async function calm(story: BatchStory): Promise<void> {
  story.killOperator();
  await story.startOperator();
  await story.scheduler.runFor(CALM_MS);
}

const isDone = ({ status }: ChangeWorkload): boolean =>
  status !== undefined &&
  (isOver(status.phase) || status.phase === 'Suspend' || status.reason === 'PausedByUser');

const inFlight = (story: BatchStory): ChangeWorkload[] =>
  story.changes.filter(({ status }) => status === undefined || !isOver(status.phase));

for (const seed of seeds(COUNT)) {
  test(`story ${seed} of a CronJob`, async () => {
    const dice = new Dice(seed);
    const backup = await Backup.start({ seed, schedule: '*/10 * * * *' });
    let isSuspended = false;
    /** Bad versions that admission held, as long as no user accepted one. */
    const held = new Set<string>();
    const apply = async (i: number): Promise<void> => {
      const version = `${dice.pick('', 'bad-', 'jobfail-', 'jobrun-')}${i}`;
      const isGuarded = backup.simulation.isAnswered;
      const isMade = await asAllowed(backup.apply(version, {}, 200));
      const isHeld = backup.cronJob.metadata.annotations?.[ANNOTATIONS.hold] !== undefined;
      if (isMade && isGuarded && isHeld && /^(bad|jobfail)/.test(version)) held.add(version);
    };
    const suspend = async (): Promise<void> => {
      const wish = dice.pick(true, false);
      // While the schedule is held, a user's `true` makes no difference.
      if (backup.cronJob.spec.suspend !== wish) isSuspended = wish;
      await backup.patch({ spec: { suspend: wish } }, 200);
    };
    const edit = (i: number): Promise<void> =>
      backup.patch({ spec: { successfulJobsHistoryLimit: i } }, 200);
    const decide = async (): Promise<void> => {
      await decideOn(backup, dice, 'Pause', 'RollBack', 'Resume');
      // A user may let go on what failed.
      held.clear();
    };
    for (let i = 0; i < ACTIONS; i += 1) {
      await backup.scheduler.runFor(dice.pick(0, 300, 5000, 90_000, 700_000));
      const strip = (): Promise<void> => stripHold(backup);
      const crashes = (): Promise<void> => crash(backup, dice);
      await dice.pick(apply, apply, suspend, edit, strip, crashes, decide)(i);
      const ran = backup.scheduledSince(0).filter((version) => held.has(version));
      assert.deepEqual(ran, [], `held, and run: ${backup.history.join('; ')}`);
    }
    await calm(backup);
    assert.ok(backup.changes.every(isDone) || isWaiting(backup), backup.history.join('; '));
    if (inFlight(backup).length > 0) return;
    assert.equal(backup.cronJob.metadata.annotations?.[ANNOTATIONS.hold], undefined);
    assert.equal(backup.cronJob.spec.suspend, isSuspended, backup.history.join('; '));
  });

  test(`story ${seed} of a Job`, async () => {
    const dice = new Dice(seed);
    const version = dice.pick('1', 'jobrun-1', 'bad-1', 'jobfail-1', 'cfgerr-1');
    const work = await Work.start({ seed, faults: () => dice.faults() });
    const early = podsBeforeTheirRelease(work);
    const wish = { suspend: dice.pick(false, false, true), parallelism: 4 };
    const backoffLimit = dice.number(3);
    await work.create(version, { spec: { ...wish, completions: 12, backoffLimit }, ms: 500 });
    const pauseOrStart = async (): Promise<void> => {
      const value = dice.pick(true, false);
      if (work.job.spec.suspend !== value) wish.suspend = value;
      await work.patch({ spec: { suspend: value } }, 200);
    };
    const scale = async (): Promise<void> => {
      const parallelism = 1 + dice.number(6);
      if (work.job.spec.parallelism !== parallelism) wish.parallelism = parallelism;
      await work.patch({ spec: { parallelism } }, 200);
    };
    const strip = (): Promise<void> => stripHold(work);
    const crashes = (): Promise<void> => crash(work, dice);
    const decide = (): Promise<void> => decideOn(work, dice, 'Pause', 'Resume', 'RollBack');
    for (let i = 0; i < ACTIONS; i += 1) {
      await work.scheduler.runFor(dice.pick(0, 300, 5000, 30_000));
      await dice.pick(pauseOrStart, scale, strip, crashes, decide)();
    }
    await calm(work);
    assert.deepEqual(early, []);
    assert.ok(work.changes.length <= 1, work.history.join('; '));
    assert.ok(work.changes.every(isDone) || isWaiting(work), work.history.join('; '));
    if (inFlight(work).length > 0) return;
    assert.equal(work.isHeld, false);
    const { suspend, parallelism } = work.job.spec;
    assert.deepEqual({ suspend, parallelism }, wish, work.history.join('; '));
  });
}

/** What runs on forever keeps its change waiting. */
const isWaiting = ({ changes, history }: BatchStory): boolean =>
  changes
    .filter((change) => !isDone(change))
    .every(({ spec }) => versionOf(spec.to.images).startsWith('jobrun')) && history.length > 0;

/** Pods of the held Job that were created before its change said that they may be. */
function podsBeforeTheirRelease(work: Work): string[] {
  const early: string[] = [];
  work.sandbox.onPod(({ kind, pod }) => {
    const isHeld = work.isHeld && work.simulation.isAnswered;
    const started = work.changes.some(({ status }) => status?.startedAt !== undefined);
    if (kind === 'Added' && isHeld && !started) early.push(pod.metadata.name);
  });
  return early;
}
