// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ANNOTATIONS } from '@altershield/api';
import type { Goal } from '../goal.ts';
import {
  aCap,
  aDeployment,
  aHeldDeployment,
  aReplicaSet,
  aTemplate,
  signing,
} from '@altershield/testing/builders';
import { applyPatch } from '@altershield/testing/json-patch';
import { REVISION_A, REVISION_B } from '@altershield/testing/change-states';
import { viewDeployment } from './observe.ts';
import { planDeployment } from './plan.ts';
import type { Deployment, ReplicaSet } from './objects.ts';

const route = { from: REVISION_A, to: REVISION_B };
const release = (target: number, more: Partial<Extract<Goal, { type: 'Release' }>> = {}): Goal => ({
  ...{ type: 'Release', sequence: 1, ...route, target, isLast: target === 10, needsRoom: false },
  ...more,
});
const held = (cap = aCap('a'), spec: Partial<Deployment['spec']> = {}) =>
  aHeldDeployment('a', { tag: 'b', spec }, cap);
const noSurge = {
  strategy: { type: 'RollingUpdate', rollingUpdate: { maxSurge: 0, maxUnavailable: 2 } },
};

/** The writes as `web: a/b/3/10` and `web-a: 7`, in their order. */
function plan(goal: Goal, deployment: Deployment, revisions: readonly ReplicaSet[]): string[] {
  const view = viewDeployment(deployment, revisions, signing);
  return planDeployment(goal, { deployment, view }).map(({ name, ops }) => {
    const values = ops.flatMap((op) => {
      if (op.op === 'test' || op.path.includes('desired-replicas')) return [];
      if (op.op === 'remove') return [`-${op.path.split('~1').at(-1) ?? ''}`];
      return [op.path === '/spec/template' ? 'template' : JSON.stringify(op.value)];
    });
    return `${name}: ${values.join(' ').replaceAll('"', '').replaceAll('hash', '')}`;
  });
}

const a = (replicas: number, cap = aCap('a', '')) => aReplicaSet('a', replicas, { cap });
const b = (replicas: number, ready = replicas) =>
  aReplicaSet('b', replicas, { ready, cap: aCap('a') });

test('a batch within the surge is one write: stable pods are not scaled', () => {
  assert.deepEqual(plan(release(1), held(), [a(10), b(0)]), ['web: a/b/1/10']);
});

test('a batch beyond the surge lowers the floor of the stable pods', () => {
  assert.deepEqual(plan(release(3), held(aCap('a', 'b', 1)), [a(10), b(1)]), [
    'web: a/b/3/10',
    'web-a: a/b/3/10',
  ]);
  assert.deepEqual(plan(release(1), held(aCap('a'), noSurge), [a(10), b(0)]), [
    'web: a/b/1/10',
    'web-a: a/b/1/10',
  ]);
});

test('the last batch releases all pods and removes the floor', () => {
  const writes = plan(release(10), held(aCap('a', 'b', 3)), [a(8), b(3)]);
  assert.deepEqual(writes, ['web: a/b/10/10', 'web-a: a/b/10/10']);
});

test('a batch that is released already needs no write', () => {
  const done = held(aCap('a', 'b', 3));
  assert.deepEqual(plan(release(3), done, [a(8, aCap('a', 'b', 3)), b(3)]), []);
});

test('the first batch removes the actor annotation, when the record names the actor', () => {
  const marked = held();
  const annotations = { ...marked.metadata.annotations, [ANNOTATIONS.actor]: '{}' };
  const withActor = { ...marked, metadata: { ...marked.metadata, annotations } };
  assert.deepEqual(plan(release(1), withActor, [a(10), b(0)]), ['web: a/b/1/10 -actor']);
});

test('no pod is released before the controller has observed the template and created its ReplicaSet', () => {
  assert.deepEqual(plan(release(1), held(), [a(10)]), []);
  const unseen = { ...held(), status: { observedGeneration: 0 } };
  assert.deepEqual(plan(release(1), unseen, [a(10), b(0)]), []);
});

