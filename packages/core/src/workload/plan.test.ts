// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ANNOTATIONS } from '@altershield/api';
import { fingerprint } from '../revision/fingerprint.ts';
import {
  aDeployment,
  aHeldDeployment,
  aReplicaSet,
  aTemplate,
  sign,
  tools,
} from '../testing/builders.ts';
import { applyPatch } from '../testing/json-patch.ts';
import { aWorkload, anObservation, NOW, pods } from '../testing/builders.ts';
import { decide } from '../change/decide.ts';
import type { Action } from '../change/model.ts';
import { ownFieldsOf, readHold, writeHold } from './hold.ts';
import { viewDeployment } from './observe.ts';
import { heldOnBounds, holdingBounds, planDeployment } from './plan.ts';
import type { Deployment } from './types.ts';

const A = fingerprint(aTemplate('a'));
const held = aHeldDeployment(A, { tag: 'b' });
const perform = (action: Action, d: Deployment): Deployment =>
  planDeployment(action, d, sign).reduce((object, { ops }) => applyPatch(object, ops), d);
const rollBack = (widenBy: number) =>
  ({ type: 'RollBack', id: 'c', from: A, template: aTemplate('a'), widenBy }) as const;

test('every write is conditional on the object and the spec that were looked at', () => {
  const [write] = planDeployment(
    { type: 'SetBounds', bounds: { surge: 1, unavailable: 2 } },
    held,
    sign,
  );
  assert.ok(write);
  const others: Partial<Deployment['metadata']>[] = [
    { generation: 2 },
    { uid: 'd-2' },
    { annotations: {} },
  ];
  for (const metadata of others) {
    const moved = { ...held, metadata: { ...held.metadata, ...metadata } };
    assert.throws(() => applyPatch(moved, write.ops), JSON.stringify(metadata));
  }
});

test('an owner who wants Recreate later gets it at the end, not while a batch is let out', () => {
  const own = { ...ownFieldsOf(aDeployment()), strategy: { type: 'Recreate' } };
  const record = { id: 'h', from: A, to: fingerprint(held.spec.template), number: 0, own };
  const annotations = { [ANNOTATIONS.hold]: writeHold(record, held, sign) };
  const edited = { ...held, metadata: { ...held.metadata, annotations } };
  const view = viewDeployment(edited, [aReplicaSet('a', 10)], tools);
  assert.equal(view.recreate, false);
  const out = perform({ type: 'SetBounds', bounds: { surge: 1, unavailable: 0 } }, edited);
  assert.equal(out.spec.strategy?.type, 'RollingUpdate');
  assert.deepEqual(perform({ type: 'Restore' }, out).spec.strategy, { type: 'Recreate' });
});

test('who wrote the refused template is not said of the one that comes back', () => {
  const annotations = { ...held.metadata.annotations, [ANNOTATIONS.actor]: '{"user":"ann"}' };
  const stamped = { ...held, metadata: { ...held.metadata, annotations } };
  const back = perform(rollBack(0), stamped);
  assert.equal(back.metadata.annotations?.[ANNOTATIONS.actor], undefined);
});

test('revisions are resized from what they were, and none that was made anew', () => {
  const revisions = [{ name: 'rs', uid: 'u', from: 5, to: 6 }];
  const [write] = planDeployment({ type: 'Rebalance', revisions }, held, sign);
  const set = (replicas: number, uid = 'u') => ({ metadata: { uid }, spec: { replicas } });
  assert.deepEqual(applyPatch(set(5), write?.ops ?? []), set(6));
  assert.throws(() => applyPatch(set(6), write?.ops ?? []));
  assert.throws(() => applyPatch(set(5, 'other'), write?.ops ?? []));
});

test('pods of a superseded revision count again, and of none that was made anew', () => {
  const action = {
    type: 'CountAgain',
    minReadySeconds: 2,
    revisions: [{ name: 'rs', uid: 'u' }],
  } as const;
  const [write] = planDeployment(action, held, sign);
  const set = (minReadySeconds: number, uid = 'u') => ({
    metadata: { uid },
    spec: { minReadySeconds },
  });
  assert.deepEqual(applyPatch(set(9), write?.ops ?? []), set(2));
  assert.throws(() => applyPatch(set(9, 'other'), write?.ops ?? []));
});

const actions: readonly Action[] = [
  { type: 'SetBounds', bounds: { surge: 1, unavailable: 2 } },
  { type: 'Pause' },
  { type: 'Restore' },
  { type: 'FinishRollBack' },
];

for (const action of actions) {
  test(`${action.type} that took effect plans no further write`, () => {
    const open = { ...held, spec: { ...held.spec, paused: false } };
    assert.deepEqual(planDeployment(action, perform(action, open), sign), []);
  });
}

test('restoring gives every field of the owner back and leaves no mark', () => {
  const restored = perform({ type: 'Restore' }, held);
  assert.deepEqual(ownFieldsOf(restored), ownFieldsOf(aDeployment()));
  assert.equal(readHold(restored, sign).state, 'None');
});

test('a wide rollback keeps the record until it is narrowed, and is never paused', () => {
  const paused = aHeldDeployment(A, { tag: 'b', spec: { paused: true } });
  const wide = perform(rollBack(4), paused);
  assert.deepEqual(wide.spec.template, aTemplate('a'));
  assert.equal(wide.spec.paused, false);
  assert.deepEqual(wide.spec.strategy?.rollingUpdate, { maxSurge: 2, maxUnavailable: 4 });
  assert.equal(readHold(wide, sign).state, 'Held');
  const narrow = perform({ type: 'FinishRollBack' }, wide);
  assert.deepEqual(ownFieldsOf(narrow), ownFieldsOf(aDeployment()));
});

