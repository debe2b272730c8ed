// SPDX-License-Identifier: Apache-2.0

import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Deployment } from '@altershield/core';
import type { KubectlResult } from '../cluster/access.ts';
import type { AuditEntry } from '../cluster/audit.ts';
import { sharedCluster, type SharedCluster } from './support/cluster.ts';
import { eventually } from '@altershield/testing/eventually';
import { STORY } from '@altershield/testing/story';
import { altershield, prepareCluster, startOperator } from './support/operator.ts';
import type { OperatorProcess } from './support/operator.ts';
import { imageOf, isActive, waitingReason, type Pod } from './support/pods.ts';
import { ACTOR, RELEASE, activeOf, anApp, isSound, mostBefore, type App } from './support/story.ts';
import { stopAll } from './support/stop-all.ts';

const OPERATOR_USER = 'system:serviceaccount:altershield-system:altershield';
const GITOPS_USER = 'system:serviceaccount:flux-system:kustomize-controller';
const START = `checkout:${STORY.start}`;
const GOOD = `checkout:${STORY.goodChange.tag}`;
const BAD = `checkout:${STORY.badChange.tag}`;
const NEXT = `checkout:${STORY.nextChange.tag}`;
/** maxUnavailable of 10 replicas by default: 25 %, rounded down. */
const UNAVAILABLE = 2;

let cluster: SharedCluster;
let operator: OperatorProcess;
let app: App;
let before1: Deployment['spec'];

before(async () => {
  cluster = await sharedCluster();
  await prepareCluster(cluster);
  operator = await startOperator(cluster);
  const policy = { release: { batches: [1, '30%', '100%'], soakSeconds: 2 } };
  app = await anApp(cluster, { replicas: 10, image: START, policy });
  before1 = (await app.get()).spec;
});

after(() =>
  stopAll(
    () => app.close(),
    () => operator.stop(),
    () => cluster.stop(),
  ),
);

describe('a good change', () => {
  let since: number;
  let began: Date;

  before(async () => {
    since = performance.now();
    began = new Date();
    const { code, stderr } = await cluster.kubectl(
      ['set', 'image', 'deploy/checkout', `app=${GOOD}`, '-n', app.namespace],
      { user: 'developer' },
    );
    assert.equal(code, 0, stderr);
    assert.match(stderr, /AlterShield holds this change/);
  });

  test('is released in three batches and ends verified', async () => {
    const change = await app.until(GOOD, 'Success', 90_000);
    assert.deepEqual(
      [change.status?.reason, change.status?.verdict, change.spec.detectedBy],
      ['Verified', 'Pass', 'Admission'],
    );
    const batches = (await app.batches()).map(({ spec, status }) => [
      spec.targetUnits,
      status?.verdict,
    ]);
    assert.deepEqual(batches, [
      [1, 'Pass'],
      [3, 'Pass'],
      [10, 'Pass'],
    ]);
  });

  test('never has more updated pods than its batch, nor fewer ready pods than the user allows', async () => {
    const { timeline } = app;
    const [, second, third] = await app.batches();
    // A batch is recorded before its first pod is released, so until then the former one bounds.
    const most = (until: string | undefined): number =>
      mostBefore(app.timeline, GOOD, Date.parse(until ?? ''));
    assert.equal(most(second?.spec.releasedAt), 1);
    assert.equal(most(third?.spec.releasedAt), 3);
    assert.equal(timeline.maxNew(GOOD), 10);
    assert.equal(timeline.everCreated(GOOD), 10);
    assert.ok(timeline.minReady(since) >= 10 - UNAVAILABLE, `${timeline.minReady(since)} ready`);
    assert.equal(app.pods.gaps, 0);
  });

  test('never changes a field of the user, and leaves one annotation at the end', async () => {
    await app.assertAtRest(before1, (await app.get()).spec.template);
    app.deployment.assertSpecKept(before1);
    assert.deepEqual(app.deployment.annotations(), [ACTOR, RELEASE]);
  });

  test('costs no more API writes than the budget', async () => {
    await sleep(1000);
    // Two for each of three batches and one at the end; with the records, four more than four a batch.
    await assertBudget('a good change', began, { workload: 7, all: 16 });
  });
});

