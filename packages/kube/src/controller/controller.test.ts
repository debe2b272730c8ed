// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { InformerFactory } from '../cache/factory.ts';
import { Client } from '../client/client.ts';
import { KubeError, TerminalError } from '../errors/errors.ts';
import { FakeApi } from '@altershield/testing/kube/fake-api';
import { RESOURCES, type KubeObject } from '../client/object.ts';
import { silentLogger, type Logger } from '../runtime/logger.ts';
import { sleep } from '../runtime/scheduler.ts';
import { VirtualScheduler } from '@altershield/testing/kube/virtual-scheduler';
import { Controller, type ControllerOptions, type Reconcile } from './controller.ts';
import { keyOfObject, keysOfController } from './mappings.ts';
import type { ReconcileResult } from './outcome.ts';

interface Bench {
  readonly scheduler: VirtualScheduler;
  readonly controller: Controller;
  readonly results: ReconcileResult[];
  readonly logged: string[];
  readonly stop: AbortController;
  readonly start: () => Promise<void>;
}

function aController(reconcile: Reconcile, options: Partial<ControllerOptions> = {}): Bench {
  const scheduler = options.scheduler as VirtualScheduler | undefined;
  const clock = scheduler ?? new VirtualScheduler();
  const results: ReconcileResult[] = [];
  const logged: string[] = [];
  const log: Logger = {
    ...silentLogger,
    error: (message) => logged.push(message),
    child: () => log,
  };
  const stop = new AbortController();
  const metrics = { reconciled: ({ result }: { result: ReconcileResult }) => results.push(result) };
  const controller = new Controller({
    ...{ name: 'test', scheduler: clock, log, metrics, reconcile },
    ...options,
  });
  const start = (): Promise<void> => controller.start(stop.signal);
  return { scheduler: clock, controller, results, logged, stop, start };
}

const failing = (...failures: (Error | undefined)[]): Reconcile => {
  let at = 0;
  return (): Promise<undefined> => {
    const error = failures[at];
    at += 1;
    return error === undefined ? Promise.resolve(undefined) : Promise.reject(error);
  };
};

const refused = (status: number, reason: string, retryAfterMs?: number): KubeError =>
  new KubeError({
    ...{ doing: 'PATCH x', status, server: { reason } },
    ...(retryAfterMs !== undefined && { retryAfterMs }),
  });

describe('the outcome of a reconcile', () => {
  test('success is left alone', async () => {
    const it = aController(failing());
    void it.start();
    it.controller.enqueue('a');
    await it.scheduler.advance(10_000_000);
    assert.deepEqual(it.results, ['success']);
  });

  test('requeueAfterMs adds the key again after that time', async () => {
    const times: number[] = [];
    const scheduler = new VirtualScheduler();
    const begin = scheduler.now();
    const it = aController(
      () => {
        times.push(scheduler.now() - begin);
        return Promise.resolve(times.length < 3 ? { requeueAfterMs: 500 } : undefined);
      },
      { scheduler },
    );
    void it.start();
    it.controller.enqueue('a');
    await scheduler.advance(60_000);
    assert.deepEqual(times, [0, 500, 1000]);
    assert.deepEqual(it.results, ['requeue_after', 'requeue_after', 'success']);
  });

  test('an error is logged and tried again with growing delays', async () => {
    const it = aController(failing(new Error('1'), new Error('2')));
    void it.start();
    it.controller.enqueue('a');
    await it.scheduler.advance(4);
    assert.deepEqual(it.results, ['error']);
    await it.scheduler.advance(11);
    assert.deepEqual(it.results, ['error', 'error', 'success']);
    assert.equal(it.logged.length, 2);
    assert.equal(it.controller.queue.failures('a'), 0);
  });

  test('a key with requeueAfterMs succeeded: its next failure starts with the first delay', async () => {
    let calls = 0;
    const it = aController(() => {
      calls += 1;
      if (calls === 1) throw new Error('1');
      return Promise.resolve({ requeueAfterMs: 100 });
    });
    void it.start();
    it.controller.enqueue('a');
    await it.scheduler.advance(50);
    assert.deepEqual(it.results, ['error', 'requeue_after']);
    assert.equal(it.controller.queue.failures('a'), 0);
  });

  test('a conflict is retried and does not count as an error', async () => {
    const it = aController(failing(refused(409, 'Conflict')));
    void it.start();
    it.controller.enqueue('a');
    await it.scheduler.advance(1000);
    assert.deepEqual(it.results, ['requeue', 'success']);
    assert.deepEqual(it.logged, []);
  });

  test('a create that a terminating namespace rejects is not an error', async () => {
    const causes = [{ reason: 'NamespaceTerminating', field: 'metadata.namespace' }];
    const server = { reason: 'Forbidden', details: { causes } };
    const ending = new KubeError({ doing: 'POST x', status: 403, server });
    const it = aController(failing(ending, refused(403, 'Forbidden')));
    void it.start();
    it.controller.enqueue('a');
    await it.scheduler.advance(1000);
    assert.deepEqual(it.results, ['requeue', 'error', 'success']);
    assert.equal(it.logged.length, 1);
  });

  test('a busy server gets no request before its Retry-After', async () => {
    const it = aController(failing(refused(429, 'TooManyRequests', 3000)));
    void it.start();
    it.controller.enqueue('a');
    await it.scheduler.advance(2999);
    assert.deepEqual(it.results, ['requeue']);
    await it.scheduler.advance(1);
    assert.deepEqual(it.results, ['requeue', 'success']);
  });

  test('a Retry-After of zero does not cause a busy loop', async () => {
    const busy = refused(429, 'TooManyRequests', 0);
    const it = aController(failing(...Array.from({ length: 1000 }, () => busy)));
    void it.start();
    it.controller.enqueue('a');
    await it.scheduler.advance(60_000);
    assert.ok(it.results.length < 20, String(it.results.length));
  });

  test('a terminal error is logged and not tried again', async () => {
    const it = aController(failing(new TerminalError('broken')));
    void it.start();
    it.controller.enqueue('a');
    await it.scheduler.advance(10_000_000);
    assert.deepEqual(it.results, ['terminal_error']);
    assert.deepEqual(it.logged, ['failed to reconcile, will not retry']);
  });

  test('a throw before the first await, even of a non-error, counts as an error', async () => {
    let calls = 0;
    const it = aController(() => {
      calls += 1;
      // eslint-disable-next-line @typescript-eslint/only-throw-error -- what bad code does
      if (calls === 1) throw 'a string';
      return Promise.resolve(undefined);
    });
    void it.start();
    it.controller.enqueue('a');
    await it.scheduler.advance(1000);
    assert.deepEqual(it.results, ['error', 'success']);
  });
});

