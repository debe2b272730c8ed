// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { KubeObject } from '../client/object.ts';
import { CacheWriter } from './cache-writer.ts';
import { isNewer } from './resource-version.ts';
import { Store } from './store.ts';

const at = (resourceVersion: number, name = 'a', uid = `uid-of-${name}`): KubeObject => ({
  apiVersion: 'v1',
  kind: 'ConfigMap',
  metadata: {
    ...{ name, namespace: 'shop', uid, resourceVersion: String(resourceVersion) },
    creationTimestamp: '2026-01-01T00:00:00Z',
  },
});

interface Seen {
  readonly cacheWriter: CacheWriter<KubeObject>;
  readonly story: string[];
  /** `name@version` of all objects. */
  readonly state: () => string[];
}

const label = ({ metadata }: KubeObject): string => `${metadata.name}@${metadata.resourceVersion}`;

function list(
  cacheWriter: CacheWriter<KubeObject>,
  version: number,
  objects: readonly KubeObject[],
): void {
  cacheWriter.beginList(String(version));
  for (const object of objects) cacheWriter.applyListed(object);
  for (const _step of cacheWriter.endList());
}

function synced(version: number, ...objects: KubeObject[]): Seen {
  const store = new Store<KubeObject>();
  const story: string[] = [];
  const cacheWriter = new CacheWriter({
    store,
    transform: (object) => object,
    selects: () => true,
    emit: ({ type, object }) => story.push(`${type} ${label(object)}`),
  });
  list(cacheWriter, version, objects);
  story.length = 0;
  return { cacheWriter, story, state: () => store.list().map(label) };
}

describe('own writes', () => {
  test('ahead of the watch hold until it catches up', () => {
    const { cacheWriter, story, state } = synced(10, at(5));
    cacheWriter.applyWrite(at(14));
    cacheWriter.applyEvent({ type: 'MODIFIED', object: at(12) });
    assert.deepEqual(state(), ['a@14']);
    cacheWriter.applyEvent({ type: 'MODIFIED', object: at(14) });
    cacheWriter.applyEvent({ type: 'MODIFIED', object: at(15) });
    assert.deepEqual(story, ['Updated a@14', 'Updated a@15']);
  });

  test('at or behind the watch are ignored, also for a deleted object', () => {
    const { cacheWriter, state } = synced(10);
    cacheWriter.applyEvent({ type: 'ADDED', object: at(11) });
    cacheWriter.applyEvent({ type: 'DELETED', object: at(13) });
    cacheWriter.applyWrite(at(12));
    assert.deepEqual(state(), []);
  });

  test('that arrive after the delete of this client do not restore the object', () => {
    const { cacheWriter, state } = synced(10, at(5));
    cacheWriter.applyDelete('shop/a', 'uid-of-a');
    cacheWriter.applyWrite(at(12));
    cacheWriter.applyEvent({ type: 'MODIFIED', object: at(12) });
    assert.deepEqual(state(), []);
    cacheWriter.applyEvent({ type: 'DELETED', object: at(13) });
    cacheWriter.applyEvent({ type: 'ADDED', object: at(14, 'a', 'another') });
    assert.deepEqual(state(), ['a@14']);
  });

  test('made while a list is read survive it when they are newer than its snapshot', () => {
    const { cacheWriter, state } = synced(10, at(5));
    cacheWriter.beginList('20');
    cacheWriter.applyWrite(at(22, 'b'));
    cacheWriter.applyWrite(at(15, 'c'));
    cacheWriter.applyListed(at(18));
    for (const _step of cacheWriter.endList());
    assert.deepEqual(
      state(),
      ['a@18', 'b@22'],
      'the list at 20 does not have c, so its write at 15 is outdated',
    );
  });

  test('of a recreated object are not undone by the deletion of its predecessor', () => {
    const { cacheWriter, story, state } = synced(10, at(5));
    cacheWriter.applyWrite(at(13, 'a', 'new'));
    cacheWriter.applyEvent({ type: 'DELETED', object: at(12) });
    cacheWriter.applyEvent({ type: 'ADDED', object: at(13, 'a', 'new') });
    assert.deepEqual(state(), ['a@13']);
    assert.deepEqual(story, ['Deleted a@5', 'Added a@13']);
  });

  test('that take an object out of the selection are followed by its DELETED of the same version', () => {
    const { cacheWriter, state } = synced(10, at(5));
    cacheWriter.applyWrite(at(12));
    cacheWriter.applyEvent({ type: 'DELETED', object: at(12) });
    assert.deepEqual(state(), []);
  });
});

describe('deletes by this client', () => {
  test('do not touch another object of that name', () => {
    const { cacheWriter, state } = synced(10, at(5, 'a', 'new'));
    cacheWriter.applyDelete('shop/a', 'old');
    assert.deepEqual(state(), ['a@5']);
  });

  test('hold against a list whose snapshot is older', () => {
    const { cacheWriter, story, state } = synced(10, at(5), at(6, 'b'));
    cacheWriter.beginList('20');
    cacheWriter.applyDelete('shop/a', 'uid-of-a');
    cacheWriter.applyListed(at(5));
    cacheWriter.applyListed(at(6, 'b'));
    for (const _step of cacheWriter.endList());
    cacheWriter.applyEvent({ type: 'DELETED', object: at(21) });
    assert.deepEqual(state(), ['b@6']);
    assert.deepEqual(story, ['Deleted a@5']);
  });
});

describe('repetitions', () => {
  test('of old events change nothing, also when the object is deleted by now', () => {
    const { cacheWriter, story, state } = synced(10);
    cacheWriter.applyEvent({ type: 'ADDED', object: at(11) });
    cacheWriter.applyEvent({ type: 'DELETED', object: at(12) });
    cacheWriter.applyEvent({ type: 'ADDED', object: at(11) });
    assert.deepEqual(state(), []);
    assert.deepEqual(story, ['Added a@11', 'Deleted a@12']);
  });

  test('of a list report only objects that changed', () => {
    const { cacheWriter, story } = synced(10, at(5), at(6, 'b'));
    list(cacheWriter, 20, [at(5), at(16, 'b'), at(17, 'c')]);
    assert.deepEqual(story, ['Updated b@16', 'Added c@17']);
  });
});

test('the older versions of a server restored from a backup are accepted', () => {
  const { cacheWriter, story, state } = synced(100, at(90), at(20, 'b'), at(95, 'c'));
  list(cacheWriter, 50, [at(40), at(20, 'b')]);
  assert.deepEqual(state().sort(), ['a@40', 'b@20']);
  assert.deepEqual(story, ['Updated a@40', 'Deleted c@95']);
  assert.equal(cacheWriter.resourceVersion, '50');
});

test('versions compare as integers of any size', () => {
  assert.equal(isNewer('100', '99'), true);
  assert.equal(isNewer('99', '100'), false);
  assert.equal(isNewer('9007199254740993', '9007199254740992'), true);
  assert.equal(isNewer('5', '5'), false);
  assert.equal(isNewer('1', ''), true);
});
