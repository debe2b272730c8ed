// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { ChangeWorkload, ChangeWorkloadStatus } from '@altershield/api';
import { mutateWorkload } from '../admission/workload.ts';
import { fingerprint } from '../revision/fingerprint.ts';
import {
  aCap,
  aChange,
  aContext,
  aDeployment,
  aHeldDeployment,
  aPolicy,
  aReplicaSet,
  aRequest,
  aTemplate,
  NOW,
  signing,
} from '@altershield/testing/builders';
import { applyPatch } from '@altershield/testing/json-patch';
import type { Template } from '../json/objects.ts';
import type { Deployment, ReplicaSet } from '../workload/deployment/objects.ts';
import { DEPLOYMENT } from '../workload/deployment/descriptor.ts';
import { viewDeployment } from '../workload/deployment/observe.ts';
import { detect, type DetectInput, type LastObserved } from './detect.ts';

const fp = (tag: string): string => fingerprint(aTemplate(tag));
const seen = (tag: string): LastObserved => ({
  fingerprint: fp(tag),
  template: aTemplate(tag),
});
type Parts = Partial<DetectInput> & { readonly revisions?: readonly ReplicaSet[] };
const find = (
  deployment: Deployment,
  { revisions = [aReplicaSet('a', 10), aReplicaSet('b', 0)], ...parts }: Parts = {},
) =>
  detect(
    {
      descriptor: DEPLOYMENT,
      object: deployment,
      view: viewDeployment(deployment, revisions, signing),
      policy: aPolicy(),
      last: undefined,
      lastObserved: seen('a'),
      now: NOW,
      ...parts,
    },
    signing,
  );
const madeAgo = (ms: number, { metadata, ...rest }: ReplicaSet): ReplicaSet => ({
  ...rest,
  metadata: { ...metadata, creationTimestamp: new Date(NOW - ms).toISOString() },
});
const last = (
  phase: ChangeWorkloadStatus['phase'],
  more: Partial<ChangeWorkloadStatus> = {},
  verified = true,
): ChangeWorkload =>
  aChange({
    verified,
    status: { phase, reason: 'Verified', message: '', verdict: 'Pass', ...more },
  });

test('a change seen at admission has an actor, a diff and a verified rollback target', () => {
  const review = mutateWorkload(aRequest(aDeployment({ tag: 'b' }), aDeployment()), aContext());
  assert.ok(review.allowed);
  const spec = find(applyPatch(aDeployment({ tag: 'b' }), review.patch));
  assert.equal(spec?.detectedBy, 'Admission');
  assert.deepEqual(
    [spec.actor.user, spec.actor.stamped, spec.cause.tool],
    ['ann', true, 'kubectl'],
  );
  assert.deepEqual(
    [spec.from?.fingerprint, spec.from?.verified, spec.to.fingerprint],
    [fp('a'), true, fp('b')],
  );
  assert.deepEqual(spec.diff, [{ path: 'containers[app].image', from: 'web:a', to: 'web:b' }]);
  assert.equal(spec.operation, 'Update');
});

test('a change that admission missed is found by comparing it with the last observed template', () => {
  const managedFields = [
    { manager: 'kube-controller-manager', time: '3' },
    { manager: 'argocd-controller', time: '2' },
    { manager: 'kubectl', time: '1' },
  ];
  const spec = find(aDeployment({ tag: 'b', metadata: { managedFields } }));
  assert.equal(spec?.detectedBy, 'Watch');
  assert.deepEqual([spec.actor.user, spec.actor.stamped, spec.cause.tool], ['', false, 'Argo CD']);
  assert.equal(spec.from?.fingerprint, fp('a'));
});

test('an unhealthy rollback target is not verified', () => {
  const verified = (ready: number): boolean | undefined =>
    find(aDeployment({ tag: 'b' }), { revisions: [aReplicaSet('a', 10, { ready })] })?.from
      ?.verified;
  // One of ten may be away at any time by the owner's own maxUnavailable.
  assert.deepEqual([10, 9, 8, 0].map(verified), [true, true, false, false]);
});

