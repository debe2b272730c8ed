// SPDX-License-Identifier: Apache-2.0

/** Each kind whose pods run to completion, with each scenario of a run: how its change ends, and which pods stay. */
import assert from 'node:assert/strict';
import { writeFile } from 'node:fs/promises';
import { after, before, describe, test } from 'node:test';
import type { ChangeWorkload, Phase } from '@altershield/api';
import { eventually } from '@altershield/testing/eventually';
import { machine } from '../../bench/support/page.ts';
import { chooseVersion, exactVersion } from '../cluster/versions.ts';
import { aNamespace, sharedCluster, type SharedCluster } from './support/cluster.ts';
import { prepareCluster, startOperator, type OperatorProcess } from './support/operator.ts';
import { isActive, imageOf } from './support/pods.ts';
import { stopAll } from './support/stop-all.ts';
import { applyPolicy } from './support/story.ts';
import { watchPods, type PodRecorder } from './support/watch-pods.ts';

const MEASURED = new URL('../../docs/measured/runs.json', import.meta.url);
const HOLD = 'altershield.io/hold';
const PARALLELISM = 5;
const RELEASE = { batches: [1, '60%', '100%'], soakSeconds: 2 };
const CHECKS = { podHealth: { readyDeadlineSeconds: 8 } };

type RunKind = 'Job' | 'CronJob';

const KINDS: readonly RunKind[] = ['Job', 'CronJob'];

interface RunScenario {
  readonly name: string;
  readonly image: string;
  readonly ends: Readonly<Record<RunKind, Phase>>;
}

const SCENARIOS: readonly RunScenario[] = [
  { name: 'good', image: 'work:v2', ends: { Job: 'Success', CronJob: 'Success' } },
  {
    name: 'image cannot be pulled',
    image: 'work:bad-2',
    ends: { Job: 'Suspend', CronJob: 'RolledBack' },
  },
  {
    name: 'configuration is missing',
    image: 'work:cfgerr-2',
    ends: { Job: 'Suspend', CronJob: 'RolledBack' },
  },
  { name: 'run fails', image: 'work:jobfail-2', ends: { Job: 'Failed', CronJob: 'RolledBack' } },
];

interface Figures {
  readonly kind: RunKind;
  readonly scenario: string;
  readonly end: Phase;
  readonly seconds: number;
  readonly mostPods: number;
  readonly podsLeft: number;
}

interface Batch {
  readonly metadata: {
    readonly uid: string;
    readonly annotations?: Readonly<Record<string, string>>;
  };
  readonly spec: {
    readonly suspend: boolean;
    readonly parallelism?: number;
    readonly jobTemplate?: unknown;
  };
  readonly status?: { readonly conditions?: readonly { type: string; status: string }[] };
}

const measured: Figures[] = [];

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

const template = (image: string) => ({
  metadata: { labels: { app: 'work' } },
  spec: { restartPolicy: 'Never', containers: [{ name: 'app', image }] },
});

const jobSpec = (image: string) => ({
  ...{ parallelism: PARALLELISM, completions: PARALLELISM, backoffLimit: 0 },
  template: template(image),
});

/** One namespace with its policy, in which one Job or CronJob named work is told about. */
class Scene {
  readonly kind: RunKind;
  readonly namespace: string;
  readonly pods: PodRecorder;

  constructor(kind: RunKind, namespace: string, pods: PodRecorder) {
    this.kind = kind;
    this.namespace = namespace;
    this.pods = pods;
  }

  pathOf(plural: string): string {
    return `/apis/batch/v1/namespaces/${this.namespace}/${plural}`;
  }

  get path(): string {
    return `${this.pathOf(`${this.kind.toLowerCase()}s`)}/work`;
  }

  async get(path = this.path): Promise<Batch> {
    return (await cluster.call({ path })) as Batch;
  }

  async create(kind: RunKind, parts: object, query = ''): Promise<Batch> {
    const path = `${this.pathOf(`${kind.toLowerCase()}s`)}${query}`;
    const body = { apiVersion: 'batch/v1', kind, ...parts };
    return (await cluster.call({ method: 'POST', path, body }, 'developer')) as Batch;
  }

  /** Waits until the API server asks the webhook about the kind; a dry run tells. */
  async untilGuarded(): Promise<void> {
    const probe = { metadata: { name: 'probe' }, spec: this.specOf('work:v1') };
    await eventually(
      async () => {
        const { metadata } = await this.create(this.kind, probe, '?dryRun=All');
        return metadata.annotations?.['altershield.io/actor'] !== undefined;
      },
      { what: 'the webhook to be in force', timeoutMs: 15_000 },
    );
  }

  specOf(image: string): object {
    return this.kind === 'Job'
      ? jobSpec(image)
      : { schedule: '0 0 1 1 *', jobTemplate: { spec: jobSpec(image) } };
  }

