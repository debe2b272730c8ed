// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { FakeApi, refusal } from '../client/fake-api.test-support.ts';
import { Client } from '../client/client.ts';
import { RESOURCES, type KubeObject } from '../client/object.ts';
import { type HttpRequest } from '../client/transport.ts';
import { silentLogger, type LogFields, type Logger } from '../runtime/logger.ts';
import { VirtualScheduler } from '../runtime/virtual-scheduler.test-support.ts';
import { Informer, type InformerOptions } from './informer.ts';
import { type InformerEvent } from './mirror.ts';

type ConfigMap = KubeObject & { readonly data?: Readonly<Record<string, string>> };

interface World {
  readonly api: FakeApi;
  readonly scheduler: VirtualScheduler;
  readonly client: Client;
  readonly informer: Informer<ConfigMap>;
  readonly events: InformerEvent<ConfigMap>[];
  readonly stop: AbortController;
  readonly ended: Promise<void>;
  /** `type name` of the events since the last call. */
  story(): string[];
}

interface Setup {
  readonly before?: (api: FakeApi) => void;
  readonly options?: Partial<InformerOptions<ConfigMap>>;
  readonly log?: Logger;
}

function aWorld({ before, options, log = silentLogger }: Setup = {}): World {
  const api = new FakeApi();
  before?.(api);
  const scheduler = new VirtualScheduler();
  const client = new Client({ transport: api, scheduler, fieldManager: 'test' });
  const resource = RESOURCES.configMap;
  const namespace = 'shop';
  const informer = new Informer<ConfigMap>({
    ...{ client, resource, namespace, scheduler, log },
    ...options,
  });
  const events: InformerEvent<ConfigMap>[] = [];
  informer.onEvent((event) => events.push(event));
  const stop = new AbortController();
  const ended = informer.start(stop.signal);
  const story = (): string[] =>
    events.splice(0).map(({ type, object }) => `${type} ${object.metadata.name}`);
  return { api, scheduler, client, informer, events, stop, ended, story };
}

const versions = (objects: readonly KubeObject[]): Record<string, string> =>
  Object.fromEntries(objects.map(({ metadata }) => [metadata.name, metadata.resourceVersion]));

function assertInStep({ api, informer }: World): void {
  assert.deepEqual(versions(informer.list()), versions(api.objects()));
}

const putMany = (count: number) => (api: FakeApi) => {
  for (let i = 0; i < count; i += 1) api.put(`c${i}`);
};