test('a workload scaled in mid-batch gets the batch of its new size', () => {
  const scaled = held(aCap('a', 'b', 3), { replicas: 20 });
  assert.deepEqual(plan(release(6), scaled, [a(19), b(3)]), ['web: a/b/6/20', 'web-a: a/b/6/20']);
  const shrunk = held(aCap('a', 'b', 3), { replicas: 5 });
  assert.deepEqual(plan(release(1), shrunk, [a(4, aCap('a', 'b', 3)), b(1)]), []);
});

test('unschedulable updated pods get the room of stable pods, within the user’s maxUnavailable', () => {
  const waiting = held(aCap('a', 'b', 1));
  const writes = plan(release(1, { needsRoom: true }), waiting, [a(10), b(1, 0)]);
  assert.deepEqual(writes, ['web-a: a/b/1/10 9']);
  const low = aReplicaSet('a', 10, { ready: 9, cap: aCap('a', '') });
  assert.deepEqual(plan(release(1, { needsRoom: true }), waiting, [low, b(1, 0)]), []);
});

test('stable pods that were just removed do not count as removable ready pods', () => {
  const waiting = held(aCap('a', 'b', 5));
  const full = release(5, { needsRoom: true });
  assert.deepEqual(plan(full, waiting, [a(10, aCap('a', 'b', 5)), b(5, 0)]), ['web-a: 9']);
  const shrunk = aReplicaSet('a', 9, { ready: 10, cap: aCap('a', 'b', 5) });
  assert.deepEqual(plan(full, waiting, [shrunk, b(5, 0)]), []);
});

test('after a scale from zero, the stable revision gets its pods back', () => {
  const back = held(aCap('a', 'b', 3));
  assert.deepEqual(plan(release(3), back, [a(0, aCap('a', 'b', 3)), b(3)]), ['web-a: 7']);
  const hold: Goal = { type: 'Hold', ...route };
  assert.deepEqual(plan(hold, held(), [a(0), b(0)]), ['web-a: a/b/0/10 10']);
});

test('a ReplicaSet sized by the operator carries the desired replicas, so that the controller does not only scale', () => {
  const view = viewDeployment(held(), [a(0), b(0)], signing);
  const [write] = planDeployment({ type: 'Hold', ...route }, { deployment: held(), view });
  const path = '/metadata/annotations/deployment.kubernetes.io~1desired-replicas';
  assert.deepEqual(
    write?.ops.find((op) => op.path === path),
    { op: 'add', path, value: '10' },
  );
});

test('pods of a superseded revision are removed before the next one gets any', () => {
  const c = aReplicaSet('c', 3);
  const waiting = held(aCap('a', 'c', 3));
  const closed = 'web: a/-/0/10';
  const [low, whole] = [a(8), a(8, aCap('a'))];
  const grown = 'web-a: a/-/0/10 9';
  const stillReady = 'web-a: ';
  assert.deepEqual(plan(release(1), waiting, [low, b(0), c]), [
    ...[closed, stillReady, grown, 'web-c: 1'],
  ]);
  assert.deepEqual(plan(release(1), held(), [whole, b(0), c]), [
    ...[stillReady, 'web-a: 9', 'web-c: 1'],
  ]);
  const sick = aReplicaSet('c', 3, { ready: 0 });
  assert.deepEqual(plan(release(1), held(), [whole, b(0), sick]), ['web-a: 9', 'web-c: 0']);
});

test('terminating ready pods are not preserved again', () => {
  const going = aReplicaSet('c', 2, { ready: 5 });
  assert.deepEqual(plan(release(1), held(), [a(6, aCap('a')), b(0), going]), ['web-a: 10']);
});

test('pods that another client created beyond the batch are removed', () => {
  assert.deepEqual(plan(release(1), held(aCap('a', 'b', 1)), [a(10), b(4)]), [
    ...['web-a: ', 'web-b: 1'],
  ]);
});

test('Recreate: the floor is lowered first, the new revision is named when it exists', () => {
  const recreate = held(aCap('a', ''), { strategy: { type: 'Recreate' } });
  assert.deepEqual(plan(release(10), recreate, [a(10)]), ['web: a/-/10/10', 'web-a: a/-/10/10']);
  const open = held(aCap('a', '-', 10), { strategy: { type: 'Recreate' } });
  assert.deepEqual(plan(release(10), open, [a(0, aCap('a', '-', 10)), b(0)]), ['web: a/b/10/10']);
});

