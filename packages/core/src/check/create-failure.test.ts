// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { CreateFailure } from './pod-view.ts';
import {
  aDeployment,
  aPolicy,
  aReplicaSet,
  NOW,
  pods,
  signing,
} from '@altershield/testing/builders';
import { viewDeployment } from '../workload/deployment/observe.ts';
import { createFailureKind, createFailures, type CreateFailureKind } from './create-failure.ts';
import { judgePods, type PodHealthInput } from './pod-health.ts';

const POD = 'pods "web-5d4f-" is forbidden';

const TEXTS: readonly (readonly [CreateFailureKind, string])[] = [
  ['Forbidden', `${POD}: violates PodSecurity "baseline:latest": host namespaces (hostNetwork)`],
  ['Forbidden', `${POD}: [maximum cpu usage per Container is 1, but limit is 2]`],
  ['Forbidden', `${POD}: failed quota: compute: must specify limits.cpu for: app`],
  ['Forbidden', 'admission webhook "validate.kyverno.svc-fail" denied the request: no :latest'],
  [
    'Forbidden',
    `${POD}: ValidatingAdmissionPolicy 'team' with binding 'team' denied request: needs a team`,
  ],
  ['Forbidden', 'Pod "web-5d4f-x" is invalid: spec.containers[0].image: Required value'],
  ['Quota', `${POD}: exceeded quota: pods, requested: pods=1, used: pods=10, limited: pods=10`],
  ['Quota', `${POD}: insufficient quota to match these scopes: [{PriorityClass In [high]}]`],
  ['Missing', `${POD}: error looking up service account shop/web: serviceaccount "web" not found`],
  ['Missing', `${POD}: no PriorityClass with name high was found`],
  ['Missing', `${POD}: pod rejected: RuntimeClass "gvisor" not found`],
  ['Transient', `${POD}: not yet ready to handle request`],
  ['Transient', `${POD}: status unknown for quota: pods, resources: pods`],
  ['Transient', 'pods is forbidden: User "system:serviceaccount:kube-system:replicaset-control"'],
  [
    'Transient',
    'Internal error occurred: failed calling webhook "validate.kyverno.svc-fail": failed to call webhook: Post "https://kyverno.svc": dial tcp: connection refused',
  ],
  ['Transient', 'etcdserver: request timed out'],
  [
    'Transient',
    'Failed to create new replica set "web-5d4f": admission webhook "release.altershield.io" denied the request',
  ],
  [
    'Transient',
    `replicasets.apps "web-5d4f" is forbidden: policy 'altershield-release' with binding 'altershield-release' denied request: no such key`,
  ],
];

for (const [kind, text] of TEXTS) {
  test(`${kind} is recognized in: ${text}`, () => {
    assert.equal(createFailureKind(text), kind);
  });
}

const textOf = (kind: CreateFailureKind): string => TEXTS.find(([k]) => k === kind)?.[1] ?? '';

const failure = (kind: CreateFailureKind, since = NOW - 1000): CreateFailure => ({
  ...{ reason: 'FailedCreate', message: textOf(kind) },
  since,
});

/** One of two pods is there and ready; the batch was released this second. */
const judge = (parts: Partial<PodHealthInput>) =>
  judgePods({
    ...{ updated: pods('new', 1), stable: pods('old', 9), target: 2 },
    settings: aPolicy().spec.checks.podHealth,
    ...{ readyDeadlineSeconds: 600, soakSeconds: 10, releasedAt: NOW - 1000, mayReleaseMore: true },
    ...{ now: NOW, currentAsOf: NOW },
    ...parts,
  });

test('pods that are forbidden fail the batch at once, with the text of the server', () => {
  const { result } = judge({ createFailure: failure('Forbidden') });
  assert.equal(result.verdict, 'Fail');
  assert.equal(
    result.message,
    `1 of 2 updated pods are ready; the others cannot be created: ${textOf('Forbidden')}`,
  );
  assert.deepEqual(result.evidence, [{ reason: 'FailedCreate', message: textOf('Forbidden') }]);
});

test('an exceeded quota is inconclusive at once, and only while the condition exists', () => {
  const { result } = judge({ createFailure: failure('Quota') });
  assert.deepEqual([result.verdict, result.reason], ['Inconclusive', 'QuotaExceeded']);
  assert.match(result.message, /exceeded quota: pods, requested: pods=1/);
  assert.equal(result.evidence[0]?.message, textOf('Quota'));
  assert.equal(judge({}).result.verdict, 'Pending');
  const complete = { updated: pods('new', 2), createFailure: failure('Quota') };
  assert.equal(judge(complete).result.verdict, 'Pass', 'no pod of the batch is missing');
});

test('a quota that stable pods may free is tolerated until the ready deadline', () => {
  const wait = { createFailure: failure('Quota'), mayFreeQuota: true };
  const { result } = judge(wait);
  assert.deepEqual([result.verdict, result.reason], ['Pending', 'AwaitingReady']);
  assert.match(result.message, /the others cannot be created: .*exceeded quota/);
  const late = judge({ ...wait, readyDeadlineSeconds: 0 }).result;
  assert.deepEqual([late.verdict, late.reason], ['Inconclusive', 'ReadyDeadlineExceeded']);
});