describe('a bad change', () => {
  let evidenceAt = 0;
  let began: Date;
  let good: Deployment['spec'];
  let waiting: Promise<KubectlResult>;

  before(async () => {
    good = (await app.get()).spec;
    began = new Date();
    await app.setImage(BAD, STORY.badChange.user);
    waiting = cluster.kubectl(['rollout', 'status', 'deploy/checkout', '-n', app.namespace]);
  });

  test('is released to one pod, fails its check and is rolled back in less than five seconds', async (t) => {
    await app.untilOut(BAD, 1);
    await app.pods.until(
      'no bad pod',
      ({ pods, events }) => events.length > 0 && activeOf(pods, BAD) === 0,
    );
    const shown = app.timeline.first((pod) => waitingReason(pod) === 'ImagePullBackOff');
    evidenceAt = shown?.at ?? NaN;
    const isGone = (pod: Pod): boolean => imageOf(pod) === BAD && !isActive(pod);
    const gone = app.timeline.first(
      (pod, { type }) => isGone(pod) || type === 'DELETED',
      evidenceAt,
    );
    const goneAt = gone?.at ?? NaN;
    const ms = Math.round(goneAt - evidenceAt);
    t.diagnostic(`from the evidence to no bad pod left: ${ms} ms`);
    assert.ok(ms < 5000, `${ms} ms`);
    await app.until(BAD, 'RolledBack');
    assert.equal(app.timeline.everCreated(BAD), 1);
  });

  test('never removes a ready pod', () => {
    assert.ok(app.timeline.minReady(evidenceAt - 10_000) >= 10 - UNAVAILABLE);
  });

  test('makes a waiting kubectl rollout status fail, and the condition says why', async () => {
    const { code, stderr } = await waiting;
    assert.equal(code, 1);
    assert.match(stderr, /deployment "checkout" exceeded its progress deadline/);
    const failed = app.deployment.states.flatMap(({ deployment: { status } }) =>
      (status?.conditions ?? []).filter(({ reason }) => reason === 'ProgressDeadlineExceeded'),
    );
    assert.match(failed[0]?.message ?? '', /^AlterShield rolls this revision back: .*ImagePull/);
    const { status } = await app.get();
    assert.ok(status?.conditions?.every((one) => one.status === 'True'));
  });

  test('is recorded with user, diff and evidence', async () => {
    const change = await app.until(BAD, 'RolledBack');
    const { actor, diff, cause } = change.spec;
    assert.deepEqual([actor.user, actor.stamped], [GITOPS_USER, true]);
    assert.equal(cause.tool, 'kubectl');
    assert.deepEqual(diff, [{ path: 'containers[app].image', from: GOOD, to: BAD }]);
    const [batch] = (await app.batches()).filter(({ spec }) =>
      spec.change.name.endsWith(`-${change.spec.sequence}`),
    );
    const [check] = batch?.status?.checks ?? [];
    assert.equal(check?.verdict, 'Fail');
    assert.equal(check.evidence[0]?.reason, 'ImagePullBackOff');
    assert.match(check.evidence[0].message ?? '', new RegExp(`Back-off pulling image "${BAD}"`));
    assert.ok(change.status?.quarantine);
  });

  test('leaves the Deployment as it was before', async () => {
    await app.assertAtRest(good);
    app.deployment.assertSpecKept(before1);
  });

  test('is shown by events of the Deployment, by kubectl get and by altershield why', async (t) => {
    const described = await eventually(
      async () => {
        const { stdout } = await cluster.kubectl(
          ['describe', 'deploy', 'checkout', '-n', app.namespace],
          { user: 'developer' },
        );
        assert.match(stdout, /ChangeRolledBack/);
        return stdout;
      },
      { what: 'the event of the rollback' },
    );
    t.diagnostic(described.slice(described.indexOf('Events:')));
    for (const reason of ['ChangeStarted', 'ChangeSucceeded', 'ChangeRollingBack']) {
      assert.match(described, new RegExp(`${reason}.*altershield`));
    }
    // kubectl knows for hours what kinds there were when it last looked: look again.
    await cluster.kubectl(['api-resources'], { user: 'developer' });
    const { stdout, stderr } = await cluster.kubectl(['get', 'changes', '-n', app.namespace], {
      user: 'developer',
    });
    t.diagnostic(stdout + stderr);
    assert.match(stdout, /checkout-\d+ +Deployment +RolledBack +Fail/);
    const why = await altershield(cluster, ['why', 'deploy/checkout', '-n', app.namespace]);
    t.diagnostic(why.stdout);
    assert.equal(why.code, 0, why.stderr);
    assert.match(why.stdout, /ImagePullBackOff/);
    assert.match(why.stdout, /kustomize-controller/);
  });

  test('costs no more API writes than the budget', async () => {
    // Two for its batch and four for the rollback: one of them is for the tools that wait for it.
    await assertBudget('a bad change', began, { workload: 6, all: 11 });
  });
});

