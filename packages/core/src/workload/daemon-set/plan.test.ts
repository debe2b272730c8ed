// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { signing } from '@altershield/testing/builders';
import type { Pod } from '../../check/pod.ts';
import { isEqual } from '../../json/canonical.ts';
import type { Goal } from '../goal.ts';
import type { Write } from '../adapter.ts';
import { daemonSet } from './adapter.ts';
import { daemonSetAdmission } from './admission.ts';
import { REVISION_LABEL, type DaemonSet, type UpdateStrategy } from './objects.ts';

const template = (tag: string) => ({
  spec: { containers: [{ name: 'app', image: `agent:${tag}` }] },
});
const [from, to] = [signing.fingerprintOf(template('v1')), signing.fingerprintOf(template('v2'))];
const ROLLING: UpdateStrategy = {
  type: 'RollingUpdate',
  rollingUpdate: { maxUnavailable: 2, maxSurge: 0 },
};

const object = (tag: string, updateStrategy: UpdateStrategy, nodes = 6): DaemonSet => ({
  metadata: { name: 'agent', namespace: 'shop', uid: 'ds-1', generation: 2 },
  spec: { updateStrategy, template: template(tag) },
  status: { observedGeneration: 2, desiredNumberScheduled: nodes },
});

/** `v2` as admission holds it, on its way from `v1`. */
function held(nodes = 6): DaemonSet {
  const changed = object('v2', ROLLING, nodes);
  const { annotations, fields } = daemonSetAdmission.hold({
    ...{ object: changed, old: object('v1', ROLLING), namespace: 'shop', signing },
    snapshot: () => ({ object: changed, related: {} }),
  });
  assert.deepEqual(fields, { '/spec/updateStrategy/type': 'OnDelete' });
  return {
    ...changed,
    metadata: { ...changed.metadata, annotations: annotations as Record<string, string> },
    spec: { ...changed.spec, updateStrategy: { ...ROLLING, type: 'OnDelete' } },
  };
}

/** One pod for each word, on its node: `v1` is ready, `v1!` is not, `v2x` terminates, `-` is missing. */
const pods = (words: string): Pod[] =>
  words.split(' ').flatMap((word, node): Pod[] => {
    if (word === '-') return [];
    const status = word.endsWith('!') ? 'False' : 'True';
    const end = word.endsWith('x') ? { deletionTimestamp: '2026-01-01T00:00:00Z' } : {};
    const name = `pod-${node}`;
    const labels = { [REVISION_LABEL]: word.slice(0, 2) };
    return [
      {
        metadata: { ...{ name, uid: name, labels }, ...end },
        spec: { nodeName: `node-${node}` },
        status: { conditions: [{ type: 'Ready', status }] },
      },
    ];
  });

const revision = (tag: string) => ({
  metadata: { name: `agent-${tag}`, uid: tag, labels: { [REVISION_LABEL]: tag } },
  data: { spec: { template: { ...template(tag), $patch: 'replace' } } },
});

function plan(words: string, goal: Goal, ds = held(words.split(' ').length)): Write[] {
  const controllerRevisions = [revision('v1'), revision('v2')];
  const related = { pods: pods(words), controllerRevisions };
  const view = daemonSet.observe({ object: ds, related }, signing);
  return daemonSet.plan(goal, { object: ds, view, signing });
}

const release = (target: number): Goal => ({
  ...{ type: 'Release', sequence: 1, from, to, target, isLast: false, needsRoom: false },
});

/** Nodes whose pod is deleted; the patch that only tests goes first. */
function deleted(words: string, target: number): number[] {
  const [guard, ...deletes] = plan(words, release(target));
  if (guard === undefined) return [];
  assert.ok('ops' in guard && guard.ops.every(({ op }) => op === 'test'));
  return deletes.map((write) => {
    assert.ok('deletes' in write);
    return Number(write.deletes.slice('pod-'.length));
  });
}