describe('the first list', () => {
  test('reads page by page and marks what it finds as initial', async () => {
    const world = aWorld({ before: putMany(7), options: { pageSize: 3 } });
    await world.scheduler.advance(10);
    assert.equal(world.api.lists().length, 3);
    assert.equal(world.informer.synced, true);
    assert.equal(world.events.length, 7);
    assert.ok(world.events.every(({ type, initial }) => type === 'Added' && initial));
    assertInStep(world);
  });

  test('gives way to other work between pages', async () => {
    const world = aWorld({ before: putMany(6), options: { pageSize: 2 } });
    let turns = 0;
    const listsSeen: number[] = [];
    const tick = (): void => {
      listsSeen.push(world.api.lists().length);
      turns += 1;
      if (turns < 5) world.scheduler.after(0, tick);
    };
    tick();
    await world.scheduler.advance(0);
    assert.deepEqual([...new Set(listsSeen)], [1, 2, 3]);
  });

  test('names the kind that lists leave out and drops managed fields', async () => {
    const world = aWorld({ before: putMany(1) });
    await world.scheduler.advance(1);
    const object = world.informer.get({ namespace: 'shop', name: 'c0' });
    assert.equal(object?.kind, 'ConfigMap');
    assert.equal(object.metadata.managedFields, undefined);
  });

  test('goes on with the same page after a failure', async () => {
    const world = aWorld({ before: putMany(5), options: { pageSize: 2 } });
    let failures = 0;
    world.api.intercept = ({ path }) => {
      if (!path.includes('continue=') || failures > 0) return undefined;
      failures += 1;
      return refusal(500, 'InternalError');
    };
    await world.scheduler.advance(1000);
    assert.equal(world.api.lists().filter(({ path }) => !path.includes('continue=')).length, 1);
    assert.equal(world.informer.synced, true);
    assertInStep(world);
  });

  test('starts over with larger pages when its snapshot expired half way', async () => {
    const world = aWorld({ before: putMany(9), options: { pageSize: 2 } });
    let expired = false;
    world.api.intercept = ({ path }) => {
      if (!path.includes('continue=') || expired) return undefined;
      expired = true;
      world.api.remove('c0');
      world.api.put('late');
      world.api.compact();
      return undefined;
    };
    await world.scheduler.advance(1000);
    assert.equal(world.informer.synced, true);
    assertInStep(world);
    assert.ok(world.api.lists().some(({ path }) => path.includes('limit=8')));
    assert.deepEqual(world.story().slice(-2), ['Added late', 'Deleted c0']);
  });

  test('is awaited by whenSynced, which ends with the signal that is given', async () => {
    const world = aWorld();
    world.api.intercept = () => refusal(500, 'InternalError');
    const stop = new AbortController();
    const synced = world.informer.whenSynced(stop.signal);
    stop.abort(new Error('enough'));
    await assert.rejects(synced, /enough/);
    world.api.intercept = () => undefined;
    await world.scheduler.advance(60_000);
    await world.informer.whenSynced();
  });
});

