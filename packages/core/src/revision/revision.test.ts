// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { aTemplate, otherSign, signer } from '@altershield/testing/builders';
import { diffTemplates } from './diff.ts';
import { withoutTemplateHash, fingerprint, isSameTemplate, quarantineKey } from './fingerprint.ts';
import { sign, verify } from '../hold/signature.ts';

const RESTART = { annotations: { 'kubectl.kubernetes.io/restartedAt': '2026-01-01T00:00:00Z' } };

test('a fingerprint ignores key order, nulls and labels of the controller', () => {
  const one = { metadata: { labels: { a: '1', b: '2' } }, spec: { x: 1, y: { z: [1, 2] } } };
  const same = {
    spec: { y: { z: [1, 2], none: null }, x: 1 },
    metadata: { creationTimestamp: null, labels: { b: '2', 'pod-template-hash': 'f00', a: '1' } },
  };
  assert.equal(fingerprint(one), fingerprint(same));
  assert.deepEqual(withoutTemplateHash({ metadata: { labels: { 'pod-template-hash': 'x' } } }), {
    metadata: {},
  });
});

test('a fingerprint distinguishes list order, types and values', () => {
  const all = [[1, 2], [2, 1], ['1', 2], [12], [1, null, 2]].map((z) =>
    fingerprint({ spec: { z } }),
  );
  assert.equal(new Set(all).size, all.length);
});

test('a restart is another revision, and has the same quarantine key', () => {
  const [a, restarted] = [aTemplate('a'), aTemplate('a', RESTART)];
  assert.notEqual(fingerprint(a), fingerprint(restarted));
  assert.equal(quarantineKey(a), quarantineKey(restarted));
  assert.notEqual(quarantineKey(a), quarantineKey(aTemplate('b', RESTART)));
});

test('a difference is named by the item, not by its position', () => {
  const from = {
    spec: {
      containers: [
        { name: 'app', image: 'a' },
        { name: 'log', image: 'l' },
      ],
    },
  };
  const to = {
    spec: {
      containers: [
        { name: 'log', image: 'l' },
        { name: 'app', image: 'b' },
      ],
    },
  };
  assert.deepEqual(diffTemplates(from, to), {
    differences: [{ path: 'containers[app].image', from: 'a', to: 'b' }],
    truncated: false,
  });
});

test('an object that is added or removed as a whole is listed by its entries', () => {
  const restartedAt = '2026-01-01T00:00:00Z';
  const variables = [
    { name: 'A', value: '1' },
    { name: 'B', value: '2' },
  ];
  const [plain, full] = [
    { metadata: {}, spec: { containers: [{ name: 'app' }] } },
    { metadata: RESTART, spec: { containers: [{ name: 'app', env: variables }] } },
  ];
  const added = [
    { path: 'metadata.annotations[kubectl.kubernetes.io/restartedAt]', to: restartedAt },
    { path: 'containers[app].env[A]', to: '{"name":"A","value":"1"}' },
    { path: 'containers[app].env[B]', to: '{"name":"B","value":"2"}' },
  ];
  assert.deepEqual(diffTemplates(plain, full).differences, added);
  const removed = added.map(({ path, to }) => ({ path, from: to }));
  assert.deepEqual(diffTemplates(full, plain).differences, removed);
});

test('a reordering alone is a difference', () => {
  const [a, b] = [{ name: 'a' }, { name: 'b' }];
  const { differences } = diffTemplates({ list: [a, b] }, { list: [b, a] });
  assert.deepEqual(differences, [{ path: 'list', from: 'a, b', to: 'b, a' }]);
});

const env = (value: string) => ({
  spec: { containers: [{ name: 'app', env: [{ name: 'DB_PASSWORD', value }] }] },
});

test('values with secret-like names are masked at any depth', () => {
  const changed = diffTemplates(env('hunter1'), env('hunter2'));
  const added = diffTemplates({ spec: {} }, env('hunter2'));
  const annotated = diffTemplates({}, { metadata: { annotations: { 'api-key': 'hunter2' } } });
  for (const diff of [changed, added, annotated]) {
    assert.equal(diff.differences.length, 1);
    assert.ok(!JSON.stringify(diff).includes('hunter'), JSON.stringify(diff));
  }
});