  /** The user's write that is the change. */
  async apply(image: string): Promise<void> {
    if (this.kind === 'Job') {
      const spec = jobSpec(image);
      const { metadata, spec: held } = await this.create('Job', {
        metadata: { name: 'work' },
        spec,
      });
      assert.ok(metadata.annotations?.[HOLD]);
      assert.equal(held.suspend, true);
      return;
    }
    await this.#runOnce();
    const body = { spec: { jobTemplate: { spec: jobSpec(image) } } };
    const contentType = 'application/merge-patch+json';
    const call = { method: 'PATCH', path: this.path, contentType, body };
    assert.equal(((await cluster.call(call, 'developer')) as Batch).spec.suspend, true);
  }

  /** A CronJob whose first version has run well. */
  async #runOnce(): Promise<void> {
    const cronJob = await this.create('CronJob', {
      metadata: { name: 'work' },
      spec: this.specOf('work:v1'),
    });
    const { uid } = cronJob.metadata;
    const owner = { apiVersion: 'batch/v1', kind: 'CronJob', name: 'work', uid, controller: true };
    const metadata = { name: 'work-first', ownerReferences: [owner] };
    await this.create('Job', { metadata, spec: jobSpec('work:v1') });
    await this.until('work:v1', 'Success');
  }

  async changes(): Promise<readonly ChangeWorkload[]> {
    const path = `/apis/altershield.io/v1alpha1/namespaces/${this.namespace}/changeworkloads`;
    return ((await cluster.call({ path })) as { items: ChangeWorkload[] }).items;
  }

  /** Waits until the change of an image is in a phase. */
  async until(image: string, phase: Phase): Promise<ChangeWorkload> {
    return await eventually(
      async () => {
        const changes = await this.changes();
        const found = changes.find(({ spec }) => spec.to.images?.[0] === image);
        assert.equal(found?.status?.phase, phase, JSON.stringify(changes.map((c) => c.status)));
        return found;
      },
      { what: `${image} to be ${phase}`, timeoutMs: 120_000, everyMs: 200 },
    );
  }
}

async function aScene(kind: RunKind): Promise<Scene> {
  const namespace = await aNamespace(cluster, 'run');
  const pods = await watchPods(cluster, namespace, 'app=work');
  const scene = new Scene(kind, namespace, pods);
  const target = { kinds: [kind] };
  await applyPolicy(cluster, namespace, { target, release: RELEASE, checks: CHECKS });
  await scene.untilGuarded();
  return scene;
}

for (const kind of KINDS) {
  describe(`a ${kind}`, { concurrency: 2 }, () => {
    for (const scenario of SCENARIOS) {
      test(`whose change is: ${scenario.name}`, async (t) => {
        const scene = await aScene(kind);
        try {
          const figures = await tell(scene, scenario);
          t.diagnostic(`${scenario.name}: ${JSON.stringify(figures)}`);
          measured.push(figures);
        } finally {
          await scene.pods.stop();
        }
      });
    }
  });
}

async function tell(scene: Scene, { name, image, ends }: RunScenario): Promise<Figures> {
  const { kind, pods } = scene;
  const end = ends[kind];
  const since = performance.now();
  await scene.apply(image);
  const change = await scene.until(image, end);
  const { detectedAt } = change.spec;
  await eventually(
    async () => {
      await assertEnd(scene, { image, end });
      return true;
    },
    { what: `the ${kind} after ${end}`, timeoutMs: 30_000, everyMs: 200 },
  );
  const { finishedAt = change.status?.phaseSince ?? '' } = change.status ?? {};
  const seconds = Math.round((Date.parse(finishedAt) - Date.parse(detectedAt)) / 100) / 10;
  const { timeline } = pods;
  const mostPods = timeline.maxNew(image, since);
  if (kind === 'Job' && end !== 'Success') assert.equal(mostPods, 1, 'the first batch has one pod');
  assert.equal(change.spec.detectedBy, 'Admission');
  const podsLeft = timeline.pods.filter((pod) => imageOf(pod) === image).length;
  return { kind, scenario: name, end, seconds, mostPods, podsLeft };
}

/** Every field is as its user wrote it, or the Job waits suspended; no pod of a failed run is active. */
async function assertEnd(
  scene: Scene,
  { image, end }: { readonly image: string; readonly end: Phase },
): Promise<void> {
  const { metadata, spec } = await scene.get();
  const isStopped = end === 'Suspend';
  assert.equal(spec.suspend, isStopped);
  assert.equal(metadata.annotations?.[HOLD] !== undefined, isStopped);
  const own = JSON.stringify(spec.jobTemplate ?? image);
  assert.ok(own.includes(end === 'RolledBack' ? 'work:v1' : image), own);
  if (scene.kind === 'Job' && !isStopped) assert.equal(spec.parallelism, PARALLELISM);
  const active = scene.pods.timeline.pods.filter(isActive);
  assert.deepEqual(
    active.filter((pod) => imageOf(pod) === image),
    [],
  );
}

/** With `npm run e2e -- --write e2e/runs`; only a run in which every change came to its end counts. */
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
  const run = { kubernetes, date, machine: machine(), pods: PARALLELISM, rows };
  await writeFile(MEASURED, `${JSON.stringify(run, null, 2)}\n`);
}
