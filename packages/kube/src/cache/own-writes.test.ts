// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { Client } from '../client/client.ts';
import { FakeApi } from '@altershield/testing/kube/fake-api';
import { RESOURCES, type KubeObject } from '../client/object.ts';
import type { HttpRequest, HttpResponse, Transport } from '../client/transport.ts';
import { Controller } from '../controller/controller.ts';
import { silentLogger } from '../runtime/logger.ts';
import { sleep } from '../runtime/scheduler.ts';
import { VirtualScheduler } from '@altershield/testing/kube/virtual-scheduler';
import { WriteThroughClient } from './write-through-client.ts';
import { InformerFactory } from './factory.ts';
import { isNewer } from './resource-version.ts';

const RESOURCE = RESOURCES.configMap;
const KEY = { namespace: 'shop', name: 'a' };

interface World {
  readonly api: FakeApi;
  readonly scheduler: VirtualScheduler;
  readonly factory: InformerFactory;
  readonly client: WriteThroughClient;
  readonly stop: AbortController;
}

/** Every response takes a different time to arrive. */
class SlowTransport implements Transport {
  readonly #api: FakeApi;
  readonly #scheduler: VirtualScheduler;

  constructor(api: FakeApi, scheduler: VirtualScheduler) {
    this.#api = api;
    this.#scheduler = scheduler;
  }

