// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { MAX_EDITED_NAMES, MAX_EDITS, type Actor, type InPlaceEdit } from '@altershield/api';
import { isController } from '../hold/actor.ts';
import { editableText, subresourceOfEdit } from '../revision/editable.ts';
import { editText, newEdits, withEdit, type SeenEdit } from './in-place-edit.ts';

const ALICE: Actor = { user: 'alice', fieldManager: 'kubectl-edit', stamped: true };
const BOB: Actor = { ...ALICE, user: 'bob' };
const UNSEEN: Actor = { user: '', fieldManager: 'kubectl-edit', stamped: false };
const AT = Date.parse('2026-01-01T00:00:00Z');

const edit = (more: Partial<SeenEdit> = {}): SeenEdit => ({
  ...{ kind: 'Pod', name: 'web-1', at: AT, actor: ALICE },
  diff: [{ path: 'containers[app].image', from: 'web:1', to: 'web:2' }],
  ...more,
});
const all = (...edits: readonly SeenEdit[]) => edits.reduce<readonly InPlaceEdit[]>(withEdit, []);
const summary = (edits: readonly InPlaceEdit[]) =>
  edits.map(({ names, count, actor }) => [actor.user, count, ...names]);

test('equal edits of several pods by one user are one entry', () => {
  const edits = all(edit(), edit({ name: 'web-2', at: AT + 1000 }));
  assert.deepEqual(summary(edits), [['alice', 2, 'web-1', 'web-2']]);
  assert.deepEqual(
    [edits[0]?.firstAt, edits[0]?.lastAt],
    ['2026-01-01T00:00:00.000Z', '2026-01-01T00:00:01.000Z'],
  );
});

test('an edit that two replicas report is recorded once, and the one with the user counts', () => {
  const unseen = edit({ actor: UNSEEN });
  for (const order of [
    [edit(), unseen, edit()],
    [unseen, edit(), unseen],
  ])
    assert.deepEqual(summary(all(...order)), [['alice', 1, 'web-1']]);
  const others = all(unseen, edit({ name: 'web-2', actor: UNSEEN }), edit());
  assert.deepEqual(summary(others), [
    ['', 1, 'web-2'],
    ['alice', 1, 'web-1'],
  ]);
});

test('an edit by another user, or with another difference, is another entry', () => {
  const resized = edit({ diff: [{ path: 'containers[app].resources', to: '{}' }] });
  assert.deepEqual(summary(all(edit(), edit({ actor: BOB }), resized)), [
    ['alice', 1, 'web-1'],
    ['bob', 1, 'web-1'],
    ['alice', 1, 'web-1'],
  ]);
});

test('a record keeps the newest entries, and the first names of each', () => {
  const many = Array.from({ length: MAX_EDITED_NAMES + 5 }, (_, i) => edit({ name: `web-${i}` }));
  const [group] = all(...many);
  assert.deepEqual([group?.count, group?.names.length], [many.length, MAX_EDITED_NAMES]);
  const by = Array.from({ length: MAX_EDITS + 2 }, (_, i) =>
    edit({ actor: { ...ALICE, user: `u${i}` } }),
  );
  const users = all(...by).map(({ actor }) => actor.user);
  assert.deepEqual([users.length, users[0], users.at(-1)], [MAX_EDITS, 'u2', `u${MAX_EDITS + 1}`]);
});

test('only an entry that says something new is announced', () => {
  const before = all(edit());
  assert.deepEqual(newEdits(before, all(edit(), edit({ name: 'web-2' }))), []);
  assert.deepEqual(summary(newEdits(before, all(edit(), edit({ actor: BOB })))), [
    ['bob', 1, 'web-1'],
  ]);
});

const ACTORS: readonly (readonly [Actor, boolean])[] = [
  [ALICE, false],
  [UNSEEN, false],
  [{ user: 'system:serviceaccount:kube-system:vpa-updater', stamped: true }, true],
  [{ user: 'system:serviceaccount:autoscaling:vpa-updater', stamped: true }, true],
  [{ user: 'system:serviceaccount:kube-system:replicaset-controller', stamped: true }, true],
  [{ user: 'system:node:n1', stamped: true }, true],
  [{ user: 'system:serviceaccount:argocd:argocd-application-controller', stamped: true }, false],
  [{ user: 'alice', fieldManager: 'vpa-updater', stamped: true }, false],
  [{ user: '', fieldManager: 'vpa-updater', stamped: false }, true],
  [{ user: '', fieldManager: 'kube-controller-manager', stamped: false }, true],
];
for (const [actor, expected] of ACTORS)
  test(`${actor.user || actor.fieldManager} is ${expected ? 'a controller' : 'a user'}`, () => {
    assert.equal(isController(actor), expected);
  });

test('the text of an edit names the pods, the user and the difference', () => {
  const [one = assert.fail()] = all(edit());
  const what = 'containers[app].image: web:1 → web:2';
  assert.equal(editText(one), `pod web-1 edited in place by alice with kubectl-edit: ${what}`);
  const [two = assert.fail()] = all(
    edit({ actor: UNSEEN }),
    edit({ name: 'web-2', actor: UNSEEN }),
  );
  assert.equal(
    editText(two),
    `2 pods edited in place by an unknown user with field manager kubectl-edit: ${what}`,
  );
});

const container = { name: 'app', image: 'web:1', env: [{ name: 'A', value: 'b' }] };
const text = (spec: object): string => editableText({ spec });
const CASES: readonly (readonly [string, object, string])[] = [
  ['its image', { containers: [{ ...container, image: 'web:2' }] }, ''],
  [
    'its resources',
    { containers: [{ ...container, resources: { limits: { cpu: '1' } } }] },
    'resize',
  ],
  [
    'an ephemeral container',
    { containers: [container], ephemeralContainers: [{ name: 'debug', image: 'busybox' }] },
    'ephemeralcontainers',
  ],
];
for (const [what, spec, subresource] of CASES)
  test(`a pod is edited through '${subresource}' to change ${what}`, () => {
    const before = text({ containers: [container] });
    assert.notEqual(text(spec), before);
    assert.equal(subresourceOfEdit(before, text(spec)), subresource);
  });

test('other fields of a pod are not followed', () => {
  assert.equal(
    text({ containers: [{ ...container, env: [], resources: {} }], tolerations: [{}] }),
    text({ containers: [container] }),
  );
});
