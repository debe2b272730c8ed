// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict';
import { test } from 'node:test';
import {
  aCap,
  aChange,
  aDeployment,
  aHeldDeployment,
  aPolicy,
  aReplicaSet,
  signing,
} from '@altershield/testing/builders';
import { status } from '@altershield/testing/change-states';
import { DEPLOYMENT } from '../workload/deployment/descriptor.ts';
import { viewDeployment } from '../workload/deployment/observe.ts';
import type { ChangeWorkload } from '@altershield/api';
import { restGoal, type RestInput } from './rest.ts';
import type { ReplicaSet } from '../workload/deployment/objects.ts';

const at = (
  { policy, changes = [] }: Partial<RestInput>,
  deployment = aDeployment({ tag: 'b' }),
  sets: readonly ReplicaSet[] = [aReplicaSet('b', 10)],
) =>
  restGoal({
    descriptor: DEPLOYMENT,
    view: viewDeployment(deployment, sets, signing),
    policy,
    changes,
  });

test('a workload released in batches is protected at rest, and more strictly where the policy fails closed', () => {
  assert.deepEqual(at({ policy: aPolicy() }), {
    ...{ type: 'Rest', keepsHold: false, forgetsActor: false },
  });
  const closed = at({ policy: aPolicy({ failurePolicy: 'Fail' }) });
  assert.ok(closed?.type === 'Rest' && closed.keepsHold);
});

test('the actor annotation may be removed when a record of the template names the actor', () => {
  const goal = at({ policy: aPolicy(), changes: [aChange({ status: status('Success') })] });
  assert.ok(goal?.type === 'Rest' && goal.forgetsActor);
});

test('while a change is released, there is no goal at rest', () => {
  assert.equal(at({ policy: aPolicy(), changes: [aChange()] }), undefined);
  const observed = aChange({ spec: { operation: 'Create' } });
  assert.equal(at({ policy: aPolicy(), changes: [observed] })?.type, 'Rest');
});

test('a rollback of an observed change has no goal at rest beside it, a revert by the user has', () => {
  const policy = aPolicy({ mode: 'Audit' });
  const rollingBack = (reason: 'RequestedByUser' | 'RevertedByUser'): ChangeWorkload =>
    aChange({
      spec: { operation: 'Create' },
      status: { ...status('RollingBack'), reason },
    });
  const marked = aHeldDeployment('a', { tag: 'b' });
  assert.equal(at({ policy, changes: [rollingBack('RequestedByUser')] }, marked), undefined);
  const reverted = at({ policy, changes: [rollingBack('RevertedByUser')] }, marked);
  assert.equal(reverted?.type, 'Restore');
});

test('a workload that is not released in batches loses its annotations', () => {
  const marked = aHeldDeployment('a', { tag: 'b' });
  for (const policy of [
    undefined,
    aPolicy({ mode: 'Audit' }),
    aPolicy({ release: { strategy: 'Rolling' } }),
  ]) {
    assert.equal(at({ policy }), undefined);
    assert.equal(at({ policy }, marked)?.type, 'Restore');
    const set = aReplicaSet('b', 0, { cap: aCap('a') });
    assert.equal(at({ policy }, aDeployment({ tag: 'b' }), [set])?.type, 'Restore');
  }
});
