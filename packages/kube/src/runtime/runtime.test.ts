// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { DeadlineSignal, abortable } from './abort.ts';
import { Backoff } from './backoff.ts';
import { realScheduler, sleep, type Scheduler } from './scheduler.ts';
import { yielderFor } from './event-loop-yielder.ts';
import { VirtualScheduler } from '@altershield/testing/kube/virtual-scheduler';

describe('the real scheduler', () => {
  test('runs zero delays in order, after promises', async () => {
    const story: string[] = [];
    await new Promise<void>((resolve) => {
      realScheduler.after(0, () => story.push('first'));
      realScheduler.after(0, () => story.push('second'));
      realScheduler.after(0, resolve);
      void Promise.resolve().then(() => story.push('promise'));
    });
    assert.deepEqual(story, ['promise', 'first', 'second']);
  });

  test('takes delays that are longer than a Node timer can be', () => {
    const timer = realScheduler.after(2 ** 40, () => assert.fail('too early'));
    timer.cancel();
    timer.cancel();
  });

  test('forgets a canceled timer', async () => {
    const fail = (): never => assert.fail('was cancelled');
    realScheduler.after(0, fail).cancel();
    realScheduler.after(1, fail).cancel();
    await sleep(realScheduler, 5);
  });
});

describe('sleep', () => {
  test('ends with its signal and leaves no timer', async () => {
    const scheduler = new VirtualScheduler();
    const stop = new AbortController();
    const asleep = sleep(scheduler, 1000, stop.signal);
    stop.abort();
    await asleep;
    await sleep(scheduler, 1000, stop.signal);
    assert.equal(scheduler.timers, 0);
  });
});

describe('a linked signal', () => {
  test('follows the outer one with its reason, also when that aborted before', () => {
    const outer = new AbortController();
    const link = new DeadlineSignal(outer.signal);
    const reason = new Error('enough');
    outer.abort(reason);
    assert.equal(link.signal.reason, reason);
    assert.equal(new DeadlineSignal(outer.signal).signal.reason, reason);
  });

  test('ends at its deadline, unless it was disarmed or disposed of', async () => {
    const scheduler = new VirtualScheduler();
    const [late, disarmed, disposed] = [1, 2, 3].map(() => new DeadlineSignal(undefined));
    for (const link of [late, disarmed, disposed]) link?.arm(scheduler, 100, 'too late');
    disarmed?.disarm();
    disposed?.dispose();
    await scheduler.advance(100);
    assert.match(String(late?.signal.reason), /DeadlineError: too late/);
    assert.deepEqual([disarmed?.signal.aborted, disposed?.signal.aborted], [false, false]);
    assert.equal(scheduler.timers, 0);
  });
});

test('work that ignores its signal is abandoned when the signal aborts', async () => {
  const stop = new AbortController();
  const left = abortable(new Promise(() => undefined), stop.signal);
  stop.abort(new Error('enough'));
  await assert.rejects(left, /enough/);
  await assert.rejects(abortable(Promise.resolve(1), stop.signal), /enough/);
  assert.equal(await abortable(Promise.resolve(1), new AbortController().signal), 1);
});

test('a backoff grows with full jitter, stays within its bound and starts over', () => {
  const scheduler: Scheduler = {
    now: () => 0,
    elapsed: () => 0,
    random: () => 0.999,
    after: (ms, run) => realScheduler.after(ms, run),
  };
  const backoff = new Backoff({ baseMs: 100, maxMs: 1000 }, scheduler);
  assert.deepEqual(
    [1, 2, 3, 4, 5].map(() => backoff.next()),
    [99, 199, 399, 799, 999],
  );
  backoff.reset();
  assert.equal(backoff.next(), 99);
});

test('all work together yields after 8 ms', async () => {
  let elapsed = 0;
  const due: (() => void)[] = [];
  const scheduler: Scheduler = {
    now: () => 0,
    elapsed: () => elapsed,
    random: () => 0,
    after: (_ms, run) => {
      due.push(run);
      return { cancel: () => undefined };
    },
  };
  const turns = yielderFor(scheduler);
  assert.equal(yielderFor(scheduler), turns);
  elapsed = 7;
  assert.equal(turns.shouldYield, false);
  elapsed = 8;
  assert.equal(turns.shouldYield, true);
  const went: string[] = [];
  const work = ['a', 'b'].map(async (name) => {
    await turns.next();
    went.push(name);
  });
  for (const expected of [['a'], ['a', 'b']]) {
    assert.equal(due.length, 1, 'the event loop gets a turn between two pieces of work');
    due.shift()?.();
    await sleep(realScheduler, 0);
    assert.deepEqual(went, expected);
    assert.equal(turns.shouldYield, false);
  }
  await Promise.all(work);
  assert.equal(due.length, 0);
});
