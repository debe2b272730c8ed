// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { PATHS, signWith } from '@altershield/core';
import { SecretPaths } from './paths.ts';

const of = (byte: number): SecretPaths => new SecretPaths(signWith(new Uint8Array(32).fill(byte)));

test('paths are the same for all replicas of an installation, and another’s can’t be guessed', () => {
  const path = of(1).secret(PATHS.mutateWorkload);
  assert.match(path, /^\/[0-9a-f]{32}\/mutate\/workload$/);
  assert.equal(of(1).secret(PATHS.mutateWorkload), path);
  assert.notEqual(of(2).secret(PATHS.mutateWorkload), path);
});

test('the API server is told the secret path, metrics the plain one', () => {
  const target = {
    operatorUser: 'op',
    operatorNamespace: 'ops',
    clientConfig: (path: string) => ({ url: `https://op${path}` }),
  };
  const path = of(1).secret(PATHS.mutateApproval);
  const told = of(1).at(target).clientConfig(PATHS.mutateApproval);
  assert.deepEqual(told, { url: `https://op${path}` });
  assert.equal(of(1).redact(path), PATHS.mutateApproval);
  assert.equal(of(1).redact('/anything'), '/anything');
});
