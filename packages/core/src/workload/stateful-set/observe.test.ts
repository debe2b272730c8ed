// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ANNOTATIONS } from '@altershield/api';
import { writeSavedFields } from '../../hold/saved-fields.ts';
import { signer, signing } from '@altershield/testing/builders';
import type { StatefulSet } from './objects.ts';
import { viewStatefulSet } from './observe.ts';
import { HOLD_ALL, STRATEGY } from './partition.ts';

/** A StatefulSet of five, held on its way from `a`, with this partition; its user's own is 1. */
function aHeldSet(partition: number, users: object = {}): StatefulSet {
  const metadata = { name: 'db', namespace: 'shop', uid: 'set-1' };
  const rollingUpdate = { partition: 1, ...users };
  const userFields = { [STRATEGY]: { type: 'RollingUpdate', rollingUpdate } };
  const text = writeSavedFields(
    { from: 'a', userFields },
    { kind: 'StatefulSet', metadata },
    signer,
  );
  return {
    metadata: { ...metadata, annotations: { [ANNOTATIONS.hold]: text ?? '' } },
    spec: {
      replicas: 5,
      updateStrategy: { type: 'RollingUpdate', rollingUpdate: { partition } },
      template: { spec: { containers: [{ name: 'app', image: 'db:2' }] } },
    },
  };
}

test('a StatefulSet scaled up from zero replicas is no longer held: it has no stable revision', () => {
  const status = (currentRevision: string, observedGeneration: number) => ({
    status: { currentRevision, updateRevision: 'db-2', observedGeneration },
  });
  const held = aHeldSet(HOLD_ALL);
  const object = { ...held, metadata: { ...held.metadata, generation: 2 } };
  assert.equal(holdOf({ ...object, ...status('db-1', 2) })?.from, 'a');
  assert.equal(holdOf({ ...object, ...status('db-2', 2) }), undefined);
  assert.equal(holdOf({ ...object, ...status('db-2', 1) })?.from, 'a', 'the status of before');
});

const holdOf = (object: StatefulSet) => viewStatefulSet({ object, related: {} }, signing).hold;

for (const [what, partition, isHeld] of [
  ['between batches', HOLD_ALL, true],
  ['in a batch', 3, true],
  ['in the last batch, which has the partition of its user', 1, false],
] as const) {
  test(`a StatefulSet ${what} is ${isHeld ? 'held' : 'no longer held'}`, () => {
    assert.deepEqual(holdOf(aHeldSet(partition))?.from, isHeld ? 'a' : undefined);
  });
}

test('a maxUnavailable that the API server drops is not waited for, nor counted', () => {
  const view = (partition: number) =>
    viewStatefulSet({ object: aHeldSet(partition, { maxUnavailable: 2 }), related: {} }, signing);
  assert.equal(view(1).borrowed?.isRestored, true);
  assert.equal(view(2).borrowed?.isRestored, false);
  assert.deepEqual(view(1).strategy, { type: 'RollingUpdate', rollingUpdate: { partition: 1 } });
});

test('a maxUnavailable that the API server keeps belongs to the user fields', () => {
  const object = aHeldSet(1, { maxUnavailable: 2 });
  const updateStrategy = {
    type: 'RollingUpdate',
    rollingUpdate: { partition: 1, maxUnavailable: 1 },
  };
  const edited = { ...object, spec: { ...object.spec, updateStrategy } };
  assert.equal(
    viewStatefulSet({ object: edited, related: {} }, signing).borrowed?.isRestored,
    false,
  );
});
