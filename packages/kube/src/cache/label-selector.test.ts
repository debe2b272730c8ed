// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { formatLabelSelector, parseLabelSelector } from './label-selector.ts';
import { selects } from './list-selector.ts';

const WEB = { tier: 'web', 'app.kubernetes.io/name': 'shop' };

for (const [selector, expected] of [
  ['', true],
  ['tier=web', true],
  ['tier == web', true],
  ['tier=db', false],
  ['tier!=db', true],
  ['other!=db', true],
  ['tier in (db, web)', true],
  ['tier notin (db,web)', false],
  ['other notin (db)', true],
  ['app.kubernetes.io/name', true],
  ['!tier', false],
  ['!other', true],
  ['constructor', false],
  ['tier in (db,web),app.kubernetes.io/name=shop,!other', true],
  ['tier=web,other', false],
] as const) {
  test(`"${selector}" ${expected ? 'selects' : 'leaves out'} the web tier`, () => {
    assert.equal(parseLabelSelector(selector)(WEB), expected);
  });
}

test('an invalid selector is rejected with its text', () => {
  assert.throws(() => parseLabelSelector('a=b,tier > 3'), /invalid label selector "tier > 3"/);
});

test('field selectors are evaluated locally for names only', () => {
  const metadata = {
    name: 'a',
    namespace: 'shop',
    uid: 'u',
    resourceVersion: '1',
    creationTimestamp: '',
  };
  const object = { apiVersion: 'v1', kind: 'Pod', metadata };
  const holds = (fieldSelector: string): boolean => selects({ fieldSelector })(object);
  assert.deepEqual(
    ['metadata.name=a', 'metadata.name=b', 'metadata.namespace==shop', 'spec.nodeName=n'].map(
      holds,
    ),
    [true, false, true, false],
  );
});

test('a selector of an object has a text form that reads the same', () => {
  const matchExpressions = [
    { key: 'tier', operator: 'In', values: ['web', 'api'] },
    { key: 'tier', operator: 'NotIn', values: ['db'] },
    { key: 'app.kubernetes.io/name', operator: 'Exists' },
    { key: 'gone', operator: 'DoesNotExist' },
  ];
  const text = formatLabelSelector({ matchLabels: { tier: 'web' }, matchExpressions });
  assert.equal(text, 'tier=web,tier in (web,api),tier notin (db),app.kubernetes.io/name,!gone');
  assert.equal(parseLabelSelector(text)(WEB), true);
  assert.equal(parseLabelSelector(text)({ ...WEB, gone: '' }), false);
  assert.equal(formatLabelSelector({}), '');
});