test('a hold covers what surged, and lets one pod out at most should it be undone', () => {
  const of = (maxSurge: number, maxUnavailable: number): Deployment =>
    aDeployment({
      spec: { strategy: { type: 'RollingUpdate', rollingUpdate: { maxSurge, maxUnavailable } } },
    });
  const surge = (n: number) => ({ surge: n, unavailable: 0 });
  const none = { surge: 0, unavailable: 1 };
  assert.deepEqual(
    [10, 11, 12, 20].map((all) => holdingBounds(of(2, 1), all)),
    [surge(1), surge(1), surge(2), surge(2)],
  );
  assert.deepEqual(holdingBounds(of(0, 1), 10), none);
  const owns = [of(2, 1), of(2, 0)].map(ownFieldsOf);
  const heldOn = (d: Deployment) => owns.map((own) => heldOnBounds(d, own));
  assert.deepEqual(heldOn(of(2, 5)), [surge(2), surge(2)]);
  assert.deepEqual(heldOn(of(0, 5)), [none, surge(1)]);
});

test('taking over late keeps what the owner set and covers what surged', () => {
  const taken = perform(
    { type: 'TakeOver', id: 'c', from: A, to: 'b', pods: 12 },
    aDeployment({ tag: 'b' }),
  );
  assert.deepEqual(taken.spec.strategy?.rollingUpdate, { maxSurge: 2, maxUnavailable: 0 });
  const hold = readHold(taken, sign);
  assert.deepEqual(hold.state === 'Held' && hold.record.own, ownFieldsOf(aDeployment()));
});

test('held fields without a true record are lost, not guessed', () => {
  const { annotations: _, ...metadata } = held.metadata;
  const cases = [
    { ...held, metadata },
    { ...held, metadata: { ...held.metadata, uid: 'd-2' } },
  ];
  for (const d of cases) assert.equal(readHold(d, sign).state, 'Lost');
});

test('a view resolves the owner’s bounds and knows what its controller has not seen', () => {
  const view = viewDeployment(held, [aReplicaSet('a', 10)], tools);
  assert.deepEqual(
    [view.user, view.bounds, view.settled],
    [{ surge: 2, unavailable: 1 }, { surge: 1, unavailable: 0 }, true],
  );
  const ahead = { ...held, metadata: { ...held.metadata, generation: 2 } };
  assert.equal(viewDeployment(ahead, [], tools).settled, false);
});

test('no step is taken before the controller has seen the last one', () => {
  const fresh = pods('new', 1, { readySince: NOW });
  const workload = aWorkload({ paused: false, bounds: { surge: 1, unavailable: 0 } });
  const act = (settled: boolean) =>
    decide(anObservation({ fresh, workload: { ...workload, settled } })).action?.type;
  assert.deepEqual([act(true), act(false)], ['Pause', undefined]);
});

test('bounds that somebody wrote as percentages are read as the controller reads them', () => {
  const rollingUpdate = { maxSurge: '25%', maxUnavailable: '25%' };
  const strategy = { type: 'RollingUpdate', rollingUpdate };
  const edited = { ...held, spec: { ...held.spec, replicas: 5, strategy } };
  assert.deepEqual(viewDeployment(edited, [], tools).bounds, { surge: 2, unavailable: 1 });
});

const REVISION = 'deployment.kubernetes.io/revision';
const numbered = (d: Deployment, number: string): Deployment => ({
  ...d,
  metadata: { ...d.metadata, annotations: { ...d.metadata.annotations, [REVISION]: number } },
});
const running = (d: Deployment, tag: string, spec: Partial<Deployment['spec']> = {}): Deployment =>
  numbered({ ...d, spec: { ...d.spec, template: aTemplate(tag), ...spec } }, '9');

test('a hold is over, whatever became of its number, only when nothing of it is left', () => {
  const recreate = aHeldDeployment(A, { tag: 'b', spec: { strategy: { type: 'Recreate' } } });
  const { minReadySeconds, ...own } = ownFieldsOf(aDeployment());
  // Nobody's deadline, as old versions of the API had it by default.
  const never = { progressDeadlineSeconds: 2147483647 };
  const patient = aHeldDeployment(A, { tag: 'b', spec: never });
  const cases: readonly (readonly [string, Deployment, 'Held' | 'None'])[] = [
    ['brought back by an undo', running(held, 'b', { minReadySeconds, ...own }), 'None'],
    ['with no deadline', running(patient, 'b', { minReadySeconds, ...own, ...never }), 'None'],
    ['and overtaken since', running(held, 'c', { minReadySeconds, ...own }), 'None'],
    ['reverted behind our back', running(held, 'a'), 'Held'],
    ['and one field is its owner’s', running(held, 'a', { minReadySeconds }), 'Held'],
    ['and two', running(held, 'a', { minReadySeconds, paused: false }), 'Held'],
    ['held by a pause alone', running(recreate, 'a'), 'Held'],
  ];
  for (const [what, d, state] of cases) assert.equal(readHold(d, sign).state, state, what);
});

test('whatever is applied past admission while a rollback is wide, the width is taken back', () => {
  const wide = perform(rollBack(4), numbered(held, '2'));
  for (const tag of ['a', 'b', 'c']) {
    const narrow = perform({ type: 'FinishRollBack' }, running(wide, tag));
    assert.deepEqual(ownFieldsOf(narrow), ownFieldsOf(aDeployment()));
  }
  const brought = running(wide, 'a', ownFieldsOf(aDeployment()));
  assert.equal(readHold(brought, sign).state, 'None', 'an undo that brings it back');
});
