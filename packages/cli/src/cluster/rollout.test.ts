// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { Client, WatchEvent } from '@altershield/kube';
import { isRolledOut, pullFailure, stalledBecause, type RolloutStatus } from './rollout.ts';

const done = { observedGeneration: 3, replicas: 2, updatedReplicas: 2, availableReplicas: 2 };

const aDeployment = (status: object): RolloutStatus =>
  ({ metadata: { generation: 3 }, spec: { replicas: 2 }, status }) as unknown as RolloutStatus;

describe('a rollout', () => {
  test('is done when every replica is updated and available, and no other replica exists', () => {
    assert.ok(isRolledOut(aDeployment(done)));
    for (const late of [
      { observedGeneration: 2 },
      { updatedReplicas: 1 },
      { replicas: 3 },
      { availableReplicas: 1 },
    ]) {
      assert.ok(!isRolledOut(aDeployment({ ...done, ...late })), JSON.stringify(late));
    }
  });

  test('has stalled when its controller reports it for the newest revision', () => {
    const conditions = [{ reason: 'ProgressDeadlineExceeded', message: 'timed out' }];
    assert.equal(stalledBecause(aDeployment({ ...done, conditions })), 'timed out');
    const earlier = { ...done, observedGeneration: 2, conditions };
    assert.equal(stalledBecause(aDeployment(earlier)), undefined);
    assert.equal(stalledBecause(aDeployment(done)), undefined);
  });
});

const aPod = (reason: string, message = '', image = 'op:2') => ({
  metadata: { name: 'altershield-1' },
  spec: { containers: [{ image }] },
  status: { containerStatuses: [{ state: { waiting: { reason, message } } }] },
});

/** The failure found with these pods at first, and these later. */
async function found(listed: readonly object[], ...seen: readonly object[]): Promise<string> {
  const client = {
    list: () => Promise.resolve({ items: listed, resourceVersion: '1' }),
    async *watch() {
      for (const object of seen) {
        yield await Promise.resolve({ type: 'MODIFIED', object } as WatchEvent);
      }
      throw new Error('no failure was found');
    },
  } as unknown as Pick<Client, 'list' | 'watch'>;
  const pods = { namespace: 'guard', labels: { app: 'op' }, image: 'op:2' };
  return pullFailure(client, pods, new AbortController().signal);
}

describe('an image that cannot be pulled', () => {
  const backOff = aPod('ImagePullBackOff', 'Back-off pulling image "op:2"');

  test('is reported with the cause of the first attempt', async () => {
    const cause = aPod('ErrImagePull', 'op:2: not found');
    const why = 'pod altershield-1: ImagePullBackOff: op:2: not found';
    assert.equal(await found([], cause, backOff), why);
    assert.match(await found([], backOff), /Back-off pulling image/);
  });

  test('is not reported for pods of another image', async () => {
    const other = aPod('ImagePullBackOff', '', 'op:1');
    await assert.rejects(found([other], other), /no failure was found/);
  });

  test('can start while a pod of an earlier attempt backs off', async () => {
    await assert.rejects(found([backOff]), /no failure was found/);
    assert.match(await found([aPod('InvalidImageName', 'no such name')]), /InvalidImageName/);
  });
});
