// SPDX-License-Identifier: Apache-2.0

/** Each strategy with each scenario of a change, on a real control plane. */
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import type { ChangeWorkload, Phase } from '@altershield/api';
import { sharedCluster, type SharedCluster } from './support/cluster.ts';
import type { AppKind } from './support/manifests.ts';
import { prepareCluster, startOperator, type OperatorProcess } from './support/operator.ts';
import { anApp, mostBefore, type App, type AppOptions } from './support/story.ts';
import { stopAll } from './support/stop-all.ts';

const REPLICAS = 5;
const TIMEOUT_MS = 120_000;
const checks = { podHealth: { readyDeadlineSeconds: 30, maxReadinessLosses: 0 } };

let cluster: SharedCluster;
let operator: OperatorProcess;

before(async () => {
  cluster = await sharedCluster();
  await prepareCluster(cluster);
  operator = await startOperator(cluster);
});

after(() =>
  stopAll(
    () => operator.stop(),
    () => cluster.stop(),
  ),
);

interface Scenario {
  readonly image: string;
  readonly ends: Phase;
}

const SCENARIOS: Readonly<Record<string, Scenario>> = {
  good: { image: 'checkout:v2', ends: 'Success' },
  'a crash loop': { image: 'checkout:crash-2', ends: 'RolledBack' },
};

const CANARY = {
  release: { strategy: 'Canary', canary: { pods: 2, observeSeconds: 3 }, soakSeconds: 1 },
  checks,
};

for (const kind of ['Deployment', 'StatefulSet'] satisfies AppKind[]) {
  describe(`a canary of a ${kind}`, { concurrency: 2 }, () => {
    for (const [name, { image, ends }] of Object.entries(SCENARIOS)) {
      test(`whose change is: ${name}`, async () => {
        await withApp({ kind, policy: CANARY }, async (app) => {
          const stable = new Set(uidsOf(app));
          await app.setImage(image);
          const change = await app.until(image, ends, TIMEOUT_MS);
          await app.untilReady(ends === 'Success' ? image : 'checkout:v1', REPLICAS, TIMEOUT_MS);
          assert.equal(change.spec.release?.strategy, 'Canary');
          const [canary, rest] = await app.batches();
          assert.equal(canary?.spec.targetUnits, 2);
          assert.equal(canary.spec.compared?.length, 2);
          assert.ok(canary.spec.compared.every((uid) => stable.has(uid)));
          assert.equal(rest?.spec.targetUnits, ends === 'Success' ? REPLICAS : undefined);
          if (ends !== 'Success') assert.ok(app.timeline.maxNew(image) <= 2);
        });
      });
    }
  });
}

describe('a step', { concurrency: 2 }, () => {
  const policy = {
    release: { batches: [1, '100%'], soakSeconds: 1, steps: [{ step: 1, pauseAfter: true }] },
    checks,
  };

  test('that its policy pauses after is resumed by a user', async () => {
    await withApp({ policy }, async (app) => {
      const image = 'checkout:v2';
      await app.setImage(image);
      const paused = await app.until(image, 'Suspend', TIMEOUT_MS);
      assert.deepEqual(
        [paused.status?.reason, paused.status?.verdict, paused.status?.batch?.index],
        ['PausedAfterStep', 'Pass', 1],
      );
      await resume(app, paused);
      const done = await app.until(image, 'Success', TIMEOUT_MS);
      assert.equal(done.status?.verdict, 'Pass');
      assert.equal(done.status.decisions?.[0]?.carriedOut, true);
      const resumedAt = Date.parse(done.status.decisions[0].at ?? '');
      assert.equal(mostBefore(app.timeline, image, resumedAt), 1);
    });
  });

  test('releases nothing where a canary would be the whole workload', async () => {
    await withApp({ policy: CANARY, replicas: 2 }, async (app) => {
      const image = 'checkout:v2';
      await app.setImage(image);
      const change = await app.until(image, 'Suspend', TIMEOUT_MS);
      assert.equal(change.status?.reason, 'CannotMove');
      assert.match(change.status.message, /whole workload \(2\)/);
      assert.equal(app.timeline.maxNew(image), 0);
    });
  });
});

async function withApp(options: AppOptions, tell: (app: App) => Promise<void>): Promise<void> {
  const app = await anApp(cluster, { replicas: REPLICAS, ...options });
  try {
    await tell(app);
  } finally {
    await app.close();
  }
}

const uidsOf = ({ timeline }: App): string[] => timeline.pods.map(({ metadata }) => metadata.uid);

async function resume(app: App, { metadata: { name } }: ChangeWorkload): Promise<void> {
  await app.cluster.call(
    {
      method: 'POST',
      path: `/apis/altershield.io/v1alpha1/namespaces/${app.namespace}/changeapprovals`,
      body: {
        apiVersion: 'altershield.io/v1alpha1',
        kind: 'ChangeApproval',
        metadata: { generateName: 'resume-' },
        spec: { change: { name }, decision: 'Resume' },
      },
    },
    'admin',
  );
}
