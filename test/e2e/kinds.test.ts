// SPDX-License-Identifier: Apache-2.0

/** Each kind with each scenario of a change: how it ends, and what it costs the pods meanwhile. */
import assert from 'node:assert/strict';
import { writeFile } from 'node:fs/promises';
import { after, before, describe, test } from 'node:test';
import type { Phase } from '@altershield/api';
import { machine } from '../../bench/support/page.ts';
import { chooseVersion, exactVersion } from '../cluster/versions.ts';
import { sharedCluster, type SharedCluster } from './support/cluster.ts';
import type { AppKind } from './support/manifests.ts';
import { prepareCluster, startOperator, type OperatorProcess } from './support/operator.ts';
import { activeOf, anApp, type App } from './support/story.ts';
import { stopAll } from './support/stop-all.ts';

const MEASURED = new URL('../../docs/measured/kinds.json', import.meta.url);
const REPLICAS = 5;
/** What both kinds allow to be unavailable at a time, of five. */
const UNAVAILABLE = 1;
const POLICY = {
  // Longer than a pod takes that breaks after it was ready.
  release: { batches: [1, '60%', '100%'], soakSeconds: 4 },
  checks: { podHealth: { readyDeadlineSeconds: 8, maxReadinessLosses: 0 } },
};

const KINDS: readonly AppKind[] = ['Deployment', 'StatefulSet', 'DaemonSet'];

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

/** What a change came to; docs/release-control.md has it as a table. */
interface Figures {
  readonly end: Phase;
  readonly seconds: number;
  readonly mostUpdated: number;
  readonly leastReady: number;
}

const measured: ({ readonly kind: AppKind; readonly scenario: string } & Figures)[] = [];

let cluster: SharedCluster;
let operator: OperatorProcess;

before(async () => {
  cluster = await sharedCluster();
  await prepareCluster(cluster);
  operator = await startOperator(cluster);
});

after(writeFigures);
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
          const figures = await tell(app, scenario);
          t.diagnostic(`${scenario.name}: ${JSON.stringify(figures)}`);
          measured.push({ kind, scenario: scenario.name, ...figures });
        } finally {
          await app.close();
        }
      });
    }
  });
}

/** Lets the change come to its end and checks what must hold for every kind. */
async function tell(app: App, { image, ends }: PodScenario): Promise<Figures> {
  const written = (await app.get()).spec;
  const since = performance.now();
  const sent = await app.setImage(image);
  const change = await app.until(image, ends, 90_000);
  await app.untilReady(ends === 'Success' ? image : 'checkout:v1', REPLICAS);
  const seconds = Math.round((performance.now() - since) / 100) / 10;
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
  assert.equal((await app.changes()).length, 1, 'one change has one record');
  return { end: ends, seconds, mostUpdated: most, leastReady: least };
}

/** With `npm run e2e -- --write e2e/kinds`; only a run in which every change came to its end counts. */
async function writeFigures(): Promise<void> {
  const isWanted = process.env['ALTERSHIELD_WRITE_FIGURES'] === 'true';
  if (!isWanted || measured.length < KINDS.length * SCENARIOS.length) return;
  const order = SCENARIOS.map(({ name }) => name);
  const rows = KINDS.flatMap((kind) =>
    measured
      .filter((row) => row.kind === kind)
      .sort((a, b) => order.indexOf(a.scenario) - order.indexOf(b.scenario)),
  );
  const kubernetes = await exactVersion(chooseVersion());
  const date = new Date().toISOString().slice(0, 10);
  const run = { kubernetes, date, machine: machine(), replicas: REPLICAS, rows };
  await writeFile(MEASURED, `${JSON.stringify(run, null, 2)}\n`);
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