describe('workers', () => {
  test('share the keys but never one key', async () => {
    const scheduler = new VirtualScheduler();
    const running = new Set<string>();
    let most = 0;
    const it = aController(
      async (key) => {
        assert.equal(running.has(key), false);
        running.add(key);
        most = Math.max(most, running.size);
        await sleep(scheduler, 100);
        running.delete(key);
      },
      { scheduler, workers: 3 },
    );
    void it.start();
    for (const key of ['a', 'b', 'c', 'd', 'e']) it.controller.enqueue(key);
    await scheduler.advance(50);
    it.controller.enqueue('a');
    await scheduler.advance(1000);
    assert.equal(most, 3);
    assert.deepEqual(
      it.results,
      Array.from({ length: 6 }, () => 'success'),
    );
  });

  test('abort a reconcile that takes too long and try it again', async () => {
    const scheduler = new VirtualScheduler();
    let calls = 0;
    const it = aController(
      async (_key, { signal }) => {
        calls += 1;
        await sleep(scheduler, calls === 1 ? 60_000 : 1, signal);
        signal.throwIfAborted();
      },
      { scheduler, timeoutMs: 1000 },
    );
    void it.start();
    it.controller.enqueue('a');
    await scheduler.advance(1100);
    assert.deepEqual(it.results, ['error', 'success']);
  });
});

describe('stopping', () => {
  test('aborts running reconciles, waits for them and starts no more', async () => {
    const scheduler = new VirtualScheduler();
    let ended = false;
    const it = aController(
      async (_key, { signal }) => {
        await sleep(scheduler, 60_000, signal);
        await sleep(scheduler, 500);
        signal.throwIfAborted();
      },
      { scheduler },
    );
    const run = it.start().then(() => {
      ended = true;
    });
    it.controller.enqueue('a');
    it.controller.enqueue('b');
    await scheduler.advance(10);
    it.stop.abort(new Error('stop'));
    await scheduler.advance(499);
    assert.equal(ended, false);
    await scheduler.advance(1);
    await run;
    assert.deepEqual(it.results, ['stopped']);
    assert.deepEqual(it.logged, []);
    assert.equal(scheduler.timers, 0);
  });

  test('ends a controller that still waits for its informers', async () => {
    const scheduler = new VirtualScheduler();
    const { informer } = aCache(scheduler);
    const it = aController(failing(), { scheduler });
    it.controller.watch(informer, keyOfObject);
    const run = it.start();
    it.stop.abort(new Error('stop'));
    await run;
  });
});

