// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict';
import { X509Certificate, createPrivateKey } from 'node:crypto';
import { test } from 'node:test';
import { isPairOf, isSignedBy } from './certificate-set.ts';
import { issueInChild } from './issue-in-child.ts';
import { DAY } from '@altershield/testing/kube/pki';

const now = Date.UTC(2026, 0, 1);
const newAuthority = { commonName: 'hook-ca', lifetimeMs: 3650 * DAY };
const aLeaf = { dnsNames: ['hook.system.svc'], ips: ['127.0.0.1'], lifetimeMs: 90 * DAY };
const never = new AbortController().signal;

test('one process issues an authority, and another one a leaf signed by it', async () => {
  const { authority, leaf } = await issueInChild({ now, authority: newAuthority }, never);
  assert.equal(leaf, undefined);
  const second = await issueInChild({ now, authority, leaf: aLeaf }, never);
  assert.deepEqual(second.authority, authority);
  const certificate = new X509Certificate(second.leaf?.cert ?? '');
  assert.ok(isSignedBy(certificate, new X509Certificate(authority.cert)));
  assert.ok(isPairOf(certificate, createPrivateKey(second.leaf?.key ?? '')));
});

test('an error in the child process rejects the promise', async () => {
  const authority = { cert: 'no certificate', key: 'no key' };
  await assert.rejects(
    issueInChild({ now, authority, leaf: aLeaf }, never),
    /^Error: issue certificates: .*/,
  );
});

test('a stop does not wait for the child process', async () => {
  const stop = new AbortController();
  const made = issueInChild({ now, authority: newAuthority }, stop.signal);
  stop.abort(new Error('stopped'));
  await assert.rejects(made, { name: 'AbortError' });
});

test('a child process that cannot start only rejects the promise', async () => {
  const { execPath } = process;
  process.execPath = '/nonexistent/node';
  try {
    const made = issueInChild({ now, authority: newAuthority }, never);
    await assert.rejects(made, { code: 'ENOENT' });
    // A failed write to its input must not surface.
    await new Promise((resolve) => setTimeout(resolve, 200));
  } finally {
    process.execPath = execPath;
  }
});