describe('the quarantined revision', () => {
  test('is denied to the GitOps controller for a minute, with the reason, and no bad pod appears', async (t) => {
    const since = performance.now();
    const created = app.timeline.everCreated(BAD);
    let denials = 0;
    while (performance.now() - since < 60_000) {
      const answer = await cluster.kubectl(
        [
          'apply',
          '--server-side',
          '--force-conflicts',
          '--field-manager=kustomize-controller',
        ].concat(['-f', '-']),
        { user: 'gitops', input: JSON.stringify(badManifest(app.namespace)) },
      );
      assert.equal(answer.code, 1, answer.stdout);
      assert.match(answer.stderr, /AlterShield denies this revision of Deployment/);
      assert.match(answer.stderr, /ImagePullBackOff/);
      if (denials === 0) t.diagnostic(answer.stderr);
      denials += 1;
      await sleep(2000);
    }
    assert.equal(app.timeline.everCreated(BAD), created);
    assert.equal(app.timeline.minReady(since), 10);
    t.diagnostic(`${denials} denials`);
    const denied = await eventually(
      async () => {
        const { status } = await app.until(BAD, 'RolledBack');
        assert.equal(status?.deniedAttempts?.count, denials);
        return status.deniedAttempts;
      },
      { what: 'the ledger of denials' },
    );
    assert.equal(denied.lastUser, GITOPS_USER);
  });

  test('is replaced by the next good commit', async () => {
    await app.setImage(NEXT, STORY.nextChange.user);
    const change = await app.until(NEXT, 'Success', 90_000);
    assert.equal(change.spec.actor.user, GITOPS_USER);
    await app.untilReady(NEXT, 10);
    await app.pods.until('what surged to go', ({ pods }) => pods.filter(isSound).length === 10);
  });
});

describe('the operator', () => {
  test('got no Forbidden answer and logged no error', () => {
    assert.doesNotMatch(operator.text, /forbidden/i);
    assert.deepEqual(
      operator.lines.filter(({ level }) => level === 'error'),
      [],
    );
    assert.equal(operator.stderr, '');
  });

  test('was allowed every request', async () => {
    const asked = await cluster.auditWrites({ user: OPERATOR_USER, reads: true });
    assert.deepEqual(
      asked.filter(({ status }) => status === 403 || status === 401),
      [],
    );
  });
});

function badManifest(namespace: string): unknown {
  return {
    apiVersion: 'apps/v1',
    kind: 'Deployment',
    metadata: { name: 'checkout', namespace },
    spec: { template: { spec: { containers: [{ name: 'app', image: BAD }] } } },
  };
}

interface Budget {
  /** To the Deployment and its ReplicaSets. */
  readonly workload: number;
  /** To all objects, records included; Events are counted apart. */
  readonly all: number;
}

async function assertBudget(what: string, since: Date, budget: Budget): Promise<void> {
  const { namespace } = app;
  const all = await cluster.auditWrites({ user: OPERATOR_USER, namespace, since });
  // What a policy matches is counted in its own time, whatever changes.
  // One whose precondition no longer held wrote nothing.
  const isCounted = ({ resource, status }: AuditEntry): boolean =>
    status < 300 && resource !== 'changepolicies' && resource !== 'events';
  const writes = all.filter(isCounted);
  const workload = writes.filter(({ resource }) => /^(deployments|replicasets)$/.test(resource));
  const seen = `${workload.length} writes to the workload, ${writes.length} in all: ${tally(all)}`;
  process.stderr.write(`# ${what}: ${seen}\n`);
  assert.ok(workload.length <= budget.workload, seen);
  assert.ok(writes.length <= budget.all, seen);
}

function tally(writes: readonly AuditEntry[]): string {
  const counts = new Map<string, number>();
  for (const { verb, resource, subresource, status } of writes) {
    const sub = subresource === '' ? '' : `/${subresource}`;
    const key = `${verb} ${resource}${sub} ${status}`;
    counts.set(key, (counts.get(key) ?? 0) + 1);
  }
  return [...counts].map(([key, count]) => `${count} × ${key}`).join(', ');
}