describe('the watch', () => {
  test('begins where the list ended, asks for bookmarks and ends by itself after about 290 s', async () => {
    const world = aWorld({ before: putMany(2) });
    await world.scheduler.advance(1);
    const query = new URL(world.api.watches[0]?.path ?? '', 'http://x').searchParams;
    assert.equal(query.get('resourceVersion'), '102');
    assert.equal(query.get('allowWatchBookmarks'), 'true');
    const seconds = Number(query.get('timeoutSeconds'));
    assert.ok(seconds >= 290 && seconds <= 319, String(seconds));
  });

  test('tells additions, updates with the old object and deletions, after the store has them', async () => {
    const world = aWorld();
    await world.scheduler.advance(1);
    const seen: unknown[] = [];
    world.informer.onEvent(({ type, object, old, initial }) => {
      const stored = world.informer.get(`shop/${object.metadata.name}`);
      seen.push([type, old?.metadata.resourceVersion, stored === object, initial]);
    });
    world.api.put('a');
    world.api.put('a', { x: '1' });
    world.api.remove('a');
    await world.scheduler.advance(1);
    assert.deepEqual(seen, [
      ['Added', undefined, true, false],
      ['Updated', '101', true, false],
      ['Deleted', undefined, false, false],
    ]);
  });

  const troubles: Record<string, (world: World) => void> = {
    'is closed by the server': ({ api }) => {
      api.cut();
    },
    'sends garbage': ({ api }) => {
      for (const watch of api.watches) watch.send('<html>502</html>\n');
    },
    'sends half a line and ends': ({ api }) => {
      for (const watch of api.watches) {
        watch.send('{"type":"ADDED","obj');
        watch.end();
      }
    },
    'reports an internal error': ({ api }) => {
      const event = { type: 'ERROR', object: { kind: 'Status', code: 500, message: 'oh' } };
      for (const watch of api.watches) watch.send(`${JSON.stringify(event)}\n`);
    },
  };
  for (const [name, cause] of Object.entries(troubles)) {
    test(`resumes from the last version, without a list, when it ${name}`, async () => {
      const world = aWorld({ before: putMany(2) });
      await world.scheduler.advance(1);
      world.api.put('seen');
      await world.scheduler.advance(1);
      cause(world);
      world.api.put('missed');
      world.api.remove('c0');
      await world.scheduler.advance(5_000);
      assert.equal(world.api.lists().length, 1);
      assert.match(world.api.watches[1]?.path ?? '', /resourceVersion=103&/);
      assertInStep(world);
      assert.deepEqual(world.story().slice(2), ['Added seen', 'Added missed', 'Deleted c0']);
    });
  }

  const refusals: Record<string, () => ReturnType<FakeApi['intercept']>> = {
    'a 500': () => refusal(500, 'InternalError'),
    'a 503': () => refusal(503, 'ServiceUnavailable'),
    'a refused connection': () => new Error('connect ECONNREFUSED'),
    'no answer at all': () => 'silence',
  };
  for (const [name, answer] of Object.entries(refusals)) {
    test(`comes back by a watch after ${name}`, async () => {
      const world = aWorld({ before: putMany(2) });
      await world.scheduler.advance(1);
      const since = world.api.requests.length;
      world.api.intercept = answer;
      world.api.cut();
      await world.scheduler.advance(120_000);
      assert.notEqual(world.informer.lastError, undefined);
      const attempts = world.api.requests.length - since;
      assert.ok(attempts >= 1 && attempts < 40, `${attempts} attempts in two minutes`);
      world.api.intercept = () => undefined;
      world.api.put('missed');
      await world.scheduler.advance(120_000);
      assert.equal(world.informer.lastError, undefined);
      assert.equal(world.api.lists().length, 1);
      assertInStep(world);
    });
  }

  test('does not spin when the server accepts watches and ends them at once', async () => {
    const world = aWorld();
    world.api.intercept = ({ stream }: HttpRequest) =>
      stream ? { status: 200, headers: {}, body: none() } : undefined;
    await world.scheduler.advance(60_000);
    const { length } = world.api.requests;
    assert.ok(length > 3 && length < 40, `${length} requests in a minute`);
  });

  test('notices a half-open connection by its silence and resumes', async () => {
    const world = aWorld();
    await world.scheduler.advance(1);
    world.api.prompt = false;
    world.api.put('missed');
    await world.scheduler.advance(280_000);
    assert.equal(world.api.watches.length, 1);
    world.api.prompt = true;
    await world.scheduler.advance(70_000);
    assert.equal(world.api.watches.length, 2);
    assert.equal(world.api.lists().length, 1);
    assertInStep(world);
  });

  test('keeps a quiet watch that gets bookmarks and resumes from the last of them', async () => {
    const world = aWorld();
    await world.scheduler.advance(1);
    for (let minutes = 0; minutes < 20; minutes += 1) {
      world.api.bookmark();
      await world.scheduler.advance(60_000);
    }
    assert.equal(world.api.watches.length, 1);
    world.api.prompt = false;
    world.api.put('other');
    world.api.prompt = true;
    world.api.watches[0]?.lagging.splice(0);
    world.api.bookmark();
    await world.scheduler.advance(1);
    world.api.cut();
    await world.scheduler.advance(5_000);
    assert.match(world.api.watches[1]?.path ?? '', /resourceVersion=101&/);
  });

  test('waits as long as a 429 asks', async () => {
    const world = aWorld();
    await world.scheduler.advance(1);
    world.api.intercept = () => refusal(429, 'TooManyRequests', { 'retry-after': '20' });
    const since = world.api.requests.length;
    world.api.cut();
    await world.scheduler.advance(19_000);
    assert.ok(world.api.requests.length - since <= 1);
    world.api.intercept = () => undefined;
    await world.scheduler.advance(10_000);
    assert.equal(world.informer.lastError, undefined);
  });
});

// eslint-disable-next-line require-yield
async function* none(): AsyncGenerator<Uint8Array> {
  await Promise.resolve();
}

