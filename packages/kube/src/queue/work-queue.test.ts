// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { VirtualScheduler } from '@altershield/testing/kube/virtual-scheduler';
import { LOW_PRIORITY, WorkQueue, type QueueMetrics, type QueueOptions } from './work-queue.ts';

interface Bench {
  readonly scheduler: VirtualScheduler;
  readonly queue: WorkQueue;
}

function aQueue(options: Partial<QueueOptions> = {}): Bench {
  const scheduler = new VirtualScheduler();
  return { scheduler, queue: new WorkQueue({ scheduler, ...options }) };
}

/** Takes and completes every ready key. */
async function drain(queue: WorkQueue): Promise<string[]> {
  const keys: string[] = [];
  while (queue.length > 0) {
    const key = (await queue.get()) ?? '';
    keys.push(key);
    queue.done(key);
  }
  return keys;
}

describe('a key', () => {
  test('that is added often waits once', async () => {
    const { queue } = aQueue();
    for (const key of ['a', 'b', 'a', 'a']) queue.add(key);
    assert.deepEqual(await drain(queue), ['a', 'b']);
  });

  test('that is added while it is worked on runs once more, and only afterwards', async () => {
    const { queue } = aQueue();
    queue.add('a');
    const key = await queue.get();
    queue.add('a');
    queue.add('a');
    assert.equal(queue.length, 0);
    queue.done(key ?? '');
    assert.deepEqual(await drain(queue), ['a']);
  });

  test('goes to a waiting worker', async () => {
    const { queue } = aQueue();
    const first = queue.get();
    const second = queue.get();
    queue.add('a');
    queue.add('b');
    assert.deepEqual(await Promise.all([first, second]), ['a', 'b']);
  });
});

test('a key reports the time of its first add since its last run', async () => {
  const { queue, scheduler } = aQueue();
  const start = scheduler.elapsed();
  queue.add('a');
  await scheduler.advance(10);
  queue.add('a');
  await queue.get();
  assert.equal(queue.addedAt('a'), start);
  queue.add('a');
  await scheduler.advance(10);
  queue.done('a');
  assert.equal(queue.addedAt('a'), undefined);
  await queue.get();
  assert.equal(queue.addedAt('a'), start + 10);
});

describe('priorities', () => {
  test('put higher ones first and keep the order within one', async () => {
    const { queue } = aQueue();
    queue.add('list-1', { priority: LOW_PRIORITY });
    queue.add('list-2', { priority: LOW_PRIORITY });
    queue.add('change-1');
    queue.add('urgent', { priority: 5 });
    queue.add('change-2');
    assert.deepEqual(await drain(queue), ['urgent', 'change-1', 'change-2', 'list-1', 'list-2']);
  });

  test('only rise while a key waits', async () => {
    const { queue } = aQueue();
    for (const key of ['a', 'b', 'c']) queue.add(key, { priority: LOW_PRIORITY });
    queue.add('c');
    queue.add('c', { priority: LOW_PRIORITY });
    assert.deepEqual(await drain(queue), ['c', 'a', 'b']);
  });

  test('are remembered for a key that is worked on', async () => {
    const { queue } = aQueue();
    queue.add('a');
    queue.add('b');
    const key = (await queue.get()) ?? '';
    queue.add('a', { priority: 3 });
    queue.done(key);
    assert.deepEqual(await drain(queue), ['a', 'b']);
  });
});

describe('delays', () => {
  test('hold a key back for their time', async () => {
    const { queue, scheduler } = aQueue();
    queue.addAfter('a', 1000);
    await scheduler.advance(999);
    assert.equal(queue.length, 0);
    await scheduler.advance(1);
    assert.deepEqual(await drain(queue), ['a']);
  });

  test('of several the earliest counts, and the key comes once', async () => {
    const { queue, scheduler } = aQueue();
    queue.addAfter('a', 1000);
    queue.addAfter('a', 100);
    queue.addAfter('a', 500);
    assert.equal(queue.delayed, 1);
    await scheduler.advance(100);
    assert.deepEqual(await drain(queue), ['a']);
    await scheduler.advance(10_000);
    assert.equal(queue.length, 0);
  });

  test('of several the earliest counts even after the clock was set forward', async () => {
    const { queue, scheduler } = aQueue();
    queue.addAfter('a', 600_000);
    scheduler.setForward(3_600_000);
    queue.addAfter('a', 1000);
    await scheduler.advance(1000);
    assert.deepEqual(await drain(queue), ['a']);
  });

  test('survive an immediate add', async () => {
    const { queue, scheduler } = aQueue();
    queue.addAfter('a', 100);
    queue.add('a');
    assert.deepEqual(await drain(queue), ['a']);
    await scheduler.advance(100);
    assert.deepEqual(await drain(queue), ['a']);
  });
});

