// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ANNOTATIONS } from '@altershield/api';
import type { Goal } from '../goal.ts';
import type { Service } from '../traffic/service.ts';
import {
  aCap,
  aDeployment,
  aHeldDeployment,
  aReplicaSet,
  aTemplate,
  hashOf,
  signing,
} from '@altershield/testing/builders';
import { REVISION_A, REVISION_B } from '@altershield/testing/change-states';
import { viewDeployment, withServices, type DeploymentView } from './observe.ts';
import { planDeployment } from './plan.ts';
import type { Deployment, ReplicaSet } from './objects.ts';

const route = { from: REVISION_A, to: REVISION_B };
const release = (traffic?: 'Stable' | 'Updated'): Goal => ({
  ...{
    type: 'Release',
    sequence: 1,
    ...route,
    target: 10,
    isLast: traffic !== 'Stable',
    needsRoom: false,
  },
  ...(traffic === undefined ? {} : { traffic }),
});
const rollBack: Goal = {
  ...{ type: 'RollBack', ...route, template: aTemplate('a'), isOwn: true, keepsHold: false },
};
const rest: Goal = { type: 'Rest', keepsHold: false, forgetsActor: false };

/** A Service for `app=web`, narrowed by AlterShield to the revision with this image tag. */
const service = (tag?: string, selector: Record<string, string> = { app: 'web' }): Service => ({
  metadata: {
    ...{ name: 'web', uid: 's-1' },
    ...(tag === undefined ? {} : { annotations: { [ANNOTATIONS.traffic]: hashOf(tag) } }),
  },
  spec: {
    selector: { ...selector, ...(tag === undefined ? {} : { 'pod-template-hash': hashOf(tag) }) },
  },
});

const viewOf = (
  deployment: Deployment,
  sets: readonly ReplicaSet[],
  services: readonly Service[],
  neighbors: readonly Deployment[] = [],
): DeploymentView =>
  withServices(viewDeployment(deployment, sets, signing), services, () => neighbors);

/** The writes as `Service -> a`, `web: a/b/10/10`, `web-a: a/-/0/10`, in their order. */
function plan(
  goal: Goal,
  deployment: Deployment,
  sets: readonly ReplicaSet[],
  services: readonly Service[] = [service()],
): string[] {
  const view = viewOf(deployment, sets, services);
  return planDeployment(goal, { deployment, view }).map(({ resource, name, ops }) => {
    if (resource === 'Service') {
      const to = ops.find(({ op, path }) => op === 'add' && path.startsWith('/spec/selector'));
      return `Service -> ${to?.op === 'add' ? String(to.value).replace('hash', '') : 'all'}`;
    }
    const values = ops.flatMap((op) => {
      if (op.op === 'test' || op.path.includes('desired-replicas')) return [];
      if (op.op === 'remove') return [];
      return [op.path === '/spec/template' ? 'template' : JSON.stringify(op.value)];
    });
    return `${name}: ${values.join(' ').replaceAll('"', '').replaceAll('hash', '')}`;
  });
}

const a = (replicas: number, cap = aCap('a', '')) => aReplicaSet('a', replicas, { cap });
const b = (replicas: number, ready = replicas) =>
  aReplicaSet('b', replicas, { ready, cap: aCap('a') });
const held = (cap = aCap('a')) => aHeldDeployment('a', { tag: 'b' }, cap);
const KEPT = aCap('a');
const ALL = aCap('a', 'b', 10);

test('before any updated pod starts, Services select the stable pods and all of these are kept', () => {
  assert.deepEqual(plan(release('Stable'), held(), [a(10), b(0)]), [
    'Service -> a',
    'web-a: a/-/0/10',
    'web: a/b/10/10',
    'web-b: a/b/10/10 10',
  ]);
});

test('all pods beside each other need no write, however few the user’s surge allows', () => {
  assert.deepEqual(plan(release('Stable'), held(ALL), [a(10, KEPT), b(10)], [service('a')]), []);
});

