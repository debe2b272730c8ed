// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { refusal } from '@altershield/testing/kube/fake-api';
import { silentLogger, type Logger } from '../runtime/logger.ts';
import {
  aWorld,
  assertInStep,
  putMany,
  type ConfigMap,
} from '@altershield/testing/kube/cached-config-maps';

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

  test('requests at most forty objects at once by default', async () => {
    const world = aWorld({ before: putMany(101) });
    await world.scheduler.advance(10);
    assert.equal(world.api.lists().length, 3);
    assert.equal(world.informer.size, 101);
  });

  test('yields to other work between pages', async () => {
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

  test('continues with the same page after an error', async () => {
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

  test('asks for larger pages each time it must start over, up to a thousand', async () => {
    const world = aWorld({ before: putMany(1100) });
    world.api.intercept = ({ path }) =>
      path.includes('continue=') ? refusal(410, 'Expired') : undefined;
    await world.scheduler.advance(300_000);
    const limits = world.api.lists().map(({ path }) => /limit=(\d+)/.exec(path)?.[1]);
    assert.deepEqual([...new Set(limits)], ['40', '160', '640', '1000']);
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

describe('handlers', () => {
  test('that throw are logged and do not stop the others', async () => {
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

  test('that are added late get the existing objects, and can unsubscribe', async () => {
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
    world.informer.applyWrite(mine);
    assert.equal(world.informer.get('shop/c0')?.data?.['by'], 'me');
    world.api.deliver();
    await world.scheduler.advance(1);
    assert.deepEqual(world.story(), ['Updated c0']);
    assertInStep(world);
  });

  test('whose answer arrives after the DELETED event do not restore the object', async () => {
    const world = aWorld();
    await world.scheduler.advance(1);
    const mine = world.api.put('a');
    world.api.remove('a');
    await world.scheduler.advance(1);
    world.informer.applyWrite(mine);
    assert.equal(world.informer.size, 0);
  });

  test('that delete ignore older events of the object, and a new object of that name is shown', async () => {
    const world = aWorld({ before: putMany(1) });
    await world.scheduler.advance(1);
    world.story();
    world.api.prompt = false;
    world.api.put('c0', { late: 'yes' });
    const old = world.api.remove('c0');
    world.informer.applyDelete('shop/c0', old?.metadata.uid ?? '');
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
    world.informer.applyWrite({
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
  assert.throws(() => world.informer.byIndex('nope', 'x'), /index "nope": no such index/);
});

test('an object that an index cannot read is not indexed, and the others are', async () => {
  const world = aWorld({ before: putMany(3) });
  world.informer.addIndex('picky', ({ metadata }) => {
    if (metadata.name === 'c1') throw new Error('unexpected object');
    return ['all'];
  });
  await world.scheduler.advance(10);
  assert.deepEqual([world.informer.synced, world.informer.size], [true, 3]);
  assert.equal(world.informer.byIndex('picky', 'all').length, 2);
});

test('a stopped informer ends, leaves no timer and makes no more requests', async () => {
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