describe('after a 410', () => {
  const gone: Record<string, (world: World) => void> = {
    'as an answer': ({ api }) => {
      api.compact();
      api.cut();
    },
    'in the stream': ({ api }) => {
      const event = { type: 'ERROR', object: { kind: 'Status', code: 410, reason: 'Expired' } };
      for (const watch of api.watches) watch.send(`${JSON.stringify(event)}\n`);
    },
  };
  for (const [name, cause] of Object.entries(gone)) {
    test(`${name} it lists once more and tells only what differs`, async () => {
      const world = aWorld({ before: putMany(5), options: { pageSize: 2 } });
      await world.scheduler.advance(1);
      world.story();
      const listed = world.api.lists().length;
      world.api.prompt = false;
      world.api.remove('c1');
      world.api.put('c2', { changed: 'yes' });
      world.api.put('new');
      world.api.prompt = true;
      cause(world);
      await world.scheduler.advance(10_000);
      assert.equal(world.api.lists().length, listed + 3);
      assert.deepEqual(world.story().sort(), ['Added new', 'Deleted c1', 'Updated c2']);
      assertInStep(world);
    });
  }

  test('an object made again under the same name is a deletion and an addition', async () => {
    const world = aWorld({ before: putMany(1) });
    await world.scheduler.advance(1);
    world.story();
    world.api.prompt = false;
    world.api.remove('c0');
    world.api.put('c0');
    world.api.compact();
    world.api.prompt = true;
    world.api.cut();
    await world.scheduler.advance(10_000);
    assert.deepEqual(world.story(), ['Deleted c0', 'Added c0']);
  });
});

describe('trouble that needs a person', () => {
  const cases = [
    { status: 403, reason: 'Forbidden', cure: /grant get, list and watch on configmaps/ },
    { status: 404, reason: 'NotFound', cure: /install the CustomResourceDefinition of ConfigMap/ },
  ];
  for (const { status, reason, cure } of cases) {
    test(`${status} is told once with its cure, shown, and asked about slowly`, async () => {
      const lines: { message: string; fields: LogFields | undefined }[] = [];
      const log: Logger = {
        ...silentLogger,
        warn: (message, fields) => lines.push({ message, fields }),
        child: () => log,
      };
      const before = (api: FakeApi): void => {
        api.intercept = () => refusal(status, reason);
      };
      const world = aWorld({ log, before });
      await world.scheduler.advance(120_000);
      assert.equal(lines.length, 1);
      assert.equal(world.informer.synced, false);
      assert.match(String(lines[0]?.fields?.['cure']), cure);
      assert.match(world.informer.lastError?.message ?? '', new RegExp(reason));
      assert.ok(world.api.requests.length <= 13, `${world.api.requests.length} requests`);
      world.api.intercept = () => undefined;
      await world.scheduler.advance(20_000);
      assert.equal(world.informer.synced, true);
      assert.equal(world.informer.lastError, undefined);
    });
  }
});

test('permission that is lost while watching is told once, too', async () => {
  const told: string[] = [];
  const log: Logger = {
    ...silentLogger,
    warn: (message) => told.push(message),
    child: () => log,
  };
  const world = aWorld({ log });
  await world.scheduler.advance(1);
  world.api.intercept = () => refusal(403, 'Forbidden');
  world.api.cut();
  await world.scheduler.advance(300_000);
  assert.equal(told.length, 1);
});

describe('handlers', () => {
  test('that throw are logged and stop nothing', async () => {
    const errors: unknown[] = [];
    const log: Logger = {
      ...silentLogger,
      error: (_message, fields) => errors.push(fields?.['object']),
      child: () => log,
    };
    const world = aWorld({ before: putMany(1), log });
    world.informer.onEvent(() => {
      throw new Error('mine');
    });
    const after: string[] = [];
    world.informer.onEvent(({ object }) => after.push(object.metadata.name));
    await world.scheduler.advance(1);
    world.api.put('b');
    await world.scheduler.advance(1);
    assert.deepEqual(errors, ['shop/c0', 'shop/b']);
    assert.deepEqual(after, ['c0', 'b']);
    assertInStep(world);
  });

  test('that come late are told what is there, and can leave', async () => {
    const world = aWorld({ before: putMany(2) });
    await world.scheduler.advance(1);
    const seen: string[] = [];
    const leave = world.informer.onEvent(({ type, object, initial }) =>
      seen.push(`${type} ${object.metadata.name} ${initial}`),
    );
    leave();
    world.api.put('b');
    await world.scheduler.advance(1);
    assert.deepEqual(seen, ['Added c0 true', 'Added c1 true']);
  });
});

