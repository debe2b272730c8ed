// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { issueLeaf } from './issue.ts';
import { DAY, newSet } from '@altershield/testing/kube/pki';
import { type CertificatePlan, planCertificates } from './plan.ts';

const NOW = Date.parse('2026-01-01T00:00:00Z');
const set = await newSet(NOW);
const other = await newSet(NOW);
const desired = { dnsNames: ['hook.system.svc'], ips: ['127.0.0.1'], leafLifetimeMs: 90 * DAY };

const plan = (change: Partial<Parameters<typeof planCertificates>[0]> = {}): CertificatePlan =>
  planCertificates({ current: set, desired, now: NOW + DAY, published: true, ...change });

/** The relevant parts as text. */
function summary(it: CertificatePlan): string {
  if (it.action !== 'Write') return it.action;
  const what = [it.newAuthority && 'authority', it.newLeaf && 'leaf'].filter(Boolean).join('+');
  return `${it.broken ? 'repair' : 'rotate'} ${what} keep ${it.keep.length}`;
}

describe('a valid set', () => {
  test('is kept until two thirds of the leaf are over', () => {
    const kept = plan();
    assert.ok(kept.action === 'Keep');
    assert.equal(Math.round((kept.checkAt - NOW) / DAY), 60);
  });

  test('gets a new leaf of the same authority after two thirds, trusted already', () => {
    assert.equal(summary(plan({ now: NOW + 61 * DAY, published: false })), 'rotate leaf keep 1');
  });

  test('gets a new authority after two thirds of its life; a good leaf stays meanwhile', async () => {
    const now = NOW + 2435 * DAY;
    const authority = { cert: set.caBundle, key: set.caKey };
    const leaf = await issueLeaf({
      authority,
      ...desired,
      now,
      lifetimeMs: desired.leafLifetimeMs,
    });
    const aged = { ...set, ...leaf };
    assert.equal(summary(plan({ current: aged, now: NOW + 2433 * DAY })), 'repair leaf keep 1');
    assert.equal(summary(plan({ current: aged, now })), 'rotate authority keep 1');
  });
});

describe('a missing or invalid set is replaced at once', () => {
  for (const [name, current, expected] of [
    ['no set', undefined, 'rotate authority+leaf keep 0'],
    ['a leaf that is not valid PEM', { ...set, cert: 'garbage' }, 'repair leaf keep 1'],
    ['a leaf of another key', { ...set, key: other.key }, 'repair leaf keep 1'],
    [
      'a leaf of another authority',
      { ...other, caBundle: set.caBundle, caKey: set.caKey },
      'repair leaf keep 1',
    ],
    ['an authority without its key', { ...set, caKey: '' }, 'repair authority keep 1'],
    ['an authority with another key', { ...set, caKey: other.caKey }, 'repair authority keep 1'],
    ['a bundle that is not valid PEM', { ...set, caBundle: 'x' }, 'repair authority+leaf keep 0'],
    [
      'a leaf in the place of the authority',
      { ...set, caBundle: set.cert, caKey: set.key },
      'repair authority+leaf keep 1',
    ],
  ] as const) {
    test(name, () => {
      assert.equal(summary(plan({ current, published: false })), expected);
    });
  }

  test('a leaf that does not cover a name or address that is called now', () => {
    const names = { ...desired, dnsNames: ['hook.elsewhere.svc'] };
    const it = plan({ desired: names });
    assert.equal(summary(it), 'repair leaf keep 1');
    assert.match(it.action === 'Write' ? it.reason : '', /does not cover hook\.elsewhere\.svc/);
    assert.equal(summary(plan({ desired: { ...desired, ips: ['::1'] } })), 'repair leaf keep 1');
  });

  test('a leaf that is not valid yet or any more', () => {
    assert.equal(summary(plan({ now: NOW - DAY })), 'repair authority+leaf keep 1');
    assert.equal(summary(plan({ now: NOW + 91 * DAY })), 'repair leaf keep 1');
  });
});

describe('after a new authority', () => {
  const now = NOW + DAY;
  const rotated = { ...set, caBundle: `${other.caBundle}${set.caBundle}`, caKey: other.caKey };

  test('the leaf of the old one stays until the new one is trusted', () => {
    assert.equal(summary(plan({ current: rotated, now, published: false })), 'AwaitTrust');
    assert.equal(summary(plan({ current: rotated, now, published: true })), 'rotate leaf keep 2');
  });

  test('the old one stays trusted until its last leaf expires', () => {
    const switched = { ...rotated, cert: other.cert, key: other.key };
    assert.equal(summary(plan({ current: switched, now })), 'Keep');
    const late = { ...desired, leafLifetimeMs: 30 * DAY };
    const kept = plan({ current: switched, now, desired: late });
    assert.ok(kept.action === 'Keep');
    assert.equal(Math.round((kept.checkAt - NOW) / DAY), 30);
    assert.equal(
      summary(plan({ current: switched, now: NOW + 31 * DAY, desired: late })),
      'rotate  keep 1',
    );
  });
});
