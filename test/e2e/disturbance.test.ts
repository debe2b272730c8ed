// SPDX-License-Identifier: Apache-2.0

import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import type { ChangeWorkload, Phase } from '@altershield/api';
import type { Cluster } from '../cluster/cluster.ts';
import { ownCluster } from './support/cluster.ts';
import {
  launchOperator,
  prepareCluster,
  startOperator,
  type OperatorProcess,
} from './support/operator.ts';
import { eventually } from '@altershield/testing/eventually';
import {
  ACTOR,
  RELEASE,
  anApp,
  isSound,
  mostBefore,
  untilGuarded,
  type App,
} from './support/story.ts';
import { stopAll } from './support/stop-all.ts';

const POLICY = {
  release: { batches: [2, '100%'], soakSeconds: 2 },
  limits: { rollbacksPerHour: 100 },
};
const REPLICAS = 6;
/** 25 % of 6, rounded down. */
const UNAVAILABLE = 1;

/** After a leader that gives no sign of life any more. */
const LEASE_MS = 15_000;

let cluster: Cluster;
let operator: OperatorProcess;
let app: App;

before(async () => {
  cluster = await ownCluster();
  await prepareCluster(cluster);
  operator = await startOperator(cluster);
  app = await anApp(cluster, { replicas: REPLICAS, policy: POLICY });
});

after(() =>
  stopAll(
    () => app.close(),
    () => operator.stop(),
    () => cluster.stop(),
  ),
);

describe('a change in flight', () => {
  test('continues when the API server is killed and restarted in the middle of a batch', async () => {
    await goodChange('checkout:v2', restartApiServer);
  });

  test('continues when the controller manager is killed and restarted in the middle of a batch', async () => {
    await goodChange('checkout:v3', () => cluster.restartControllerManager({ hard: true }));
  });

  test('that is bad is rolled back although the API server was down when its pod failed', async () => {
    const { spec } = await app.get();
    await app.setImage('checkout:bad-1');
    await untilCounted('checkout:bad-1', 2);
    await restartApiServer();
    await app.until('checkout:bad-1', 'RolledBack', 90_000);
    assert.ok(app.timeline.maxNew('checkout:bad-1') <= 2);
    await app.assertAtRest(spec);
  });
});

describe('two replicas', () => {
  let standby: OperatorProcess;

  before(async () => {
    standby = launchOperator(cluster, { identity: 'replica-1' });
    await standby.said('admission configuration written');
    await untilGuarded(app);
  });

  test('one takes over in the middle of a batch when the leader is killed', async (t) => {
    const killedAt = { ms: 0 };
    await goodChange('checkout:v4', async () => {
      killedAt.ms = performance.now();
      await operator.kill();
    });
    await standby.said('leading');
    assert.ok(killedAt.ms > 0);
    t.diagnostic('the standby led and ended the change');
  });

  test('a leader that gets SIGTERM hands over before its lease expires', async (t) => {
    operator = launchOperator(cluster, { identity: 'replica-2' });
    await operator.said('connected');
    await untilGuarded(app);
    const stopped = performance.now();
    const [took] = await Promise.all([standby.stop(), operator.said('leading')]);
    const ms = Math.round(performance.now() - stopped);
    t.diagnostic(`handed over in ${ms} ms, ended in ${Math.round(took)} ms`);
    assert.ok(ms < LEASE_MS, `${ms} ms`);
    assert.equal(standby.exitCode, 0);
  });
});

describe('two replicas that race for the lease', () => {
  test('lead one at a time, and a change is released once', async () => {
    const racers = ['racer-0', 'racer-1'].map((identity) => launchOperator(cluster, { identity }));
    const leaders = (): OperatorProcess[] =>
      racers.filter(({ lines }) => lines.some(({ msg }) => msg === 'leading'));
    await Promise.all(racers.map((racer) => racer.said('connected')));
    await operator.stop();
    const [leader] = await eventually(() => leaders().length > 0 && leaders());
    assert.ok(leader);
    operator = leader;
    const others = racers.filter((racer) => racer !== leader);
    try {
      await untilGuarded(app);
      await goodChange('checkout:v5', () => Promise.resolve());
      assert.deepEqual([leaders().length, others.every(({ isRunning }) => isRunning)], [1, true]);
    } finally {
      await Promise.all(others.map((other) => other.stop()));
    }
    const changes = (await app.changes()).filter(
      ({ spec }) => spec.to.images?.[0] === 'checkout:v5',
    );
    assert.equal(changes.length, 1);
  });
});

