// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { KubeObject } from '../client/object.ts';
import { Mirror } from './mirror.ts';
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
  readonly mirror: Mirror<KubeObject>;
  readonly story: string[];
  /** `name@version` of all objects. */
  readonly state: () => string[];
}

const label = ({ metadata }: KubeObject): string => `${metadata.name}@${metadata.resourceVersion}`;

function list(mirror: Mirror<KubeObject>, version: number, objects: readonly KubeObject[]): void {
  mirror.beginList(String(version));
  for (const object of objects) mirror.listed(object);
  for (const _step of mirror.endList());
}

function synced(version: number, ...objects: KubeObject[]): Seen {
  const store = new Store<KubeObject>();
  const story: string[] = [];
  const mirror = new Mirror({
    store,
    transform: (object) => object,
    selects: () => true,
    emit: ({ type, object }) => story.push(`${type} ${label(object)}`),
  });
  list(mirror, version, objects);
  story.length = 0;
  return { mirror, story, state: () => store.list().map(label) };
}

describe('own writes', () => {
  test('ahead of the watch hold until it catches up', () => {
    const { mirror, story, state } = synced(10, at(5));
    mirror.written(at(14));
    mirror.watched({ type: 'MODIFIED', object: at(12) });
    assert.deepEqual(state(), ['a@14']);
    mirror.watched({ type: 'MODIFIED', object: at(14) });
    mirror.watched({ type: 'MODIFIED', object: at(15) });
    assert.deepEqual(story, ['Updated a@14', 'Updated a@15']);
  });

  test('at or behind the watch are old news, even of an object that is gone', () => {
    const { mirror, state } = synced(10);
    mirror.watched({ type: 'ADDED', object: at(11) });
    mirror.watched({ type: 'DELETED', object: at(13) });
    mirror.written(at(12));
    assert.deepEqual(state(), []);
  });

  test('that come after our own delete do not bring the object back', () => {
    const { mirror, state } = synced(10, at(5));
    mirror.removed('shop/a', 'uid-of-a');
    mirror.written(at(12));
    mirror.watched({ type: 'MODIFIED', object: at(12) });
    assert.deepEqual(state(), []);
    mirror.watched({ type: 'DELETED', object: at(13) });
    mirror.watched({ type: 'ADDED', object: at(14, 'a', 'another') });
    assert.deepEqual(state(), ['a@14']);
  });

  test('made while a list is read survive it when they are newer than its snapshot', () => {
    const { mirror, state } = synced(10, at(5));
    mirror.beginList('20');
    mirror.written(at(22, 'b'));
    mirror.written(at(15, 'c'));
    mirror.listed(at(18));
    for (const _step of mirror.endList());
    assert.deepEqual(state(), ['a@18', 'b@22'], 'c was gone at 20, so its write at 15 is history');
  });

  test('of a name made anew are not undone by the deletion of the old one', () => {
    const { mirror, story, state } = synced(10, at(5));
    mirror.written(at(13, 'a', 'new'));
    mirror.watched({ type: 'DELETED', object: at(12) });
    mirror.watched({ type: 'ADDED', object: at(13, 'a', 'new') });
    assert.deepEqual(state(), ['a@13']);
    assert.deepEqual(story, ['Deleted a@5', 'Added a@13']);
  });

  test('that take an object out of the selection are followed by its DELETED of the same version', () => {
    const { mirror, state } = synced(10, at(5));
    mirror.written(at(12));
    mirror.watched({ type: 'DELETED', object: at(12) });
    assert.deepEqual(state(), []);
  });
});

describe('our own deletes', () => {
  test('do not touch another object of that name', () => {
    const { mirror, state } = synced(10, at(5, 'a', 'new'));
    mirror.removed('shop/a', 'old');
    assert.deepEqual(state(), ['a@5']);
  });

  test('hold against a list whose snapshot is older', () => {
    const { mirror, story, state } = synced(10, at(5), at(6, 'b'));
    mirror.beginList('20');
    mirror.removed('shop/a', 'uid-of-a');
    mirror.listed(at(5));
    mirror.listed(at(6, 'b'));
    for (const _step of mirror.endList());
    mirror.watched({ type: 'DELETED', object: at(21) });
    assert.deepEqual(state(), ['b@6']);
    assert.deepEqual(story, ['Deleted a@5']);
  });
});

describe('repetitions', () => {
  test('of old events change nothing, even when the object is gone by now', () => {
    const { mirror, story, state } = synced(10);
    mirror.watched({ type: 'ADDED', object: at(11) });
    mirror.watched({ type: 'DELETED', object: at(12) });
    mirror.watched({ type: 'ADDED', object: at(11) });
    assert.deepEqual(state(), []);
    assert.deepEqual(story, ['Added a@11', 'Deleted a@12']);
  });

  test('of a list tell nothing of what did not change', () => {
    const { mirror, story } = synced(10, at(5), at(6, 'b'));
    list(mirror, 20, [at(5), at(16, 'b'), at(17, 'c')]);
    assert.deepEqual(story, ['Updated b@16', 'Added c@17']);
  });
});

test('a server that was restored from a backup is believed', () => {
  const { mirror, story, state } = synced(100, at(90), at(20, 'b'), at(95, 'c'));
  list(mirror, 50, [at(40), at(20, 'b')]);
  assert.deepEqual(state().sort(), ['a@40', 'b@20']);
  assert.deepEqual(story, ['Updated a@40', 'Deleted c@95']);
  assert.equal(mirror.resourceVersion, '50');
});

test('versions compare as integers of any size', () => {
  assert.equal(isNewer('100', '99'), true);
  assert.equal(isNewer('99', '100'), false);
  assert.equal(isNewer('9007199254740993', '9007199254740992'), true);
  assert.equal(isNewer('5', '5'), false);
  assert.equal(isNewer('1', ''), true);
});
