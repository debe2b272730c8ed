// SPDX-License-Identifier: Apache-2.0

/** Each kind with each fate of a change: what becomes of it, and what it costs the pods meanwhile. */
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import type { Phase } from '@altershield/api';
import { sharedCluster, type SharedCluster } from './support/cluster.ts';
import type { AppKind } from './support/manifests.ts';
import { prepareCluster, startOperator, type OperatorProcess } from './support/operator.ts';
import { activeOf, anApp, type App } from './support/story.ts';
import { stopAll } from './support/stop-all.ts';

const REPLICAS = 5;
/** What both kinds allow to be unavailable at a time, of five. */
const UNAVAILABLE = 1;
const POLICY = {
  release: { batches: [1, '60%', '100%'], soakSeconds: 2 },
  checks: { podHealth: { readyDeadlineSeconds: 8, maxReadinessLosses: 0 } },
};

const KINDS: readonly AppKind[] = ['Deployment', 'StatefulSet'];

interface PodScenario {
  readonly name: string;
  readonly image: string;
  readonly ends: Phase;
}

const SCENARIOS: readonly PodScenario[] = [
  { name: 'good', image: 'checkout:v2', ends: 'Success' },
  { name: 'image cannot be pulled', image: 'checkout:bad-2', ends: 'RolledBack' },
  { name: 'crash loop', image: 'checkout:crash-2', ends: 'RolledBack' },
  { name: 'out of memory', image: 'checkout:oom-2', ends: 'RolledBack' },
  { name: 'never ready', image: 'checkout:noready-2', ends: 'RolledBack' },
  { name: 'breaks while it soaks', image: 'checkout:flap-2', ends: 'RolledBack' },
];

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

for (const kind of KINDS) {
  describe(`a ${kind}`, { concurrency: 2 }, () => {
    for (const scenario of SCENARIOS) {
      test(`whose change is: ${scenario.name}`, async (t) => {
        const app = await anApp(cluster, { kind, replicas: REPLICAS, policy: POLICY });
        try {
          t.diagnostic(`${kind}, ${scenario.name}: ${await tell(app, scenario)}`);
        } finally {
          await app.close();
        }
      });
    }
  });
}

/** Lets the change meet its fate and checks what must hold for every kind. */
async function tell(app: App, { image, ends }: PodScenario): Promise<string> {
  const written = (await app.get()).spec;
  const since = performance.now();
  const sent = await app.setImage(image);
  const change = await app.until(image, ends, 90_000);
  await app.untilReady(ends === 'Success' ? image : 'checkout:v1', REPLICAS);
  const seconds = ((performance.now() - since) / 1000).toFixed(1);
  const { timeline } = app;
  const [first] = await app.batches();
  assert.equal(change.spec.detectedBy, 'Admission');
  assert.equal(activeOf(timeline.pods, image), ends === 'Success' ? REPLICAS : 0);
  const most = timeline.maxNew(image);
  assert.ok(ends === 'Success' || most <= (first?.spec.targetUnits ?? 0), `${most} updated pods`);
  // A pod that breaks is none that AlterShield took away: the batch of one is all that may be lost.
  const least = timeline.minReady(since);
  assert.ok(least >= REPLICAS - UNAVAILABLE, `${least} ready`);
  const template = ends === 'Success' ? sent.spec.template : written.template;
  await untilAsWritten(app, { ...written, template });
  return `${ends} after ${seconds} s; at most ${most} updated pods, at least ${least} of ${REPLICAS} ready`;
}

/** Nothing of the user's spec is borrowed any more. */
async function untilAsWritten(app: App, spec: object): Promise<void> {
  const deadline = Date.now() + 10_000;
  for (;;) {
    const now = (await app.get()).spec;
    if (JSON.stringify(now) === JSON.stringify(spec) || Date.now() > deadline) {
      assert.deepEqual(now, spec);
      return;
    }
    await new Promise((resolve) => setTimeout(resolve, 200));
  }
}