test('Services are switched once every updated pod is ready, each in one write', () => {
  const sets = (ready: number) => [a(10, KEPT), b(10, ready)];
  assert.deepEqual(plan(release('Updated'), held(ALL), sets(9), [service('a')]), []);
  assert.deepEqual(plan(release('Updated'), held(ALL), sets(10), [service('a')]), ['Service -> b']);
  const reset = service();
  assert.deepEqual(plan(release('Updated'), held(ALL), sets(10), [reset]), ['Service -> b']);
});

test('a hold keeps the pods of both revisions and switches nothing', () => {
  const hold: Goal = { type: 'Hold', ...route, isBeside: true };
  assert.deepEqual(plan(hold, held(ALL), [a(10, KEPT), b(10)], [service('b')]), []);
});

test('a Service that is applied again during a hold selects the revision that it had', () => {
  const hold: Goal = { type: 'Hold', ...route, isBeside: true };
  const applied = { ...service('b'), spec: { selector: { app: 'web' } } };
  assert.deepEqual(plan(hold, held(ALL), [a(10, KEPT), b(10)], [applied]), ['Service -> b']);
});

test('a rollback switches back before it writes the template, and restores the selector at the end', () => {
  const [first, ...others] = plan(rollBack, held(ALL), [a(10, KEPT), b(10)], [service('b')]);
  assert.equal(first, 'Service -> a');
  assert.ok(others.some((write) => write.includes('template')));
  const back = aHeldDeployment('a', { tag: 'a' }, aCap('a', ''));
  assert.deepEqual(plan(rollBack, back, [a(10), b(2)], [service('a')]), []);
  assert.deepEqual(plan(rollBack, back, [a(10), b(0)], [service('a')]), ['Service -> all']);
});

test('a rollback to pods that are not ready sends requests to any pod', () => {
  const dead = aReplicaSet('a', 10, { ready: 0, cap: KEPT });
  assert.equal(plan(rollBack, held(ALL), [dead, b(10)], [service('b')])[0], 'Service -> all');
});

test('at rest the selector is its user’s again as soon as no other revision has pods', () => {
  const done = aHeldDeployment('b', { tag: 'b' }, aCap('b', ''));
  assert.deepEqual(plan(rest, done, [a(4), b(10)], [service('b')]), []);
  const leaving = aReplicaSet('a', 0);
  const stillThere = { ...leaving, status: { replicas: 3, readyReplicas: 0 } };
  assert.deepEqual(plan(rest, done, [stillThere, b(10)], [service('b')]), []);
  assert.deepEqual(plan(rest, done, [leaving, b(10)], [service('b')]), ['Service -> all']);
});

test('what another strategy finds narrowed selects all pods before any pod is replaced', () => {
  const [first] = plan(release(), held(), [a(10), b(0)], [service('a')]);
  assert.equal(first, 'Service -> all');
});

test('a Service of other pods, and a user’s own choice of a revision, are left alone', () => {
  const foreign = service(undefined, { app: 'shop' });
  const none = service(undefined, {});
  const chosen = service(undefined, { app: 'web', 'pod-template-hash': hashOf('a') });
  for (const each of [foreign, none, chosen]) {
    const view = viewOf(held(), [a(10), b(0)], [each]);
    assert.deepEqual(view.routes, []);
    assert.match(view.switchProblem?.() ?? '', /no Service selects its pods/);
  }
});

test('a Service that selects pods of another Deployment as well cannot be switched', () => {
  const neighbor = aDeployment({ metadata: { name: 'other', uid: 'd-2' } });
  const view = viewOf(held(), [a(10), b(0)], [service()], [neighbor]);
  assert.match(view.switchProblem?.() ?? '', /web selects pods of Deployment other as well/);
  const shop = aDeployment({ template: { metadata: { labels: { app: 'shop' } }, spec: {} } });
  const fine = viewOf(held(), [a(10), b(0)], [service()], [shop]);
  assert.equal(fine.switchProblem?.(), undefined);
});