describe('while the operator is dead', () => {
  test('a change is applied without annotations, and is found and held late when the operator restarts', async () => {
    const { spec, metadata } = await app.get();
    await operator.kill();
    const pushed = await app.setImage('checkout:slow-5');
    assert.equal(pushed.metadata.annotations?.[RELEASE], metadata.annotations?.[RELEASE]);
    await app.untilOut('checkout:slow-5', 1);
    operator = await startOperator(cluster, { identity: 'replica-2' });
    const change = await app.until('checkout:slow-5', 'Success', 90_000);
    assertMissed(change);
    await app.assertAtRest(spec, (await app.get()).spec.template);
  });

  test('a bad change is applied, and is rolled back when the operator restarts', async () => {
    await untilGuarded(app);
    const { spec } = await app.get();
    await operator.kill();
    await app.setImage('checkout:bad-6');
    await app.untilOut('checkout:bad-6', 3);
    operator = await startOperator(cluster, { identity: 'replica-2' });
    const change = await app.until('checkout:bad-6', 'RolledBack');
    assertMissed(change);
    await app.assertAtRest(spec);
  });

  test('a quarantined revision is applied, and is rolled back when the operator restarts', async () => {
    const { spec } = await app.get();
    await untilGuarded(app);
    await assert.rejects(app.setImage('checkout:bad-6'), /denies this revision/);
    await operator.kill();
    await app.setImage('checkout:bad-6');
    const change = await foundOnReturn('RolledBack');
    assertMissed(change);
    assert.match(change.status?.message ?? '', /quarantined before/);
    await app.assertAtRest(spec);
  });

  test('an undo restores an outdated actor annotation, which is ignored when the operator restarts', async () => {
    await untilGuarded(app);
    await app.patch({ spec: { minReadySeconds: 1 } });
    const { spec } = await app.get();
    await operator.kill();
    const { annotations = {} } = (await app.revision('checkout:v4')).metadata;
    const revision = `--to-revision=${annotations['deployment.kubernetes.io/revision'] ?? ''}`;
    const undo = ['rollout', 'undo', 'deploy/checkout', '-n', app.namespace, revision];
    const { code, stderr } = await cluster.kubectl(undo, { user: 'developer' });
    assert.equal(code, 0, stderr);
    assert.equal((await app.get()).metadata.annotations?.[ACTOR], annotations[ACTOR]);
    const change = await foundOnReturn('Success');
    assertMissed(change);
    assert.equal(change.spec.operation, 'Revert');
    assert.deepEqual((await app.get()).spec, {
      ...spec,
      template: (await app.get()).spec.template,
    });
  });

  test('a change in flight releases no further pod, and lost pods are replaced', async () => {
    await untilGuarded(app);
    await app.setImage('checkout:v7');
    await untilCounted('checkout:v7', 2);
    await operator.kill();
    const held = await app.release();
    await app.untilReady('checkout:v7', 2);
    const lost = app.timeline.pods.filter((pod) => isSound(pod)).slice(0, 1);
    for (const { metadata } of lost) {
      await cluster.kubectl(['delete', 'pod', metadata.name, '-n', app.namespace]);
    }
    await app.scale(REPLICAS + 2);
    await app.pods.until(
      'eight ready pods',
      ({ pods }) => pods.filter(isSound).length >= REPLICAS + 2,
    );
    assert.equal(await app.release(), held);
    assert.equal(app.timeline.maxNew('checkout:v7'), 2);
    operator = await startOperator(cluster, { identity: 'replica-2' });
    await app.until('checkout:v7', 'Success', 90_000);
  });
});