test('secrets in arguments, settings and URLs are masked, and other text is kept', () => {
  const told = (value: unknown) =>
    diffTemplates({ spec: {} }, { spec: { value } }).differences[0]?.to;
  const cases: readonly (readonly [unknown, string])[] = [
    [['--password=hunter2', '--port=80'], '["--password=(masked)","--port=80"]'],
    [['--db-password', 'hunter2', '-v'], '["--db-password","(masked)","-v"]'],
    ['apiKey: hunter2, level: info', 'apiKey: (masked), level: info'],
    ['{"token":"hunter2","a":"b"}', '{"token":"(masked)","a":"b"}'],
    ['postgres://app:hunter2@db:5432/shop', 'postgres://app:(masked)@db:5432/shop'],
    ['https://example.com:8080/a@b', 'https://example.com:8080/a@b'],
    ['redis://:hunter2@redis:6379', 'redis://:(masked)@redis:6379'],
    ['amqp://app:hunter@2@mq/v', 'amqp://app:(masked)@mq/v'],
    [['--password=hunter&2;x', '-v'], '["--password=(masked)","-v"]'],
    ["-c password='hunter 2;x' -v", "-c password='(masked)' -v"],
    ['{"secret": "hunter,2"}', '{"secret": "(masked)"}'],
    ['ghcr.io/acme/token-service:1.4.2', 'ghcr.io/acme/token-service:1.4.2'],
    ['http://credentials:8080/v1', 'http://credentials:8080/v1'],
    ['passing by', 'passing by'],
  ];
  for (const [value, expected] of cases) assert.equal(told(value), expected);
});

test('the image of a container with a secret-like name is shown', () => {
  const of = (tag: string) => ({
    spec: { initContainers: [{ name: 'token-refresher', image: `acme/secret-sync:${tag}` }] },
  });
  assert.deepEqual(diffTemplates(of('1'), of('2')).differences, [
    {
      path: 'initContainers[token-refresher].image',
      from: 'acme/secret-sync:1',
      to: 'acme/secret-sync:2',
    },
  ]);
});

test('a malicious argument is masked in linear time', () => {
  const long = `--${'token'.repeat(40_000)}!`;
  const since = performance.now();
  diffTemplates({ spec: {} }, { spec: { args: [long, 'x'] } });
  assert.ok(performance.now() - since < 500);
});

test('a diff is bounded and says so', () => {
  const many = Object.fromEntries(
    Array.from({ length: 100 }, (_, i) => [`k${i}`, 'x'.repeat(999)]),
  );
  const { differences, truncated } = diffTemplates({}, many);
  assert.equal(differences.length, 64);
  assert.ok(truncated);
  assert.ok(differences.every((d) => (d.to ?? '').length <= 201));
  assert.equal(diffTemplates({}, { a: 1 }).truncated, false);
});

test('a signature is valid only for the same object and key', () => {
  const text = sign({ a: 1, b: { c: 'x' } }, 'me', signer);
  assert.deepEqual(verify(text, 'me', signer), { ok: true, value: { a: 1, b: { c: 'x' } } });
  const cases: [string, string, typeof signer][] = [
    [text, 'you', signer],
    [text, 'me', otherSign],
    [text.replace('"x"', '"y"'), 'me', signer],
    ['{"a":1}', 'me', signer],
    ['null', 'me', signer],
    ['not json', 'me', signer],
  ];
  for (const [sealed, owner, key] of cases) assert.equal(verify(sealed, owner, key).ok, false);
});

const json: fc.Arbitrary<unknown> = fc.letrec((tie) => ({
  value: fc.oneof(
    { maxDepth: 3 },
    fc.constantFrom('a', 'b', 1, 2, true),
    fc.array(tie('some'), { maxLength: 3 }),
    tie('map'),
  ),
  some: fc.oneof(fc.constantFrom('a', 'b', 1), tie('map')),
  map: fc.dictionary(fc.constantFrom('x', 'y', 'z'), fc.oneof(tie('value'), fc.constant(null))),
})).value;
const anyTemplate = fc.record({ metadata: fc.constant({ labels: { app: 'web' } }), spec: json });

test('templates are the same exactly when their fingerprints are', () => {
  const pair = fc.oneof(
    fc.tuple(anyTemplate, anyTemplate),
    anyTemplate.map((it) => [it, structuredClone(it)] as const),
  );
  fc.assert(
    fc.property(pair, ([a, b]) => {
      assert.equal(isSameTemplate(a, b), fingerprint(a) === fingerprint(b));
    }),
    { numRuns: 2000 },
  );
});

test('fingerprints are equal exactly when templates are', () => {
  const keys = fc.constantFrom('a', 'b', '1', '__proto__', 'toString', 'labels');
  const values = fc.letrec((tie) => ({
    value: fc.oneof(
      { maxDepth: 3 },
      fc.constantFrom(null, 0, 1, '', 'x', true),
      fc.array(tie('value'), { maxLength: 3 }),
      fc.dictionary(keys, tie('value'), { maxKeys: 3 }),
    ),
  })).value;
  const json = (value: unknown): unknown => JSON.parse(JSON.stringify(value));
  fc.assert(
    fc.property(values, values, (a, b) => {
      const [one, other] = [{ spec: json(a) }, { spec: json(b) }];
      assert.equal(isSameTemplate(one, other), fingerprint(one) === fingerprint(other));
      assert.ok(isSameTemplate(one, { spec: json(a) }));
    }),
    { numRuns: 1000 },
  );
});