test('a hold keeps released pods, and also holds a change found late', () => {
  const hold: Goal = { type: 'Hold', ...route };
  assert.deepEqual(plan(hold, held(aCap('a', 'b', 3)), [a(8, aCap('a', 'b', 3)), b(3)]), []);
  assert.deepEqual(plan(hold, held(), [a(10), b(0)]), []);
  assert.deepEqual(plan(hold, held(aCap('a', 'b', 3)), [a(9), b(2)]), ['web: a/b/2/10']);
  const late = aDeployment({ tag: 'b' });
  assert.match(
    plan(hold, late, [aReplicaSet('a', 7), b(4)])[0] ?? '',
    /altershield.io\/release:a\/b\/4\/10/,
  );
});

const back: Goal = {
  ...{ type: 'RollBack', ...route, template: aTemplate('a') },
  ...{ isOwn: true, keepsHold: false },
};

test('a rollback writes template and annotation at once; unready pods are removed immediately', () => {
  const bad = held(aCap('a', 'b', 3));
  assert.deepEqual(plan(back, bad, [a(8), b(3, 1)]), ['web: a//0/10 template', 'web-b: a//0/10 1']);
  assert.deepEqual(
    plan(back, bad, [a(8), b(3)]),
    ['web: a//0/10 template'],
    'healthy pods go at the user’s pace',
  );
  const done = aHeldDeployment('a', {}, aCap('a', ''));
  assert.deepEqual(plan(back, done, [a(10), b(0)]), []);
});

test('the annotation of a verified revision that is rolled back no longer keeps its pods', () => {
  const back10 = aHeldDeployment('a', {}, aCap('a', ''));
  const verified = aReplicaSet('b', 10, { cap: aCap('b') });
  assert.deepEqual(plan(back, back10, [a(10), verified]), ['web-b: a//0/10']);
});

const failure = { since: '2026-01-01T00:05:00.123Z', message: 'ImagePullBackOff' };

function inProgress(progressing: object, spec: Partial<Deployment['spec']> = {}): Deployment {
  const conditions = [
    { type: 'Available', status: 'True' },
    { type: 'Progressing', status: 'True', reason: 'ReplicaSetUpdated', ...progressing },
  ];
  const deployment = held(aCap('a', 'b', 3), spec);
  return { ...deployment, status: { ...deployment.status, conditions } };
}

test('a rollback first reports the rollout as failed, while the template is the quarantined one', () => {
  const deployment = inProgress({});
  const revisions = [a(8), b(3)];
  const view = viewDeployment(deployment, revisions, signing);
  const [told, template] = planDeployment({ ...back, failure }, { deployment, view });
  assert.deepEqual([told?.subresource, told?.isOptional], ['status', true]);
  assert.ok(template?.ops.some(({ path }) => path === '/spec/template'));
  const { status } = applyPatch(deployment, told?.ops ?? []);
  const at = '2026-01-01T00:05:00Z';
  assert.deepEqual(status?.conditions?.[1], {
    ...{ type: 'Progressing', status: 'False', reason: 'ProgressDeadlineExceeded' },
    message: 'AlterShield rolls this revision back: ImagePullBackOff',
    ...{ lastUpdateTime: at, lastTransitionTime: at },
  });
  const later = { ...deployment, metadata: { ...deployment.metadata, generation: 9 } };
  assert.throws(() => applyPatch(later, told?.ops ?? []), 'another template may be there');
  const done = aHeldDeployment('a', {}, aCap('a', ''));
  assert.deepEqual(plan({ ...back, failure }, done, [a(10), b(0)]), [], 'the verified template');
});

test('a rollout that Kubernetes reports as failed, or that the user has paused, is not modified', () => {
  const template = ['web: a//0/10 template'];
  for (const deployment of [
    inProgress({ status: 'False', reason: 'ProgressDeadlineExceeded' }),
    inProgress({ status: 'Unknown', reason: 'DeploymentPaused' }, { paused: true }),
    held(aCap('a', 'b', 3)),
  ]) {
    assert.deepEqual(plan({ ...back, failure }, deployment, [a(8), b(3)]), template);
  }
});