describe('while the operator is dead, a policy of failurePolicy Fail', () => {
  let strict: App;

  before(async () => {
    strict = await anApp(cluster, { replicas: 4, policy: { ...POLICY, failurePolicy: 'Fail' } });
    await eventually(async () => /^[a-z0-9]+\/-\/0\/4$/.test((await strict.release()) ?? ''));
  });

  after(() => strict.close());

  test('keeps a change from getting any pod, while pods are replaced and the workload is scaled', async () => {
    const { spec } = await strict.get();
    await operator.kill();
    await strict.setImage('checkout:v2');
    await eventually(async () => {
      const { metadata, status } = await strict.get();
      return status?.observedGeneration === metadata.generation;
    });
    const [lost] = strict.timeline.pods;
    assert.ok(lost);
    await cluster.kubectl(['delete', 'pod', lost.metadata.name, '-n', strict.namespace]);
    await strict.scale(6);
    await strict.untilReady('checkout:v1', 6);
    assert.equal(strict.timeline.everCreated('checkout:v2'), 0);
    operator = await startOperator(cluster, { identity: 'replica-2' });
    await strict.until('checkout:v2', 'Success', 90_000);
    const now = await strict.get();
    assert.deepEqual(now.spec, { ...spec, replicas: 6, template: now.spec.template });
  });

  test('does not prevent a revert', async () => {
    const { spec } = await strict.get();
    await operator.kill();
    await strict.setImage('checkout:bad-3');
    await strict.setImage('checkout:v2');
    await strict.untilReady('checkout:v2', 6);
    assert.deepEqual((await strict.get()).spec, spec);
    operator = await startOperator(cluster, { identity: 'replica-2' });
    assert.equal(strict.timeline.everCreated('checkout:bad-3'), 0);
  });
});

/** The operator comes back and finds a change that nobody recorded; gives it once it is in this phase. */
async function foundOnReturn(phase: Phase): Promise<ChangeWorkload> {
  const known = (await app.changes()).length;
  operator = await startOperator(cluster, { identity: 'replica-2' });
  return await eventually(async () => {
    const newest = (await app.changes())[known];
    return newest?.status?.phase === phase && newest;
  });
}

/**
 * Both are out, and their controllers know it: a create whose answer is lost with the API server makes
 * the ReplicaSet controller itself create one too many, and delete it again.
 */
async function untilCounted(image: string, count: number): Promise<void> {
  await app.untilOut(image, count);
  await eventually(async () => ((await app.get()).status?.updatedReplicas ?? 0) >= count, {
    everyMs: 20,
    what: `the status to count ${count} pods of ${image}`,
  });
}

/**
 * Kills the API server and starts it again. If that takes so long that the operator loses its lease,
 * the operator exits, and is started again as a kubelet would.
 */
async function restartApiServer(): Promise<void> {
  await cluster.restartApiServer({ hard: true });
  const renewed = await renewTime();
  await eventually(
    async () => {
      if (!operator.isRunning) operator = await startOperator(cluster);
      return (await renewTime()) !== renewed;
    },
    { what: 'the operator to lead again', timeoutMs: 120_000 },
  );
}

async function renewTime(): Promise<string | undefined> {
  const path = '/apis/coordination.k8s.io/v1/namespaces/altershield-system/leases/altershield';
  const { spec } = (await cluster.call({ path })) as {
    readonly spec: { readonly renewTime?: string };
  };
  return spec.renewTime;
}

/** A change that ends well although something happens when the first batch is out. */
async function goodChange(image: string, disturb: () => Promise<void>): Promise<void> {
  const { spec } = await app.get();
  const since = performance.now();
  await app.setImage(image);
  await untilCounted(image, 2);
  await disturb();
  const change = await app.until(image, 'Success', 120_000);
  const [, second] = (await app.batches()).filter(
    (batch) => batch.spec.change.uid === change.metadata.uid,
  );
  assert.equal(mostBefore(app.timeline, image, Date.parse(second?.spec.releasedAt ?? '')), 2);
  assert.equal(app.timeline.everCreated(image), REPLICAS);
  assert.ok(app.timeline.minReady(since) >= REPLICAS - UNAVAILABLE);
  await app.assertAtRest(spec, (await app.get()).spec.template);
}

function assertMissed({ spec }: ChangeWorkload): void {
  assert.equal(spec.detectedBy, 'Watch');
  assert.deepEqual([spec.actor.stamped, spec.actor.user], [false, '']);
}
