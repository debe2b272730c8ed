// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { refusal, type FakeApi } from '@altershield/testing/kube/fake-api';
import type { HttpRequest } from '../client/transport.ts';
import { silentLogger, type LogFields, type Logger } from '../runtime/logger.ts';
import {
  aWorld,
  assertInStep,
  putMany,
  type World,
} from '@altershield/testing/kube/cached-config-maps';

const queryOf = (watch: { readonly path: string } | undefined): URLSearchParams =>
  new URL(watch?.path ?? '', 'http://x').searchParams;

describe('the watch', () => {
  test('begins where the list ended, asks for bookmarks and ends by itself after about 290 s', async () => {
    const world = aWorld({ before: putMany(2) });
    await world.scheduler.advance(1);
    const query = queryOf(world.api.watches[0]);
    assert.equal(query.get('resourceVersion'), '102');
    assert.equal(query.get('allowWatchBookmarks'), 'true');
    const seconds = Number(query.get('timeoutSeconds'));
    assert.ok(seconds >= 290 && seconds <= 319, String(seconds));
  });

  test('ends after a different time than others, so that they do not all reconnect at once', async () => {
    const world = aWorld();
    for (let i = 0; i < 5; i += 1) {
      await world.scheduler.advance(10_000);
      world.api.cut();
    }
    const times = world.api.watches.map((watch) => queryOf(watch).get('timeoutSeconds'));
    assert.ok(new Set(times).size > 2, times.join());
  });

  test('reports additions, updates with the old object and deletions, after the store has them', async () => {
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
    'connection refused': () => new Error('connect ECONNREFUSED'),
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

  test('that is alive does not count as half-open when the clock is set forward', async () => {
    const world = aWorld();
    await world.scheduler.advance(280_000);
    world.api.put('a');
    await world.scheduler.advance(1);
    world.scheduler.setForward(3_600_000);
    await world.scheduler.advance(60_000);
    assert.equal(world.api.watches.length, 1);
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

  test('that is known to be stale is restarted once', async () => {
    const world = aWorld();
    await world.scheduler.advance(1);
    world.api.prompt = false;
    world.api.put('missed');
    world.api.prompt = true;
    await world.scheduler.advance(20_000);
    world.informer.restartWatch('the server has more');
    await world.scheduler.advance(5000);
    assert.equal(world.api.watches.length, 2);
    assert.equal(world.api.lists().length, 1);
    assertInStep(world);
    world.informer.restartWatch('the server has more');
    await world.scheduler.advance(5000);
    assert.equal(world.api.watches.length, 2, 'no event arrived since');
    world.api.bookmark();
    await world.scheduler.advance(5000);
    world.informer.restartWatch('the server has more');
    await world.scheduler.advance(5000);
    assert.equal(world.api.watches.length, 3);
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

  test('waits for the Retry-After of a 429', async () => {
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
    test(`${name} it lists once more and reports only the differences`, async () => {
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

  test('an object recreated under the same name is a deletion and an addition', async () => {
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

describe('a burst yields to other work every few milliseconds', () => {
  const MANY = 40;
  const causes: Record<string, (world: World) => void> = {
    'of a watch': ({ api }) => {
      putMany(2 * MANY)(api);
    },
    'that a list no longer has': ({ api }) => {
      api.prompt = false;
      for (let i = 0; i < MANY; i += 1) api.remove(`c${i}`);
      api.compact();
      api.cut();
    },
  };
  for (const [name, cause] of Object.entries(causes)) {
    test(name, async () => {
      const world = aWorld({ before: putMany(MANY) });
      const { scheduler, events } = world;
      await scheduler.advance(1);
      world.story();
      const told: number[] = [];
      world.informer.onEvent(() => {
        scheduler.pass(1);
      });
      const look = (): void => {
        told.push(world.story().length);
        scheduler.after(1, look);
      };
      look();
      cause(world);
      await scheduler.advance(1000);
      assertInStep(world);
      assert.deepEqual(events, []);
      assert.ok(told.reduce((a, b) => a + b) >= MANY);
      assert.ok(Math.max(...told) <= 8, `${Math.max(...told)} ms of work in a turn`);
    });
  }
});

describe('an error that needs the user', () => {
  const cases = [
    { status: 403, reason: 'Forbidden', hint: /grant get, list and watch on configmaps/ },
    { status: 404, reason: 'NotFound', hint: /install the CustomResourceDefinition of ConfigMap/ },
  ];
  for (const { status, reason, hint } of cases) {
    test(`${status} is logged once with its hint, shown, and retried slowly`, async () => {
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
      assert.match(String(lines[0]?.fields?.['hint']), hint);
      assert.match(world.informer.lastError?.message ?? '', new RegExp(reason));
      assert.ok(world.api.requests.length <= 17, `${world.api.requests.length} requests`);
      world.api.intercept = () => undefined;
      await world.scheduler.advance(20_000);
      assert.equal(world.informer.synced, true);
      assert.equal(world.informer.lastError, undefined);
    });
  }
});

test('a short rejection, as by a server that starts, is retried soon', async () => {
  const world = aWorld();
  await world.scheduler.advance(1);
  world.api.intercept = () => refusal(403, 'Forbidden');
  world.api.cut();
  await world.scheduler.advance(1000);
  world.api.intercept = () => undefined;
  await world.scheduler.advance(2000);
  assert.equal(world.informer.lastError, undefined);
});

test('a permission removed during a watch is logged once', async () => {
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

test('a list is current as of the request for its first page, however long the others take', async () => {
  const world = aWorld({ before: putMany(5), options: { pageSize: 2 } });
  const began = world.scheduler.now();
  let late = 2;
  world.api.intercept = ({ path }) => {
    if (!path.includes('continue=') || late === 0) return undefined;
    late -= 1;
    return refusal(500, 'InternalError');
  };
  await world.scheduler.advance(3000);
  assert.equal(world.informer.synced, true);
  assert.equal(world.informer.currentAsOf, began);
});