test('a missing object is tolerated for a minute', () => {
  const missing = (since: number) => ({ createFailure: failure('Missing', since) });
  const young = judge(missing(NOW - 59_999));
  assert.deepEqual([young.result.verdict, young.dueAt], ['Pending', NOW + 1]);
  assert.match(young.result.message, /serviceaccount "web" not found/);
  assert.equal(judge(missing(NOW - 60_000)).result.verdict, 'Fail');
  const needsPodListing = judge({ ...missing(NOW - 60_000), currentAsOf: NOW - 1 });
  assert.deepEqual(
    [needsPodListing.result.verdict, needsPodListing.needsPodListing],
    ['Pending', true],
  );
});

test('a temporary error is tolerated, and reported when it lasts too long', () => {
  const createFailure = failure('Transient');
  const { result, dueAt } = judge({ createFailure });
  assert.deepEqual([result.verdict, dueAt], ['Pending', NOW + 599_000]);
  assert.match(result.message, /not yet ready to handle request/);
  const late = judge({ createFailure, readyDeadlineSeconds: 0 }).result;
  assert.equal(late.reason, 'ReadyDeadlineExceeded');
  assert.match(late.message, /not created within 0 s: .*not yet ready to handle request/);
  assert.equal(late.evidence[0]?.reason, 'FailedCreate');
});

test('a failure that stable pods share is not blamed on the change', () => {
  const shared = { createFailure: failure('Forbidden'), stableCreateFailure: failure('Forbidden') };
  const { result } = judge(shared);
  assert.equal(result.verdict, 'Inconclusive');
  assert.match(result.message, /; stable pods cannot be created either$/);
  const full = { ...shared, stableCreateFailure: failure('Quota') };
  assert.equal(judge(full).result.verdict, 'Fail', 'a full namespace excuses no template');
});

test('a failure that a user accepted no longer decides', () => {
  for (const kind of ['Forbidden', 'Quota'] as const) {
    const accepted = { createFailure: failure(kind, NOW - 2000), overriddenBefore: NOW - 1000 };
    assert.equal(judge(accepted).result.verdict, 'Pending', kind);
  }
});

test('a failed pod takes precedence over one that cannot be created', () => {
  const podFailing = {
    kind: 'Crash',
    reason: 'CrashLoopBackOff',
    message: '',
    container: 'app',
  } as const;
  const updated = pods('new', 1, { ready: false, failure: podFailing });
  const { result } = judge({ updated, createFailure: failure('Quota') });
  assert.equal(result.reason, 'CrashLoopBackOff');
});

test('a long server message is truncated in the message and in the evidence', () => {
  const message = `${textOf('Forbidden')}${'x'.repeat(5000)}`;
  const { result } = judge({ createFailure: { ...failure('Forbidden'), message } });
  assert.ok(result.message.length <= 1024);
  assert.equal(result.evidence[0]?.message?.length, 512);
});

const time = (ms: number): string => new Date(ms).toISOString();

const failing = (tag: string, condition: Readonly<Record<string, string>> = {}) => {
  const set = aReplicaSet(tag, 3);
  const conditions = [
    {
      ...{ type: 'ReplicaFailure', status: 'True', reason: 'FailedCreate', message: tag },
      ...{ lastTransitionTime: time(NOW), ...condition },
    },
  ];
  return { ...set, status: { ...set.status, conditions } };
};

const fingerprintOf = (tag: string): string =>
  signing.fingerprintOf(aReplicaSet(tag, 1).spec.template ?? {});

const found = (
  sets: Parameters<typeof viewDeployment>[1],
  status: Parameters<typeof aDeployment>[0] = {},
) => {
  const revision = (tag: string) => ({
    fingerprint: fingerprintOf(tag),
    quarantineKey: '',
    images: [],
  });
  const change = {
    ...{ to: revision('b'), from: { ...revision('a'), verified: true } },
    detectedAt: time(NOW + 400),
  };
  const { createFailure, stableCreateFailure } = createFailures(
    change,
    viewDeployment(aDeployment(status), sets, signing),
  );
  return [createFailure?.message, stableCreateFailure?.message];
};

test('a failure is read from the condition of the ReplicaSet that has it', () => {
  assert.deepEqual(found([aReplicaSet('a', 3), failing('b')]), ['b', undefined]);
  assert.deepEqual(found([failing('a'), failing('b')]), ['b', 'a']);
  assert.deepEqual(found([failing('c')]), [undefined, undefined]);
  assert.deepEqual(found([failing('b', { status: 'False' })]), [undefined, undefined]);
  assert.deepEqual(found([failing('b', { reason: 'FailedDelete' })]), [undefined, undefined]);
});

test('a ReplicaSet that cannot be created is read from the Deployment’s condition, if it belongs to this change', () => {
  const deployment = (at: number, parts: Readonly<Record<string, string>> = {}) => ({
    status: {
      conditions: [
        {
          ...{ type: 'Progressing', status: 'False', reason: 'ReplicaSetCreateError' },
          ...{ message: 'denied', lastUpdateTime: time(at), ...parts },
        },
      ],
    },
  });
  assert.deepEqual(found([], deployment(NOW)), ['denied', undefined]);
  assert.deepEqual(found([], deployment(NOW - 1000)), [undefined, undefined], 'of before');
  assert.deepEqual(found([aReplicaSet('b', 1)], deployment(NOW)), [undefined, undefined]);
  const progress = deployment(NOW, { status: 'True', reason: 'NewReplicaSetCreated' });
  assert.deepEqual(found([], progress), [undefined, undefined]);
});
