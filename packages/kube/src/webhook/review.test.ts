// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import type { AdmissionHandler, AdmissionRequest } from './admission.ts';
import { reviewAdmission } from './review.ts';
import { reviewBytes } from '@altershield/testing/kube/review';

const run = (
  handler: AdmissionHandler,
  bytes = reviewBytes(),
): ReturnType<typeof reviewAdmission> => reviewAdmission(bytes, new Map([['/v', handler]]), '/v');

const answerOf = (body: string): Record<string, unknown> => JSON.parse(body).response;

describe('an answer', () => {
  test('repeats the uid and allows', async () => {
    const { status, body, allowed } = await run(() => ({ allowed: true }));
    assert.equal(status, 200);
    assert.equal(allowed, true);
    assert.deepEqual(JSON.parse(body), {
      kind: 'AdmissionReview',
      apiVersion: 'admission.k8s.io/v1',
      response: { uid: 'u-1', allowed: true },
    });
  });

  test('carries a patch in base64, and none when it is empty', async () => {
    const ops = [{ op: 'add', path: '/spec/paused', value: true }] as const;
    const response = answerOf((await run(() => ({ allowed: true, patch: ops }))).body);
    assert.equal(response['patchType'], 'JSONPatch');
    const patch = Buffer.from(String(response['patch']), 'base64').toString();
    assert.deepEqual(JSON.parse(patch), ops);
    const empty = answerOf((await run(() => ({ allowed: true, patch: [] }))).body);
    assert.deepEqual(Object.keys(empty), ['uid', 'allowed']);
  });

  test('carries a denial as the Status that the user sees', async () => {
    const denied = { allowed: false, code: 422, reason: 'Invalid', message: 'no' } as const;
    assert.deepEqual(answerOf((await run(() => denied)).body)['status'], {
      status: 'Failure',
      code: 422,
      reason: 'Invalid',
      message: 'no',
    });
    const odd = answerOf((await run(() => ({ ...denied, code: 200 }))).body);
    assert.equal(Object(odd['status']).code, 403);
  });

  test('truncates messages and warnings to the limits of the API server', async () => {
    const warnings = Array.from({ length: 40 }, (_, i) => `w${i}\n${'x'.repeat(400)}`);
    const long = await run(() => ({
      allowed: false,
      code: 403,
      reason: 'Forbidden',
      message: 'm'.repeat(99_999),
      warnings,
    }));
    const response = answerOf(long.body);
    assert.equal(Object(response['status']).message.length, 4096);
    const kept = response['warnings'];
    assert.ok(Array.isArray(kept));
    assert.equal(kept.length, 16);
    assert.ok(kept.every((line: string) => line.length === 256 && !line.includes('\n')));
  });
});

describe('a request', () => {
  test('reaches the handler with every field, absent ones with their defaults', async () => {
    let seen: AdmissionRequest | undefined;
    await run((request) => {
      seen = request;
      return { allowed: true };
    });
    assert.equal(seen?.operation, 'UPDATE');
    assert.equal(seen.namespace, 'shop');
    assert.equal(seen.subResource, '');
    assert.equal(seen.dryRun, false);
    assert.deepEqual(seen.userInfo.groups, ['dev', 'system:authenticated']);
    assert.deepEqual(seen.userInfo.extra, { team: ['web'] });
    assert.equal(Object(seen.object).spec.brandNewField, 'kept');
  });

  for (const [name, bytes, message] of [
    ['nothing', Buffer.alloc(0), /empty body/],
    ['garbage', Buffer.from('\u0000\u0001{{'), /invalid JSON/],
    ['a truncated review', reviewBytes().subarray(0, 500), /500 bytes of invalid JSON \(truncated/],
    ['a list', Buffer.from('[]'), /got a list/],
    ['null', Buffer.from('null'), /got null/],
    [
      'a review of v1beta1',
      reviewBytes({}, 'admission.k8s.io/v1beta1'),
      /v1beta1.*set admissionRev/,
    ],
    ['a review without uid', reviewBytes({ uid: undefined }), /request\.uid is missing/],
    [
      'an unknown operation',
      reviewBytes({ operation: 'PATCH' }),
      /"PATCH", expected one of CREATE/,
    ],
    ['a user that is a number', reviewBytes({ userInfo: 7 }), /userInfo is a value of type number/],
  ] as const) {
    test(`that is ${name} gets a 400 with the reason`, async () => {
      const { status, body } = await run(() => assert.fail('was called'), bytes);
      assert.equal(status, 400);
      assert.match(JSON.parse(body).message, message);
      assert.equal(JSON.parse(body).kind, 'Status');
    });
  }

  test('to an unknown path gets a 404 that does not list the known paths', async () => {
    const { status, body } = await reviewAdmission(
      reviewBytes(),
      new Map([['/mutate', () => ({ allowed: true })]]),
      '/typo',
    );
    assert.equal(status, 404);
    assert.match(JSON.parse(body).message, /\/typo/);
    assert.doesNotMatch(body, /mutate/);
  });

  test('whose handler throws or answers with invalid JSON gets a 500', async () => {
    const circular: Record<string, unknown> = {};
    circular['self'] = circular;
    for (const handler of [
      () => assert.fail('broken rule'),
      () => ({ allowed: true, patch: [{ op: 'add', path: '/x', value: circular }] }) as const,
    ]) {
      const { status, error, request } = await run(handler);
      assert.equal(status, 500);
      assert.ok(error instanceof Error);
      assert.equal(request?.uid, 'u-1');
    }
  });
});

test('the response to any bytes is JSON with a status that the API server understands', async () => {
  const mutilated = fc.tuple(fc.nat(4000), fc.uint8Array({ maxLength: 20 })).map(([at, insert]) => {
    const bytes = reviewBytes();
    const cut = Math.min(at, bytes.length);
    return Buffer.concat([bytes.subarray(0, cut), insert, bytes.subarray(cut + insert.length)]);
  });
  const json = fc.jsonValue().map((request) => reviewBytes({}, 'admission.k8s.io/v1', request));
  await fc.assert(
    fc.asyncProperty(fc.oneof(fc.uint8Array(), mutilated, json), async (bytes) => {
      const { status, body } = await run(() => ({ allowed: true }), Buffer.from(bytes));
      assert.ok(status === 200 || status === 400);
      const { kind } = JSON.parse(body);
      assert.equal(kind, status === 200 ? 'AdmissionReview' : 'Status');
    }),
    { numRuns: 500 },
  );
});