test('a revision that was itself still replacing another is not verified', () => {
  const held = aHeldDeployment('b', { tag: 'c' });
  const from = (others: number) =>
    find(held, {
      revisions: [aReplicaSet('a', others), aReplicaSet('b', 1)],
      lastObserved: seen('b'),
    })?.from;
  assert.deepEqual([from(9)?.fingerprint, from(9)?.verified], [fp('b'), false]);
  assert.equal(from(0)?.verified, true);
});

test('a template that changed while no policy matched is the rollback target, not the last record', () => {
  const spec = (before: string, ready = 10) =>
    find(aHeldDeployment(before, { tag: 'f' }), {
      last: last('Success'),
      lastObserved: seen(before),
      revisions: [aReplicaSet(before, 10, { ready })],
    })?.from;
  assert.deepEqual([spec('e')?.fingerprint, spec('e')?.verified], [fp('e'), true]);
  assert.equal(spec('e', 3)?.verified, false);
  assert.deepEqual([spec('b')?.fingerprint, spec('b')?.verified], [fp('b'), true]);
  assert.deepEqual([spec('a')?.fingerprint, spec('a')?.verified], [fp('a'), true]);
});

test('applying a revision verified earlier is a revert and is not held', () => {
  const spec = (deployment: Deployment) =>
    find(deployment, {
      last: last('Success'),
      lastObserved: seen('b'),
      isVerified: (is) => is === fp('a'),
      isRevert: () => fingerprint(deployment.spec.template) === fp('a'),
    });
  assert.equal(spec(aDeployment({ tag: 'a' }))?.operation, 'Revert');
  assert.equal(spec(aDeployment({ tag: 'c' }))?.operation, 'Update');
  assert.equal(spec(aHeldDeployment('b', { tag: 'a' }))?.operation, 'Revert');
});

test('a revert found late replaces the revision of the last record', () => {
  const replaced: unknown[] = [];
  const spec = find(aDeployment({ tag: 'a' }), {
    last: last('Success'),
    lastObserved: seen('a'),
    revisions: [aReplicaSet('b', 10)],
    isRevert: (running) => replaced.push(fingerprint(running)) > 0,
  });
  assert.equal(spec?.operation, 'Revert');
  assert.deepEqual(replaced, [fp('b')]);
});

test('only a revision that has been healthy for a while when it is found is PreExisting', () => {
  const created = (ms: number, ready = 10) => madeAgo(ms, aReplicaSet('c', 10, { ready }));
  const progress = (lastUpdateTime: string) => ({
    conditions: [{ type: 'Progressing', reason: 'NewReplicaSetAvailable', lastUpdateTime }],
  });
  let status = progress('2020-01-01T00:00:00Z');
  const operation = (...revisions: ReplicaSet[]) =>
    find(aDeployment({ tag: 'c', status }), {
      last: last('Success'),
      lastObserved: seen('c'),
      revisions,
    })?.operation;
  const b = aReplicaSet('b', 0);
  assert.equal(operation(created(600_000), b), 'PreExisting');
  assert.equal(operation(created(599_000), b), 'Update', 'young');
  assert.equal(
    operation(created(600_000, 5), b),
    'PreExisting',
    'half of its pods temporarily unready',
  );
  assert.equal(operation(created(600_000, 4), b), 'Update', 'unhealthy');
  assert.equal(
    operation(created(600_000), aReplicaSet('b', 1)),
    'Update',
    'with another revision running',
  );
  status = progress(new Date(NOW - 60_000).toISOString());
  assert.equal(operation(created(6_000_000), b), 'Update', 'an old ReplicaSet, reused');
});

test('without a change, no record is created', () => {
  assert.equal(find(aDeployment()), undefined);
  assert.equal(find(aDeployment({ spec: { replicas: 3 } })), undefined);
});

test('a rollout that was in progress before the operator started is held late', () => {
  const status = { conditions: [{ type: 'Progressing', reason: 'ReplicaSetUpdated' }] };
  const revisions = [aReplicaSet('a', 7), aReplicaSet('b', 4)];
  const spec = find(aDeployment({ tag: 'b', status }), { revisions, lastObserved: seen('b') });
  assert.deepEqual([spec?.from?.fingerprint, spec?.from?.verified], [fp('a'), true]);
  const done = { conditions: [{ type: 'Progressing', reason: 'NewReplicaSetAvailable' }] };
  assert.equal(
    find(aDeployment({ tag: 'b', status: done }), { revisions, lastObserved: seen('b') }),
    undefined,
  );
});

