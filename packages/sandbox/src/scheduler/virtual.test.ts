// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { sleep } from '@altershield/kube';
import { VirtualScheduler } from './virtual.ts';

test('tasks run in the order of their time, those of one instant as they came', async () => {
  const scheduler = new VirtualScheduler();
  const ran: string[] = [];
  for (const [delay, name] of [
    [5, 'b'],
    [1, 'a'],
    [5, 'c'],
    [0, 'now'],
  ] as const) {
    scheduler.after(delay, () => ran.push(name));
  }
  await scheduler.run();
  assert.deepEqual(ran, ['now', 'a', 'b', 'c']);
});

test('the clock starts at the beginning of 2026 and jumps from task to task', async () => {
  const scheduler = new VirtualScheduler();
  const began = scheduler.now();
  assert.equal(new Date(began).toISOString(), '2026-01-01T00:00:00.000Z');
  scheduler.after(86_400_000, () => undefined);
  await scheduler.run();
  assert.equal(scheduler.now() - began, 86_400_000);
});

test('a cancelled task does not run, not even when it is due already', async () => {
  const scheduler = new VirtualScheduler();
  let ran = 0;
  const late = scheduler.after(1, () => (ran += 1));
  scheduler.after(1, () => (ran += 1)).cancel();
  scheduler.after(0, () => {
    late.cancel();
  });
  await scheduler.run();
  assert.equal(ran, 0);
});

test('every promise settles before the next task starts', async () => {
  const scheduler = new VirtualScheduler();
  const seen: string[] = [];
  const chain = async (): Promise<void> => {
    for (let step = 0; step < 50; step += 1) await Promise.resolve();
    seen.push('chain');
  };
  scheduler.after(1, () => void chain());
  scheduler.after(1, () => seen.push('next'));
  await scheduler.run();
  assert.deepEqual(seen, ['chain', 'next']);
});

test('runFor stops the clock at the end of the span', async () => {
  const scheduler = new VirtualScheduler();
  const began = scheduler.now();
  let ran = false;
  scheduler.after(2000, () => (ran = true));
  await scheduler.runFor(1500);
  assert.deepEqual([ran, scheduler.now() - began], [false, 1500]);
});

test('runUntil stops at the task that fulfills the condition, and its error names the condition', async () => {
  const scheduler = new VirtualScheduler();
  let count = 0;
  const tick = (): void => {
    count += 1;
    scheduler.after(10, tick);
  };
  tick();
  await scheduler.runUntil(() => count === 4);
  assert.equal(count, 4);
  await assert.rejects(
    scheduler.runUntil(() => false, { maxMs: 100, what: 'the impossible' }),
    /waited 100 virtual ms for the impossible/,
  );
});

test('complete returns the result of the promise, or throws its error', async () => {
  const scheduler = new VirtualScheduler();
  const later = async (value: number): Promise<number> => {
    await sleep(scheduler, 1000);
    if (value < 0) throw new Error('negative');
    return value;
  };
  assert.equal(await scheduler.complete(later(3)), 3);
  await assert.rejects(scheduler.complete(later(-1)), /negative/);
});

test('a task that throws ends the run with its error', async () => {
  const scheduler = new VirtualScheduler();
  scheduler.after(1, () => {
    throw new Error('broken task');
  });
  await assert.rejects(scheduler.run(), /broken task/);
});

test('equal seeds give equal runs, and other seeds other orders', async () => {
  const order = async (seed: number): Promise<string> => {
    const scheduler = new VirtualScheduler({ seed, order: 'shuffled' });
    const ran: number[] = [];
    for (let task = 0; task < 12; task += 1) scheduler.after(task % 2, () => ran.push(task));
    await scheduler.run();
    return `${ran.join()} ${scheduler.random()}`;
  };
  assert.equal(await order(1), await order(1));
  assert.notEqual(await order(1), await order(2));
});

test('a chooser decides among the tasks of one instant', async () => {
  const scheduler = new VirtualScheduler({ order: (count) => count - 1 });
  const ran: string[] = [];
  for (const name of ['a', 'b', 'c']) scheduler.after(0, () => ran.push(name));
  await scheduler.run();
  assert.deepEqual(ran, ['c', 'b', 'a']);
});

test('every scheduled task runs exactly once and never before its time', async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(fc.nat(50), { maxLength: 60 }), fc.nat(), async (delays, seed) => {
      const scheduler = new VirtualScheduler({ seed, order: 'shuffled' });
      const began = scheduler.now();
      const ran: number[] = [];
      for (const delay of delays) {
        scheduler.after(delay, () => {
          assert.equal(scheduler.now() - began, delay);
          ran.push(delay);
        });
      }
      await scheduler.run();
      assert.deepEqual(
        ran,
        [...delays].sort((a, b) => a - b),
      );
    }),
    { numRuns: 50 },
  );
});
