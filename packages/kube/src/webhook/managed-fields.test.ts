// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { textWithoutManagedFields } from './managed-fields.ts';

type Json = Readonly<Record<string, unknown>>;

const cut = (value: unknown): unknown =>
  JSON.parse(textWithoutManagedFields(Buffer.from(JSON.stringify(value))));
const MANAGED = [{ manager: 'k"]},', fieldsV1: { 'f:spec': { 'k:{"name":"a"}': {} } } }];

test('the managed fields of both objects are removed, and no other field of that name', () => {
  const inTemplate = { template: { metadata: { managedFields: MANAGED } } };
  const object = (metadata: Json): Json => ({ kind: 'D', metadata, spec: inTemplate });
  const review = (metadata: Json): Json => ({
    kind: 'AdmissionReview',
    managedFields: MANAGED,
    request: { uid: 'u', object: object(metadata), oldObject: object(metadata), dryRun: false },
  });
  const name = { name: 'a', labels: { managedFields: 'x' } };
  assert.deepEqual(cut(review({ ...name, managedFields: MANAGED })), review(name));
  assert.deepEqual(
    cut(review({ ...name, managedFields: MANAGED, uid: 'u' })),
    review({ ...name, uid: 'u' }),
  );
});

test('all other content is unchanged, whatever is sent', () => {
  const awkward = fc.constantFrom(
    'a"b',
    '\\',
    '\\"',
    ']}',
    '{[',
    '',
    'é\u2028',
    ',"managedFields":[',
  );
  const metadata = fc.dictionary(fc.oneof(awkward, fc.string()), fc.jsonValue());
  const rest = fc.jsonValue();
  const request = fc.record({
    uid: awkward,
    object: fc.record({ metadata, spec: rest }),
    oldObject: rest,
  });
  fc.assert(
    fc.property(request, rest, fc.boolean(), ({ uid, object, oldObject }, more, isManaged) => {
      const { managedFields: _, ...clean } = object.metadata;
      const managed = isManaged ? { ...clean, managedFields: MANAGED } : clean;
      const review = (kept: Json): Json => ({
        kind: more,
        request: { uid, object: { spec: object.spec, metadata: kept }, oldObject },
      });
      const expected = Object.keys(clean).length === 0 ? managed : clean;
      assert.deepEqual(cut(review(managed)), JSON.parse(JSON.stringify(review(expected))));
    }),
  );
});

test('invalid JSON stays invalid', () => {
  for (const text of [
    '',
    '{',
    'null',
    '[1',
    '{"request":{"object":{"metadata":{"managedFields":[',
  ]) {
    const bytes = Buffer.from(text);
    assert.equal(textWithoutManagedFields(bytes), text);
  }
  const isJson = (text: string): boolean => {
    try {
      JSON.parse(text);
      return true;
    } catch {
      return false;
    }
  };
  const pieces = fc.constantFrom('{', '}', '[', ']', '"', ':', ',', '\\', 'a', '"a":', '{"a":1}');
  const inside = fc.array(pieces, { maxLength: 12 }).map((all) => all.join(''));
  fc.assert(
    fc.property(inside, (text) => {
      const sent = `{"request":{"object":{"metadata":{"name":${text}}}}}`;
      assert.equal(isJson(textWithoutManagedFields(Buffer.from(sent))), isJson(sent));
    }),
  );
});