test('a new workload is a change without a rollback target', () => {
  const spec = find(aDeployment(), { revisions: [], lastObserved: undefined });
  assert.deepEqual(
    [spec?.operation, spec?.from, spec?.cause.action],
    ['Create', undefined, 'Create'],
  );
});

test('an object of the same name is another object', () => {
  const gone = last('Success');
  const spec = find(aDeployment({ tag: 'b', metadata: { uid: 'd-2' } }), {
    last: gone,
    revisions: [],
    lastObserved: undefined,
  });
  assert.equal(spec?.operation, 'Create');
  assert.equal(spec.target.uid, 'd-2');
});

test('a held change without a record is recorded again', () => {
  assert.equal(
    find(aHeldDeployment('a', { tag: 'b' }), { lastObserved: seen('b') })?.from?.fingerprint,
    fp('a'),
  );
  const reverted = { ...aHeldDeployment('a', { tag: 'b' }) };
  const back = find({ ...reverted, spec: { ...reverted.spec, template: aTemplate('a') } });
  assert.equal(back, undefined, 'what the annotation protects runs: nothing is held');
});

const b = aDeployment({ tag: 'b' });
const known: readonly (readonly [string, ChangeWorkload, Deployment, boolean])[] = [
  ['in flight, its own revision', aChange(), b, true],
  ['in flight, the previous revision', aChange(), aDeployment(), true],
  ['in flight, a third revision', aChange(), aDeployment({ tag: 'c' }), false],
  ['Success, its own revision', last('Success'), b, true],
  ['Success, the previous revision', last('Success'), aDeployment(), false],
  ['RolledBack, the previous revision', last('RolledBack'), aDeployment(), true],
  ['RolledBack, the quarantined revision again', last('RolledBack'), b, false],
  ['an incomplete rollback', last('Failed', { reason: 'RollbackIncomplete' }), aDeployment(), true],
  ['Failed, its own revision', last('Failed'), b, true],
  ['Superseded, the previous revision', last('Superseded'), aDeployment(), true],
  [
    'Superseded, observed only, an unverified previous revision',
    {
      ...last('Superseded', {}, false),
      spec: { ...last('Superseded', {}, false).spec, operation: 'Revert' },
    },
    aDeployment(),
    false,
  ],
  ['Superseded, its own revision again', last('Superseded'), b, false],
  [
    'Superseded, its own revision, held',
    last('Superseded'),
    aHeldDeployment('a', { tag: 'b' }),
    false,
  ],
  [
    'Success, with a leftover hold of another change',
    last('Success'),
    aHeldDeployment('a', { tag: 'b' }),
    false,
  ],
  [
    'Success, all pods released, its annotation still there',
    last('Success'),
    aHeldDeployment('a', { tag: 'b' }, aCap('a', 'b', 10)),
    true,
  ],
];

for (const [what, newest, deployment, isKnown] of known) {
  test(`after a change, ${what} is ${isKnown ? 'known' : 'a new change'}`, () => {
    const spec = find(deployment, { last: newest });
    assert.equal(spec === undefined, isKnown);
    if (spec !== undefined) assert.equal(spec.sequence, newest.spec.sequence + 1);
  });
}

test('a rollback altered by another plug-in is not a new change, although its hash is held', () => {
  const revisions = [aReplicaSet('a', 10), aReplicaSet('b', 0), aReplicaSet('c', 0)];
  const altered = aHeldDeployment('a', { tag: 'c' });
  const restored = last('RolledBack', { restoredFingerprint: fp('c') });
  assert.equal(find(altered, { revisions, last: restored }), undefined);
  assert.ok(find(altered, { revisions, last: last('RolledBack') }));
});

test('a change that supersedes another keeps its verified rollback target, with or without its record', () => {
  for (const newest of [
    aChange(),
    last('Superseded'),
    last('Failed'),
    last('Success', { verdict: 'None' }),
  ]) {
    const spec = find(aDeployment({ tag: 'c' }), { last: newest, lastObserved: seen('b') });
    assert.deepEqual([spec?.from?.fingerprint, spec?.from?.verified], [fp('a'), true]);
  }
});