describe('failures', () => {
  test('double the delay up to its bound until they are forgotten', () => {
    const { queue } = aQueue({ baseDelayMs: 5, maxDelayMs: 50 });
    const delays = Array.from({ length: 6 }, () => queue.addRateLimited('a'));
    assert.deepEqual(delays, [5, 10, 20, 40, 50, 50]);
    assert.equal(queue.failures('a'), 6);
    queue.forget('a');
    assert.equal(queue.addRateLimited('a'), 5);
    assert.equal(queue.addRateLimited('b'), 5);
  });

  test('reach 1,000 s by default, however many there are', () => {
    const { queue } = aQueue();
    for (let i = 0; i < 2000; i += 1) queue.addRateLimited('a');
    assert.equal(queue.addRateLimited('a'), 1_000_000);
  });

  test('spread out with full jitter, and wait at least as long as asked', () => {
    const { queue } = aQueue({ jitter: 'full', baseDelayMs: 1000 });
    const delays = Array.from({ length: 50 }, (_, i) => queue.addRateLimited(`k${i}`));
    assert.ok(delays.every((ms) => ms >= 0 && ms <= 1000));
    assert.ok(new Set(delays).size > 30);
    assert.equal(queue.addRateLimited('b', { atLeastMs: 7000 }), 7000);
  });
});

test('a queue that is shut down releases its workers, drops waiting keys and accepts no more', async () => {
  const { queue, scheduler } = aQueue();
  const idle = queue.get();
  queue.addAfter('later', 100);
  queue.shutDown();
  queue.add('a');
  queue.addAfter('b', 10);
  assert.equal(await idle, undefined);
  assert.equal(await queue.get(), undefined);
  assert.equal(scheduler.timers, 0);
  assert.equal(queue.length, 0);
});

test('metrics show depth, waiting and working times, adds and retries', async () => {
  const told: unknown[] = [];
  const metrics: QueueMetrics = {
    added: () => told.push('added'),
    depth: (depth) => told.push(['depth', depth]),
    retried: () => told.push('retried'),
    started: (ms) => told.push(['started', ms]),
    finished: (ms) => told.push(['finished', ms]),
  };
  const { queue, scheduler } = aQueue({ metrics });
  queue.add('a');
  queue.add('a');
  await scheduler.advance(30);
  const key = (await queue.get()) ?? '';
  await scheduler.advance(70);
  queue.done(key);
  queue.addRateLimited('a');
  assert.deepEqual(told, [
    ...['added', ['depth', 1]],
    ...[
      ['started', 30],
      ['depth', 0],
      ['finished', 70],
    ],
    'retried',
  ]);
});

const key = fc.constantFrom('a', 'b', 'c');
const priority = fc.constantFrom(LOW_PRIORITY, 0, 10);
const step = fc.oneof(
  fc.record({ do: fc.constant('add' as const), key, priority }),
  fc.record({ do: fc.constant('addAfter' as const), key, priority, ms: fc.nat(50) }),
  fc.record({ do: fc.constant('fail' as const), key }),
  fc.record({ do: fc.constant('done' as const), which: fc.nat(3) }),
  fc.record({ do: fc.constant('wait' as const), ms: fc.nat(30) }),
);

test('no key is worked on twice at a time, and none that was added is lost', async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(step, { maxLength: 80 }), fc.integer({ min: 1, max: 3 }), check),
    { numRuns: 500 },
  );
});

async function check(
  steps: readonly (typeof step extends fc.Arbitrary<infer T> ? T : never)[],
  workers: number,
): Promise<void> {
  const { queue, scheduler } = aQueue();
  const working: string[] = [];
  /** Keys that were added and have not begun since. */
  const owed = new Set<string>();
  const begin = async (): Promise<void> => {
    const key = await queue.get();
    if (key === undefined) return;
    assert.equal(working.includes(key), false, `${key} twice at a time`);
    working.push(key);
    owed.delete(key);
  };
  const finish = (at: number): void => {
    const [key] = working.splice(at % working.length, 1);
    if (key === undefined) return;
    queue.done(key);
    void begin();
  };
  for (let i = 0; i < workers; i += 1) void begin();
  for (const it of steps) {
    if (it.do === 'wait') await scheduler.advance(it.ms);
    else if (it.do === 'done') finish(it.which);
    else {
      owed.add(it.key);
      if (it.do === 'add') queue.add(it.key, it);
      else if (it.do === 'addAfter') queue.addAfter(it.key, it.ms, it);
      else queue.addRateLimited(it.key);
    }
    await scheduler.advance(0);
  }
  for (let rounds = 0; rounds < 200; rounds += 1) {
    finish(0);
    await scheduler.advance(10_000_000);
  }
  assert.deepEqual([[...owed], working, queue.length, queue.delayed], [[], [], 0, 0]);
}