test('a revert by the user ends the release, and leaves pods to the controller', () => {
  const reverted = aHeldDeployment('a', {}, aCap('a', 'b', 3));
  const user: Goal = { ...back, isOwn: false };
  assert.deepEqual(plan(user, reverted, [a(8), b(3, 0)]), ['web: a//0/10']);
});

test('at rest, the running revision is protected, and held where the policy fails closed', () => {
  const rest = (keepsHold: boolean): Goal => ({ type: 'Rest', keepsHold, forgetsActor: true });
  const done = aHeldDeployment('a', { tag: 'b' }, aCap('a', 'b', 10));
  assert.deepEqual(plan(rest(false), done, [a(0), b(10)]), ['web: b//0/10']);
  assert.deepEqual(plan(rest(true), done, [a(0), b(10)]), ['web: b/-/0/10']);
  assert.deepEqual(
    plan(rest(false), aHeldDeployment('b', { tag: 'b' }, aCap('b', '')), [b(10)]),
    [],
  );
  assert.deepEqual(
    plan(rest(false), aDeployment({ tag: 'x' }), [a(10)]),
    [],
    'its ReplicaSet is to come',
  );
});

test('a replaced revision loses the annotation that protects it', () => {
  const reverted = aHeldDeployment('b', { tag: 'b' }, aCap('b', ''));
  const marked = a(10, aCap('a'));
  assert.deepEqual(
    plan({ type: 'Rest', keepsHold: false, forgetsActor: true }, reverted, [marked, b(2)]),
    ['web-a: b//0/10'],
  );
});

test('a workload that no policy releases any more loses every annotation', () => {
  const writes = plan({ type: 'Restore' }, held(aCap('a', 'b', 3)), [a(8), aReplicaSet('b', 3)]);
  assert.deepEqual(writes, ['web: -release', 'web-a: -release']);
});

test('a soak longer than the user’s progress deadline is reported to the controller once', () => {
  const at = (seconds: number): string => `2026-01-01T00:0${Math.floor(seconds / 60)}:00Z`;
  const soaking = (lastUpdateTime: string, reason = 'ReplicaSetUpdated') => ({
    ...held(aCap('a', 'b', 1), { progressDeadlineSeconds: 60 }),
    status: {
      observedGeneration: 1,
      conditions: [
        { type: 'Available', status: 'True' },
        { type: 'Progressing', status: 'True', reason, lastUpdateTime },
      ],
    },
  });
  const goal = release(1, { soaksUntil: Date.parse(at(180)) });
  const [write, ...rest] = plan(goal, soaking(at(60)), [a(10), b(1)]);
  assert.match(
    write ?? '',
    /^web: 2026-01-01T00:03:00Z SoakingByAlterShield AlterShield released 1 of 10/,
  );
  assert.deepEqual(rest, []);
  assert.deepEqual(plan(goal, soaking(at(180)), [a(10), b(1)]), [], 'told already');
  const complete = soaking(at(60), 'NewReplicaSetAvailable');
  assert.deepEqual(plan(goal, complete, [a(10), b(1)]), [], 'a complete rollout has no deadline');
  const short = release(1, { soaksUntil: Date.parse(at(60)) + 1000 });
  assert.deepEqual(plan(short, soaking(at(60)), [a(10), b(1)]), []);
});

test('a controller that scales in vain gets the desired replicas', () => {
  const name = 'deployment.kubernetes.io/desired-replicas';
  const scaledTo = (desired: string): ReplicaSet => {
    const rs = a(10);
    const annotations = { ...rs.metadata.annotations, [name]: desired };
    return { ...rs, metadata: { ...rs.metadata, annotations } };
  };
  const isTold = (stable: ReplicaSet): boolean => {
    const deployment = held(aCap('a', 'b', 10));
    const view = viewDeployment(deployment, [stable, b(0)], signing);
    const writes = planDeployment(release(10), { deployment, view });
    return JSON.stringify(writes).includes('desired-replicas');
  };
  assert.equal(isTold(scaledTo('20')), true);
  assert.equal(isTold(scaledTo('10')), false);
  assert.equal(isTold(a(10)), false);
});