test('after a verified change, its revision is the rollback target, from its pods or from memory', () => {
  for (const revisions of [[aReplicaSet('b', 10)], []]) {
    const spec = find(aDeployment({ tag: 'c' }), {
      last: last('Success'),
      revisions,
      lastObserved: seen('b'),
    });
    assert.deepEqual([spec?.from?.fingerprint, spec?.from?.verified], [fp('b'), true]);
    assert.deepEqual(spec?.from?.content, { '/spec/template': aTemplate('b') });
  }
});

const restarted = (tag: string): Template =>
  aTemplate(tag, {
    labels: { app: 'web' },
    annotations: { 'kubectl.kubernetes.io/restartedAt': 'x' },
  });

test('a restart is recorded as a restart', () => {
  assert.equal(find(aDeployment({ template: restarted('a') }))?.cause.action, 'Restart');
});

test('a restart during a change is recorded as a restart, whatever was observed before', () => {
  const action = (template: Template, before: LastObserved | undefined, change: ChangeWorkload) =>
    find(aHeldDeployment('a', { template }), { lastObserved: before, last: change })?.cause.action;
  for (const before of [seen('b'), undefined]) {
    assert.equal(action(restarted('b'), before, last('Running')), 'Restart');
    assert.equal(action(restarted('b'), before, last('Superseded')), 'Restart');
    assert.equal(action(restarted('c'), before, last('Running')), 'Update');
  }
  // What was rolled back is not restarted by who applies it again.
  assert.equal(action(restarted('b'), seen('a'), last('RolledBack')), 'Update');
});

test('the undo of a restart is recorded as an undo', () => {
  const before = restarted('b');
  const revisions = [
    madeAgo(60_000, aReplicaSet('b2', 10, { template: before })),
    madeAgo(120_000, aReplicaSet('b', 0)),
  ];
  const spec = find(aDeployment({ tag: 'b' }), {
    revisions,
    lastObserved: { fingerprint: fingerprint(before), template: before },
  });
  assert.equal(spec?.cause.action, 'Undo');
});

test('applying an earlier revision is recorded as an undo', () => {
  const action = (...revisions: readonly ReplicaSet[]) =>
    find(aDeployment({ tag: 'b' }), { revisions })?.cause.action;
  const [a, b] = [aReplicaSet('a', 10), aReplicaSet('b', 0)];
  assert.equal(action(madeAgo(60_000, a), madeAgo(120_000, b)), 'Undo');
  assert.equal(action(madeAgo(120_000, a), madeAgo(60_000, b)), 'Update');
  assert.equal(action(madeAgo(60_000, a)), 'Update');
});

test('a change is recorded with its user and tool', () => {
  const actor = { user: 'ann', uid: '7', groups: ['dev', 'web'], fieldManager: 'helm' };
  const made = (manager: string) => {
    const user = { name: actor.user, uid: actor.uid, groups: actor.groups };
    const object = aDeployment({ tag: 'b' });
    const request = aRequest(object, aDeployment(), { user, fieldManager: manager });
    const review = mutateWorkload(request, aContext());
    assert.ok(review.allowed);
    return find(applyPatch(object, review.patch));
  };
  assert.deepEqual(made('helm')?.actor, { ...actor, stamped: true });
  const managers = {
    ...{ kubectl: 'kubectl', 'kubectl-edit': 'kubectl', helm: 'Helm', Terraform: 'Terraform' },
    ...{ 'argocd-controller': 'Argo CD', 'argocd-application-controller': 'Argo CD' },
    ...{ 'kustomize-controller': 'Flux', 'helm-controller': 'Flux' },
    ...{ 'pulumi-kubernetes-1234': 'Pulumi', 'my-deployer': 'my-deployer' },
  };
  for (const [manager, tool] of Object.entries(managers)) {
    assert.equal(made(manager)?.cause.tool, tool, manager);
  }
});

