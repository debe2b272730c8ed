// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict';
import { X509Certificate } from 'node:crypto';
import { test } from 'node:test';
import { issueAuthority, issueLeaf } from './issue.ts';
import { DAY } from '@altershield/testing/kube/pki';

const NOW = Date.parse('2026-01-01T00:00:00Z');

test('a certificate is valid for clients whose clocks are a little behind, and no longer than its authority', async () => {
  const authority = await issueAuthority('ca', { now: NOW, lifetimeMs: 10 * DAY });
  const request = { authority, dnsNames: ['hook'], ips: [], lifetimeMs: 90 * DAY };
  const [first, later] = await Promise.all(
    [NOW, NOW + DAY].map((now) => issueLeaf({ ...request, now })),
  );
  const [ca, early, late] = [authority, first, later].map(
    (it) => new X509Certificate(it?.cert ?? ''),
  );
  const startOf = (it: X509Certificate | undefined) => it?.validFromDate.getTime();
  assert.deepEqual(
    [ca, early, late].map(startOf),
    [-300_000, -300_000, DAY - 300_000].map((ms) => NOW + ms),
  );
  assert.deepEqual([early?.validTo, late?.validTo], [ca?.validTo, ca?.validTo]);
});
