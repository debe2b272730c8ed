// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { ReplicaSet } from '../workload/deployment/objects.ts';
import { mutateReplicaSet } from './replica-set.ts';
import type { Request } from './review.ts';

const DESIRED = 'deployment.kubernetes.io/desired-replicas';

interface Given {
  readonly release?: string;
  readonly hash: string;
  readonly was?: number;
  readonly asked: number;
}

const aReplicaSet = ({ release, hash }: Given, replicas: number): ReplicaSet => ({
  metadata: {
    name: `web-${hash}`,
    uid: 'u',
    labels: { 'pod-template-hash': hash },
    annotations: {
      [DESIRED]: '10',
      ...(release === undefined ? {} : { 'altershield.io/release': release }),
    },
  },
  spec: { replicas },
});

const review = (given: Given, releaseOfDeployment?: string) =>
  mutateReplicaSet(requestOf(given), { releaseOfDeployment });

const requestOf = (given: Given): Request<ReplicaSet> => ({
  id: '1',
  operation: given.was === undefined ? 'CREATE' : 'UPDATE',
  namespace: 'shop',
  user: { name: 'system:serviceaccount:kube-system:deployment-controller' },
  object: aReplicaSet(given, given.asked),
  ...(given.was === undefined ? {} : { oldObject: aReplicaSet(given, given.was) }),
});

const patch = (...value: unknown[]) => ({ allowed: true, patch: value, warnings: [] });
const replicas = (value: number) => ({ op: 'replace', path: '/spec/replicas', value });
const HELD = {
  op: 'replace',
  path: '/metadata/annotations/altershield.io~1release',
  value: 'v1/-/0/10',
};

test('in flight, only the replicas are changed', () => {
  assert.deepEqual(review({ release: 'v1/v2/3/10', hash: 'v2', asked: 5 }), patch(replicas(3)));
  const lowered = { release: 'v1/-/0/10', hash: 'v1', was: 10, asked: 8 };
  assert.deepEqual(review(lowered), patch(replicas(10)));
});

test('a change that bypassed admission is held from its first write on', () => {
  const pushed = { release: 'v1//0/10', hash: 'v2', asked: 10 };
  assert.deepEqual(review(pushed), patch(replicas(0), HELD));
  const lowered = { release: 'v1//0/10', hash: 'v1', was: 10, asked: 8 };
  assert.deepEqual(review(lowered, 'v1//0/10'), patch(replicas(10), HELD));
});

test('a write within the cap, or without a cap, is not modified', () => {
  for (const release of [undefined, 'v1//0/10', 'v1/v2/3/10']) {
    const scaled = { ...(release === undefined ? {} : { release }), hash: 'v1', was: 5, asked: 10 };
    assert.deepEqual(review(scaled), patch());
  }
});

test('the verified revision may be scaled down for an earlier one that the user reverts to', () => {
  const lowered = { release: 'v2//0/10', hash: 'v2', was: 10, asked: 5 };
  assert.deepEqual(review(lowered, 'v1//0/10'), patch());
  for (const unknown of [undefined, 'v2//0/10', 'broken']) {
    const made = review(lowered, unknown);
    assert.ok(made.allowed && made.patch.length === 2, unknown);
  }
});

test('a revert of the Deployment does not let a third revision grow', () => {
  const made = review({ release: 'v2//0/10', hash: 'v3', asked: 5 }, 'v1//0/10');
  assert.deepEqual(made.allowed && made.patch[0], replicas(0));
});

test('a ReplicaSet with a malformed annotation may shrink, but not grow', () => {
  const broken = { release: 'v1/v2', hash: 'v2' };
  const made = review({ ...broken, was: 1, asked: 2 });
  assert.ok(!made.allowed);
  assert.match(made.message, /annotation altershield\.io\/release .* does not read/);
  assert.deepEqual(review({ ...broken, was: 2, asked: 0 }), patch());
});