  async request(request: HttpRequest): Promise<HttpResponse> {
    const response = await this.#api.request(request);
    if (!request.stream) await sleep(this.#scheduler, this.#scheduler.random() * 50);
    return response;
  }

  close(): Promise<void> {
    return Promise.resolve();
  }
}

function aWorld(seed = 1): World {
  const api = new FakeApi();
  const scheduler = new VirtualScheduler(seed);
  const transport = new SlowTransport(api, scheduler);
  const bare = new Client({ transport, scheduler, fieldManager: 'test' });
  const factory = new InformerFactory({ client: bare, scheduler, log: silentLogger });
  const client = new WriteThroughClient(bare, factory);
  return { api, scheduler, factory, client, stop: new AbortController() };
}

describe('a client with a cache', () => {
  test('shows its creates, patches and deletes before the watch does', async () => {
    const { api, scheduler, factory, client, stop } = aWorld();
    const informer = factory.informer(RESOURCE, { namespace: 'shop' });
    void factory.start(stop.signal);
    await scheduler.advance(1000);
    api.prompt = false;
    const done = (async () => {
      const made = await client.create(RESOURCE, 'shop', { metadata: { name: 'a' } });
      assert.equal(informer.get(KEY)?.metadata.uid, made.metadata.uid);
      const patched = await client.patch(RESOURCE, KEY, { type: 'merge', body: { data: {} } });
      assert.equal(informer.get(KEY)?.metadata.resourceVersion, patched.metadata.resourceVersion);
      await client.delete(RESOURCE, KEY, { uid: made.metadata.uid });
      assert.equal(informer.get(KEY), undefined);
    })();
    await scheduler.advance(1000);
    await done;
    api.deliver();
    await scheduler.advance(0);
    assert.equal(informer.size, 0);
  });

  test('keeps dry runs and answers of other kinds out of the cache', async () => {
    const { api, scheduler, factory, client, stop } = aWorld();
    const informer = factory.informer(RESOURCE, { namespace: 'shop' });
    void factory.start(stop.signal);
    await scheduler.advance(1000);
    api.prompt = false;
    const dry = client.create(RESOURCE, 'shop', { metadata: { name: 'a' } }, { dryRun: true });
    const scaled = client.patch({ ...RESOURCE, kind: 'Other' }, KEY, { type: 'merge', body: {} });
    await scheduler.advance(1000);
    await Promise.all([dry, scaled]);
    assert.match(api.requests.find(({ method }) => method === 'POST')?.path ?? '', /dryRun=All/);
    assert.equal(informer.size, 0);
  });
});

describe('a factory', () => {
  test('shares one informer per selection', () => {
    const { factory } = aWorld();
    const all = factory.informer(RESOURCE);
    assert.equal(factory.informer(RESOURCE), all);
    assert.notEqual(factory.informer(RESOURCE, { labelSelector: 'a=b' }), all);
    assert.equal(factory.all().length, 2);
    const named = factory.informer(RESOURCE, {
      indexes: { name: ({ metadata }) => [metadata.name] },
    });
    assert.equal(named, all);
    assert.deepEqual(all.byIndex('name', 'a'), []);
  });

  test('rejects sharing an informer between two views of the objects', () => {
    const { factory } = aWorld();
    factory.informer(RESOURCE, { transform: (object) => object });
    assert.throws(
      () => factory.informer(RESOURCE, { transform: (object) => ({ ...object }) }),
      /share an informer of configmaps: the transforms differ/,
    );
  });

  test('starts informers that are requested later, and ends when all have ended', async () => {
    const { api, scheduler, factory, stop } = aWorld();
    api.put('a');
    const ended = factory.start(stop.signal);
    const informer = factory.informer(RESOURCE, { namespace: 'shop' });
    assert.equal(factory.synced, false);
    const synced = factory.whenSynced();
    await scheduler.advance(1000);
    await synced;
    assert.equal(informer.size, 1);
    stop.abort(new Error('stop'));
    await scheduler.advance(1000);
    await ended;
  });
});

/**
 * Four workers and a rival write the same few objects while answers are slow, the watch lags, is cut
 * and forgets. No reconcile may ever read a state older than the last write it was answered.
 */
async function stress(seed: number): Promise<void> {
  const { api, scheduler, factory, client, stop } = aWorld(seed);
  const names = ['a', 'b', 'c'];
  for (const name of names) api.put(name);
  const informer = factory.informer(RESOURCE, { namespace: 'shop' });
  const answered = new Map<string, string>();
  const stale: string[] = [];
  let writes = 0;
  const check = (key: string): KubeObject | undefined => {
    const seen = informer.get(key);
    const last = answered.get(key) ?? '';
    const version = seen?.metadata.resourceVersion;
    if (version !== undefined && isNewer(last, version)) stale.push(`${key}@${version} < ${last}`);
    return seen;
  };
  const controller = new Controller({
    ...{ name: 'stress', scheduler, log: silentLogger, workers: 4 },
    reconcile: async (key) => {
      const seen = check(key);
      if (seen === undefined) return undefined;
      const patch = { type: 'merge', body: { data: { by: 'me' } } } as const;
      const written = await client.patch(
        RESOURCE,
        { namespace: 'shop', name: key.slice(5) },
        patch,
      );
      answered.set(key, written.metadata.resourceVersion);
      writes += 1;
      check(key);
      return { requeueAfterMs: Math.floor(scheduler.random() * 40) };
    },
  });
  controller.watch(informer, ({ object }) => `shop/${object.metadata.name}`);
  void factory.start(stop.signal);
  const ended = controller.start(stop.signal);
  for (let i = 0; i < 150; i += 1) {
    disturb(api, scheduler, names);
    await scheduler.advance(20);
  }
  assert.deepEqual(stale, [], `seed ${seed}`);
  assert.ok(writes > 100, `seed ${seed}: only ${writes} writes`);
  stop.abort(new Error('stop'));
  await scheduler.advance(1000);
  await ended;
  assert.equal(controller.queue.isShutDown, true);
}

function disturb(api: FakeApi, scheduler: VirtualScheduler, names: readonly string[]): void {
  const dice = scheduler.random();
  const name = names[Math.floor(scheduler.random() * names.length)] ?? 'a';
  api.prompt = dice < 0.3;
  if (dice < 0.15) api.put(name, { by: 'rival' });
  else if (dice < 0.2) api.remove(name);
  else if (dice < 0.5) api.deliver(1 + Math.floor(scheduler.random() * 5));
  else if (dice < 0.55) api.cut();
  else if (dice < 0.58) {
    api.compact();
    api.cut();
  } else if (dice < 0.65) api.bookmark();
  if (api.get(name) === undefined) api.put(name);
}

test('no reconcile acts on a state older than its own last write, in 15 disturbed runs', async () => {
  for (let seed = 1; seed <= 15; seed += 1) await stress(seed);
});