describe('own writes', () => {
  test('are seen at once, and older events that come later are dropped', async () => {
    const world = aWorld({ before: putMany(1) });
    await world.scheduler.advance(1);
    world.story();
    world.api.prompt = false;
    world.api.put('c0', { by: 'another' });
    const mine = world.api.put('c0', { by: 'me' });
    world.informer.written(mine);
    assert.equal(world.informer.get('shop/c0')?.data?.['by'], 'me');
    world.api.deliver();
    await world.scheduler.advance(1);
    assert.deepEqual(world.story(), ['Updated c0']);
    assertInStep(world);
  });

  test('whose answer arrives after the watch told of the deletion do not bring the object back', async () => {
    const world = aWorld();
    await world.scheduler.advance(1);
    const mine = world.api.put('a');
    world.api.remove('a');
    await world.scheduler.advance(1);
    world.informer.written(mine);
    assert.equal(world.informer.size, 0);
  });

  test('that delete hide the object from events of its past, and a new one of that name is shown', async () => {
    const world = aWorld({ before: putMany(1) });
    await world.scheduler.advance(1);
    world.story();
    world.api.prompt = false;
    world.api.put('c0', { late: 'yes' });
    const old = world.api.remove('c0');
    world.informer.removed('shop/c0', old?.metadata.uid ?? '');
    assert.equal(world.informer.size, 0);
    world.api.put('c0');
    world.api.deliver();
    await world.scheduler.advance(1);
    assert.deepEqual(world.story(), ['Deleted c0', 'Added c0']);
    assertInStep(world);
  });

  test('of objects that the selection excludes leave the cache', async () => {
    const world = aWorld({ before: putMany(1) });
    await world.scheduler.advance(1);
    const elsewhere = world.api.put('c0');
    world.informer.written({
      ...elsewhere,
      metadata: { ...elsewhere.metadata, namespace: 'other' },
    });
    assert.equal(world.informer.size, 1);
    assert.equal(world.informer.get('other/c0'), undefined);
  });
});

test('indexes follow every change', async () => {
  const indexes = { tier: ({ data }: ConfigMap) => (data?.['tier'] ? [data['tier']] : []) };
  const world = aWorld({ options: { indexes } });
  await world.scheduler.advance(1);
  world.api.put('a', { tier: 'web' });
  world.api.put('b', { tier: 'web' });
  world.api.put('a', { tier: 'db' });
  world.api.put('c');
  await world.scheduler.advance(1);
  const names = (value: string): string[] =>
    world.informer.byIndex('tier', value).map(({ metadata }) => metadata.name);
  assert.deepEqual([names('web'), names('db'), names('none')], [['b'], ['a'], []]);
  world.api.remove('a');
  await world.scheduler.advance(1);
  assert.deepEqual(names('db'), []);
  assert.equal(world.informer.list('shop').length, 2);
  assert.equal(world.informer.list('other').length, 0);
  assert.throws(() => world.informer.byIndex('nope', 'x'), /index "nope": there is none/);
});

test('a stopped informer ends, leaves no timer and does no more', async () => {
  const world = aWorld({ before: putMany(1) });
  await world.scheduler.advance(1);
  world.stop.abort(new Error('stop'));
  await world.scheduler.advance(1);
  await world.ended;
  assert.equal(world.scheduler.timers, 0);
  const { length } = world.api.requests;
  await world.scheduler.advance(600_000);
  assert.equal(world.api.requests.length, length);
});