function aCache(scheduler: VirtualScheduler): {
  api: FakeApi;
  factory: InformerFactory;
  informer: ReturnType<InformerFactory['informer']>;
} {
  const api = new FakeApi();
  const client = new Client({ transport: api, scheduler, fieldManager: 'test' });
  const factory = new InformerFactory({ client, scheduler, log: silentLogger });
  return { api, factory, informer: factory.informer(RESOURCES.configMap, { namespace: 'shop' }) };
}

describe('informers as sources', () => {
  test('are used when all are synced, and changes overtake the first list', async () => {
    const scheduler = new VirtualScheduler();
    const { api, factory, informer } = aCache(scheduler);
    for (const name of ['a', 'b', 'c']) api.put(name);
    const keys: string[] = [];
    const it = aController(
      async (key) => {
        assert.equal(informer.synced, true);
        keys.push(key);
        await sleep(scheduler, 10);
      },
      { scheduler },
    );
    it.controller.watch(informer, keyOfObject);
    void it.start();
    await scheduler.advance(5);
    assert.deepEqual(keys, []);
    void factory.start(it.stop.signal);
    await scheduler.advance(5);
    api.put('new');
    api.put('c');
    await scheduler.advance(1000);
    assert.deepEqual(keys, ['shop/a', 'shop/new', 'shop/c', 'shop/b']);
  });
});

test('a standby queues nothing; existing objects are reconciled when it becomes leader', async () => {
  const scheduler = new VirtualScheduler();
  const { api, factory, informer } = aCache(scheduler);
  const keys: string[] = [];
  const it = aController((key) => Promise.resolve(void keys.push(key)), { scheduler });
  it.controller.watch(informer, (event) =>
    event.object.metadata.name === 'odd' ? assert.fail('odd') : keyOfObject(event),
  );
  void factory.start(it.stop.signal);
  for (let i = 0; i < 100; i += 1) {
    api.put(`preview-${i}`);
    await scheduler.advance(10);
    if (i > 0) api.remove(`preview-${i}`);
  }
  api.put('odd');
  await scheduler.advance(10);
  assert.equal(it.controller.queue.length, 0);
  void it.start();
  await scheduler.advance(10);
  assert.deepEqual(keys, ['shop/preview-0']);
  assert.equal(it.logged.length, 1);
  api.put('preview-1');
  await scheduler.advance(10);
  assert.deepEqual(keys, ['shop/preview-0', 'shop/preview-1']);
});

describe('a burst yields to other work every few milliseconds', () => {
  const MANY = 40;
  /** How much is done in each turn of the event loop. */
  async function turnsOf(it: Bench, done: () => number): Promise<number[]> {
    const seen: number[] = [];
    const look = (): void => {
      seen.push(done());
      it.scheduler.after(1, look);
    };
    look();
    await it.scheduler.advance(1000);
    return seen.map((count, i) => count - (seen[i - 1] ?? 0));
  }

  test('reconciles without an await', async () => {
    const it = aController(() => {
      it.scheduler.pass(1);
      return Promise.resolve(undefined);
    });
    for (let i = 0; i < MANY; i += 1) it.controller.enqueue(`key-${i}`);
    void it.start();
    const turns = await turnsOf(it, () => it.results.length);
    assert.equal(it.results.length, MANY);
    assert.ok(Math.max(...turns) <= 8, turns.join());
  });

  test('objects that are there when the work begins', async () => {
    const scheduler = new VirtualScheduler();
    const { api, factory, informer } = aCache(scheduler);
    for (let i = 0; i < MANY; i += 1) api.put(`c${i}`);
    const it = aController(failing(), { scheduler });
    void factory.start(it.stop.signal);
    await scheduler.advance(10);
    let visited = 0;
    it.controller.watch(informer, () => {
      scheduler.pass(1);
      visited += 1;
      return [];
    });
    void it.start();
    const turns = await turnsOf(it, () => visited);
    assert.equal(visited, MANY);
    assert.ok(Math.max(...turns) <= 8, turns.join());
  });
});

test('an update enqueues the owners before and after the change', () => {
  const owned = (name: string, controller = true): KubeObject => ({
    ...{ apiVersion: 'v1', kind: 'Pod' },
    metadata: {
      ...{ name: 'p', namespace: 'shop', uid: 'u', resourceVersion: '1', creationTimestamp: '' },
      ownerReferences: [
        { apiVersion: 'apps/v1', kind: 'ReplicaSet', name, uid: 'x', controller },
        { apiVersion: 'v1', kind: 'Other', name: 'other', uid: 'y' },
      ],
    },
  });
  const keys = keysOfController('ReplicaSet');
  const update = { type: 'Updated', object: owned('b'), old: owned('a'), initial: false } as const;
  assert.deepEqual(keys(update), ['shop/b', 'shop/a']);
  assert.deepEqual(keys({ type: 'Added', object: owned('a', false), initial: false }), []);
});