test('a rollout is in progress only while its controller reports it, unpaused, with two revisions', () => {
  const is = (
    parts: { reason?: string; paused?: boolean; revisions?: readonly ReplicaSet[] } = {},
  ): boolean => {
    const { reason = 'ReplicaSetUpdated', paused = false } = parts;
    const revisions = parts.revisions ?? [aReplicaSet('a', 7), aReplicaSet('b', 4)];
    const status = reason === '' ? {} : { conditions: [{ type: 'Progressing', reason }] };
    const spec = { paused };
    const deployment = aDeployment({ tag: 'b', status, spec });
    return find(deployment, { revisions, lastObserved: seen('b') }) !== undefined;
  };
  assert.equal(is(), true);
  assert.equal(is({ reason: '' }), false, 'd17');
  assert.equal(is({ paused: true }), false, 'd19');
  assert.equal(is({ revisions: [aReplicaSet('b', 10)] }), false, 'd20');
  assert.equal(is({ revisions: [aReplicaSet('a', 0), aReplicaSet('b', 10)] }), false, 'd21');
});

test('a workload without pods is never PreExisting', () => {
  const spec = find(aDeployment({ tag: 'c', spec: { replicas: 0 } }), {
    last: last('Success'),
    lastObserved: seen('c'),
    revisions: [aReplicaSet('b', 0), aReplicaSet('c', 0)],
  });
  assert.equal(spec?.operation, 'Update');
});

test('a verified revision whose template is lost is skipped for an older one', () => {
  const spec = find(aHeldDeployment('b', { tag: 'c' }), {
    last: last('Failed'),
    lastObserved: seen('c'),
    revisions: [aReplicaSet('a', 0)],
    isVerified: (is) => is === fp('b'),
  });
  assert.equal(spec?.from?.fingerprint, fp('a'));
});

test('a change that superseded a revert keeps the revision that the revert came from', () => {
  const revert = aChange({
    spec: { operation: 'Revert' },
    status: { phase: 'Superseded', reason: 'Superseded', message: '', verdict: 'Pending' },
  });
  const spec = find(aHeldDeployment('a', { tag: 'c' }), { last: revert, lastObserved: seen('a') });
  assert.deepEqual([spec?.from?.fingerprint, spec?.from?.verified], [fp('a'), true]);
});

test('a held change came from the revision in its hold, whatever was observed last', () => {
  const spec = find(aHeldDeployment('e', { tag: 'f' }), {
    last: last('Success'),
    lastObserved: seen('f'),
    revisions: [aReplicaSet('e', 10)],
  });
  assert.deepEqual([spec?.from?.fingerprint, spec?.from?.verified], [fp('e'), true]);
});

test('a revision applied again during an observed-only change is a new change, unless it was verified', () => {
  const isKnown = (verified: boolean, operation: 'Revert' | 'Update'): boolean =>
    find(aDeployment(), {
      last: aChange({ verified, spec: { operation } }),
      lastObserved: seen('b'),
    }) === undefined;
  assert.deepEqual([isKnown(true, 'Revert'), isKnown(false, 'Revert')], [true, false]);
  assert.deepEqual([isKnown(true, 'Update'), isKnown(false, 'Update')], [true, true]);
});

test('how a change is released is recorded with the reason why it is not enforced, or not held', () => {
  const released = (parts: Parts = {}) => find(aDeployment({ tag: 'b' }), parts)?.release;
  assert.deepEqual(released(), { strategy: 'Batch', enforced: true });
  const rolling = { policy: aPolicy({ release: { strategy: 'Rolling' } }) };
  assert.deepEqual(released(rolling), { strategy: 'Rolling', enforced: true });
  const audit = released({ policy: aPolicy({ mode: 'Audit' }) });
  assert.deepEqual([audit?.enforced, audit?.reason], [false, 'the policy only audits changes']);
  const isNew = released({ lastObserved: undefined, revisions: [aReplicaSet('b', 10)] });
  assert.deepEqual(isNew, {
    ...{ strategy: 'Batch', enforced: false },
    reason: 'a new workload has no revision to roll back to',
  });
});

test('a workload that cannot be released in batches is checked while it rolls out', () => {
  const unsupported = 'its update strategy is OnDelete: users delete the pods';
  const deployment = aDeployment({ tag: 'b' });
  const revisions = [aReplicaSet('a', 10), aReplicaSet('b', 0)];
  const view = { ...viewDeployment(deployment, revisions, signing), unsupported };
  assert.deepEqual(find(deployment, { view })?.release, {
    ...{ strategy: 'Rolling', enforced: true },
    reason: unsupported,
  });
});
