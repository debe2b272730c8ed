// SPDX-License-Identifier: Apache-2.0

/** The strategy `Recreate` of Kubernetes 1.38: it has no partition, and is one batch. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ANNOTATIONS } from '@altershield/api';
import { signing } from '@altershield/testing/builders';
import { statefulSetAdmission } from './admission.ts';
import type { StatefulSet, UpdateStrategy } from './objects.ts';
import { viewStatefulSet } from './observe.ts';
import { HOLD_ALL, STRATEGY } from './partition.ts';
import { planStatefulSet } from './plan.ts';

const RECREATE = { type: 'Recreate' } as const;
const HELD = { type: 'RollingUpdate', rollingUpdate: { partition: HOLD_ALL } } as const;

const aSet = (tag: string, updateStrategy: UpdateStrategy, hold?: string): StatefulSet => ({
  metadata: {
    ...{ name: 'db', namespace: 'shop', uid: 'set-1', generation: 1 },
    ...(hold === undefined ? {} : { annotations: { [ANNOTATIONS.hold]: hold } }),
  },
  spec: {
    ...{ replicas: 3, updateStrategy },
    template: { spec: { containers: [{ name: 'app', image: `db:${tag}` }] } },
  },
  status: { observedGeneration: 1, currentRevision: 'db-1', updateRevision: 'db-2' },
});

const review = (object: StatefulSet, old: StatefulSet) => ({
  ...{ object, old, namespace: 'shop', signing },
  snapshot: () => ({ object: old, related: {} }),
});

/** The text of the annotation with which a change of this StatefulSet is held. */
const heldText = (): string => {
  const { annotations, fields } = statefulSetAdmission.hold(
    review(aSet('2', RECREATE), aSet('1', RECREATE)),
  );
  assert.deepEqual(fields, { [STRATEGY]: HELD });
  return annotations[ANNOTATIONS.hold] ?? assert.fail('it is held');
};

test('a change with the strategy Recreate is held by a partition and released as one batch', () => {
  const object = aSet('2', HELD, heldText());
  const view = viewStatefulSet({ object, related: {} }, signing);
  assert.deepEqual([view.isAllOrNothing, view.allowed, view.size], [true, 0, 3]);
  const route = { from: view.hold?.from ?? '', to: view.fingerprint };
  const last = {
    type: 'Release',
    sequence: 1,
    ...route,
    target: 3,
    isLast: true,
    needsRoom: false,
  } as const;
  const [write] = planStatefulSet(last, { object, view, signing });
  assert.ok(write !== undefined && 'ops' in write);
  assert.deepEqual(write.ops.at(-1), { op: 'add', path: STRATEGY, value: RECREATE });
});

test('an edit of the partition while Recreate is saved makes it RollingUpdate: only that has one', () => {
  const old = aSet('2', HELD, heldText());
  const edited = { type: 'RollingUpdate', rollingUpdate: { partition: 1 } };
  const { annotations, fields } = statefulSetAdmission.keep(
    review(aSet('2', edited, old.metadata.annotations?.[ANNOTATIONS.hold]), old),
  );
  assert.deepEqual(fields, { [STRATEGY]: HELD });
  const { userFields } = JSON.parse(annotations[ANNOTATIONS.hold] ?? '') as {
    readonly userFields: Readonly<Record<string, unknown>>;
  };
  assert.deepEqual(userFields[STRATEGY], edited);
});
