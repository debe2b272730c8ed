// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict';
import { EventEmitter } from 'node:events';
import { test } from 'node:test';
import { silentLogger } from '../runtime/logger.ts';
import { sleep } from '../runtime/scheduler.ts';
import { VirtualScheduler } from '@altershield/testing/kube/virtual-scheduler';
import { Manager, StopTimeout } from './manager.ts';
import { type Runnable, serverRunnable } from './runnable.ts';
import { stopSignal } from './signals.ts';
import { whenAborted } from './when-aborted.ts';

interface Habits {
  readonly readyMs?: number;
  readonly stopMs?: number;
  readonly failMs?: number;
}

class World {
  readonly clock = new VirtualScheduler();
  readonly story: string[] = [];
  readonly stop = new AbortController();

  part(name: string, { readyMs = 0, stopMs = 0, failMs }: Habits = {}): Runnable {
    return {
      name,
      start: async (signal) => {
        this.story.push(`${name} starts`);
        if (failMs !== undefined) {
          await sleep(this.clock, failMs);
          throw new Error(`${name} burnt down`);
        }
        await whenAborted(signal);
        await sleep(this.clock, stopMs);
        this.story.push(`${name} ends`);
      },
      whenReady: async (signal) => {
        await sleep(this.clock, readyMs, signal);
        if (!signal.aborted) this.story.push(`${name} is ready`);
      },
    };
  }

  run(...groups: Runnable[][]): Promise<unknown> {
    const manager = new Manager({
      groups: groups.map((runnables, i) => ({ name: `group ${i}`, runnables })),
      scheduler: this.clock,
      log: silentLogger,
    });
    return manager.run(this.stop.signal).then(
      () => this.story.push('all stopped'),
      (error: unknown) => error,
    );
  }
}

test('each group is ready before the next starts; groups stop in reverse order', async () => {
  const world = new World();
  const run = world.run(
    [world.part('health')],
    [world.part('pods', { readyMs: 500, stopMs: 100 }), world.part('nodes', { readyMs: 100 })],
    [world.part('controller', { stopMs: 2_000 })],
  );
  await world.clock.advance(1_000);
  world.stop.abort();
  await world.clock.advance(5_000);
  await run;
  assert.deepEqual(world.story, [
    'health starts',
    'health is ready',
    'pods starts',
    'nodes starts',
    'nodes is ready',
    'pods is ready',
    'controller starts',
    'controller is ready',
    'controller ends',
    'nodes ends',
    'pods ends',
    'health ends',
    'all stopped',
  ]);
});

test('a part that fails stops the others, and its error is thrown', async () => {
  const world = new World();
  const run = world.run([world.part('cache')], [world.part('controller', { failMs: 3_000 })]);
  await world.clock.advance(10_000);
  const error = await run;
  assert.ok(error instanceof Error);
  assert.equal(error.message, 'controller failed: controller burnt down');
  assert.deepEqual(world.story.at(-1), 'cache ends');
});

test('a part that fails before it is ready keeps later groups from starting', async () => {
  const world = new World();
  const bad = {
    ...world.part('webhook', { failMs: 10 }),
    whenReady: () => new Promise(() => undefined),
  };
  const run = world.run([bad], [world.part('controller')]);
  await world.clock.advance(1_000);
  assert.match(String(await run), /webhook burnt down/);
  assert.deepEqual(world.story, ['webhook starts']);
});

test('a part that cannot become ready fails', async () => {
  const world = new World();
  const bad = {
    ...world.part('cache'),
    whenReady: () => Promise.reject(new Error('no such kind')),
  };
  const run = world.run([bad]);
  await world.clock.advance(1_000);
  assert.match(String(await run), /cache failed: no such kind/);
});

test('a stop during the start stops the parts that have started', async () => {
  const world = new World();
  const run = world.run([world.part('cache', { readyMs: 60_000 })], [world.part('controller')]);
  await world.clock.advance(1_000);
  world.stop.abort();
  await world.clock.advance(1_000);
  await run;
  assert.deepEqual(world.story, ['cache starts', 'cache ends', 'all stopped']);
});

test('a component that ends early does not block the others', async () => {
  const world = new World();
  const once = {
    name: 'once',
    start: () => Promise.resolve(),
    whenReady: () => new Promise(() => undefined),
  };
  const run = world.run([once], [world.part('controller')]);
  await world.clock.advance(1_000);
  assert.deepEqual(world.story, ['controller starts', 'controller is ready']);
  world.stop.abort();
  await world.clock.advance(1_000);
  await run;
});

test('components that exceed the timeout are named, and the others are stopped', async () => {
  const world = new World();
  const run = world.run([world.part('cache')], [world.part('stuck', { stopMs: 1e9 })]);
  await world.clock.advance(1_000);
  world.stop.abort();
  await world.clock.advance(24_000);
  assert.ok(!world.story.includes('cache ends'));
  await world.clock.advance(2_000);
  const error = await run;
  assert.equal(world.story.at(-1), 'cache ends');
  assert.ok(error instanceof StopTimeout);
  assert.deepEqual(error.hanging, ['stuck']);
  assert.match(error.message, /longer than 25000 ms; still running: stuck$/);
});

test('a server runs as a part', async () => {
  const world = new World();
  const server = {
    listen: () => Promise.resolve(world.story.push('listens')),
    close: () => Promise.resolve(void world.story.push('closes')),
  };
  const run = world.run([serverRunnable('web', server)], [world.part('controller')]);
  await world.clock.advance(10);
  world.stop.abort();
  await world.clock.advance(10);
  await run;
  assert.equal(world.story[0], 'listens');
  assert.equal(world.story.at(-2), 'closes');
});

test('the first signal stops gracefully, the second one at once', () => {
  const source = new EventEmitter();
  let again = 0;
  const signal = stopSignal(source, () => (again += 1));
  assert.equal(signal.aborted, false);
  source.emit('SIGTERM');
  assert.equal(signal.aborted, true);
  assert.equal(again, 0);
  source.emit('SIGINT');
  assert.equal(again, 1);
});

test('the manager reports a stop from its first moment on', async () => {
  const world = new World();
  const part = world.part('work', { stopMs: 1_000 });
  const groups = [{ name: 'all', runnables: [part] }];
  const manager = new Manager({ groups, scheduler: world.clock, log: silentLogger });
  const run = manager.run(world.stop.signal);
  await world.clock.advance(10);
  assert.equal(manager.isStopping, false);
  world.stop.abort();
  assert.equal(manager.isStopping, true);
  await world.clock.advance(2_000);
  await run;
});
