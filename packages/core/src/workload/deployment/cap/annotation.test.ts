// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import {
  AT_REST,
  AT_REST_PATTERN,
  HELD,
  IN_FLIGHT_PATTERN,
  RELEASE_PATTERN,
  formatReleaseCap,
  isInFlight,
  parseReleaseCap,
} from './annotation.ts';

const hash = fc.stringMatching(/^[a-z0-9]{1,12}$/);

test('a formatted annotation parses to the same value', () => {
  const cap = fc.record({
    verified: hash,
    target: fc.oneof(hash, fc.constantFrom(AT_REST, HELD)),
    released: fc.nat(999_999_999),
    replicas: fc.nat(999_999_999),
  });
  fc.assert(
    fc.property(cap, (value) => {
      assert.deepEqual(parseReleaseCap(formatReleaseCap(value)), { ...value });
    }),
  );
});

test('counts out of range are written as the nearest valid count', () => {
  const cap = { verified: 'v1', target: HELD, released: -1, replicas: 2_147_483_647 };
  assert.equal(formatReleaseCap(cap), 'v1/-/0/999999999');
});

test('a missing annotation means no cap, and a malformed one is invalid as a whole', () => {
  assert.equal(parseReleaseCap(undefined), undefined);
  const broken = ['', 'abc', '//0/10', 'v1/v2/3', 'v1/v2/3/10/', 'v1/v2/-3/10', 'v1/v2/3/1.5'];
  const hidden = ['v1/v2/3/10\n', ' v1/v2/3/10', 'v1/-v2/3/10', 'v1/v2/3/1234567890', 'v1/V2/3/10'];
  for (const text of [...broken, ...hidden]) assert.equal(parseReleaseCap(text), 'Invalid', text);
});

test('a held change is in flight, a workload at rest is not', () => {
  assert.ok(isInFlight({ target: HELD }));
  assert.ok(isInFlight({ target: 'v2' }));
  assert.ok(!isInFlight({ target: AT_REST }));
});

test('each readable annotation is either at rest or in flight', () => {
  const [rest, flight, any] = [AT_REST_PATTERN, IN_FLIGHT_PATTERN, RELEASE_PATTERN].map(
    (pattern) => new RegExp(pattern),
  );
  const texts = ['v1//0/10', 'v1/-/0/10', 'v1/v2/3/10', 'v1/v2/3', '', 'v1/--/0/1'];
  for (const text of texts) {
    const matches = [rest, flight].filter((pattern) => pattern?.test(text));
    assert.equal(matches.length, any?.test(text) === true ? 1 : 0, text);
  }
});
