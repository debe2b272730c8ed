// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { aCap, aHeldDeployment, aReplicaSet, signing } from '@altershield/testing/builders';
import { REVISION_A, REVISION_B } from '@altershield/testing/change-states';
import { viewDeployment } from './deployment/observe.ts';
import { mayMakeRoom } from './view.ts';

/** Ten replicas, all of them released; so many stable pods, and updated ones of which so many are ready. */
const mayBeRoom = (maxUnavailable: number, stable: number, updated: [number, number]): boolean => {
  const [replicas, ready] = updated;
  const strategy = { rollingUpdate: { maxSurge: 1, maxUnavailable } };
  const deployment = aHeldDeployment('a', { tag: 'b', spec: { strategy } }, aCap('a', 'b', 10));
  const revisions = [aReplicaSet('a', stable), aReplicaSet('b', replicas, { ready })];
  return mayMakeRoom(
    { from: REVISION_A, to: REVISION_B, target: 10 },
    viewDeployment(deployment, revisions, signing),
  );
};

test('stable pods make room for the batch as far as the user’s bounds allow', () => {
  assert.equal(mayBeRoom(1, 5, [6, 5]), true);
  assert.equal(mayBeRoom(0, 5, [6, 5]), false);
});

test('room that the controller has made already is also waited for', () => {
  assert.equal(mayBeRoom(1, 4, [6, 5]), true);
});