for (const [words, target, expected, why] of [
  ['v1 v1 v1 v1 v1 v1', 1, [0], 'one pod, on the first node'],
  ['v1 v1 v1 v1 v1 v1', 5, [0, 1], 'as many as may be unavailable'],
  ['v2! v1 v1 v1 v1 v1', 5, [1], 'an updated pod that is not ready counts as unavailable'],
  ['v2 - v1 v1 v1 v1', 5, [2], 'a node without a pod counts as unavailable'],
  ['v2x v1 v1 v1 v1 v1', 1, [], 'a node whose pod terminates gets an updated one'],
  ['v1 v2 v1 v1 v1 v1', 1, [], 'a pod that was updated by itself counts towards the batch'],
  ['v1 v2 v1 v1 v1 v1', 2, [0], 'and no more than the rest of the batch is deleted'],
  ['v1 v1! v1 v1 v1 v1', 1, [0], 'a ready pod goes before one that is not, within the bounds'],
  [
    'v1! v1! v1 v1 v1 v1',
    2,
    [0, 1],
    'stable pods that are not ready go when the bounds are used up',
  ],
  ['v1! v1! v1! v1! v1! v1!', 3, [0, 1, 2], 'a change that mends them all is not in its own way'],
  ['v2! v2! v1 v1 v1 v1', 5, [], 'nothing while updated pods are not ready'],
] as const) {
  test(`a batch deletes ${expected.length} pods of ${words} for ${target}: ${why}`, () => {
    assert.deepEqual(deleted(words, target), expected);
  });
}

test('nothing is deleted before the controller has observed the template', () => {
  const ds = held();
  const stale = { ...ds, status: { ...ds.status, observedGeneration: 1 } };
  assert.deepEqual(plan('v1 v1 v1 v1 v1 v1', release(1), stale), []);
});

test('the last batch is the type of the user, and a rollback adds the template', () => {
  const last = plan('v2 v1 v1 v1 v1 v1', { ...release(6), isLast: true } as Goal);
  const type = { op: 'add', path: '/spec/updateStrategy/type', value: 'RollingUpdate' };
  assert.deepEqual(changesOf(last), [type]);
  const back = plan('v2! v1 v1 v1 v1 v1', {
    ...{ type: 'RollBack', from, to, template: template('v1'), isOwn: true, keepsHold: false },
  });
  assert.deepEqual(changesOf(back), [
    type,
    { op: 'remove', path: '/metadata/annotations/altershield.io~1hold' },
    { op: 'replace', path: '/spec/template', value: template('v1') },
  ]);
});

const changesOf = (writes: readonly Write[]) =>
  writes.flatMap((write) => ('ops' in write ? write.ops.filter(({ op }) => op !== 'test') : []));

const keep = (now: UpdateStrategy, old = held()) => {
  const edited = { ...old, spec: { ...old.spec, updateStrategy: now } };
  const input = { object: edited, old, namespace: 'shop', signing };
  return daemonSetAdmission.keep({ ...input, snapshot: () => ({ object: old, related: {} }) });
};

for (const [what, now, own, live] of [
  ['RollingUpdate applied again', ROLLING, 'RollingUpdate', 'OnDelete'],
  ['OnDelete without bounds', { type: 'OnDelete' }, 'OnDelete', undefined],
  [
    'other bounds',
    { type: 'OnDelete', rollingUpdate: { maxUnavailable: 1, maxSurge: 0 } },
    'RollingUpdate',
    undefined,
  ],
] as const) {
  test(`while held, ${what}: the user's type is ${own}`, () => {
    const { annotations, fields } = keep(now);
    const saved = JSON.parse(annotations['altershield.io/hold'] ?? '{}') as { userFields: object };
    assert.deepEqual(saved.userFields, { '/spec/updateStrategy/type': own });
    assert.ok(isEqual(fields?.['/spec/updateStrategy/type'], live));
  });
}

test('a DaemonSet that surges is not held, and the reason says so', () => {
  const surging = { type: 'RollingUpdate', rollingUpdate: { maxUnavailable: 0, maxSurge: 1 } };
  const changed = object('v2', surging);
  const marks = daemonSetAdmission.hold({
    ...{ object: changed, old: object('v1', surging), namespace: 'shop', signing },
    snapshot: () => ({ object: changed, related: {} }),
  });
  assert.match(marks.notHeld ?? '', /maxUnavailable is 0/);
  assert.equal(marks.fields, undefined);
});
