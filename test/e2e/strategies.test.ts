// SPDX-License-Identifier: Apache-2.0

/** Each strategy with each scenario of a change, on a real control plane. */
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import type { ChangeWorkload, Phase } from '@altershield/api';
import { sharedCluster, type SharedCluster } from './support/cluster.ts';
import { eventually } from '@altershield/testing/eventually';
import type { AppKind } from './support/manifests.ts';
import { prepareCluster, startOperator, type OperatorProcess } from './support/operator.ts';
import { activeOf, anApp, mostBefore, type App, type AppOptions } from './support/story.ts';
import { stopAll } from './support/stop-all.ts';
import { ObjectWatch, type Watched } from './support/watch-objects.ts';

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

const BLUE_GREEN = {
  release: { strategy: 'BlueGreen', blueGreen: { keepSeconds: 4 }, soakSeconds: 2 },
  checks,
};
const V1 = 'checkout:v1';

describe('blue-green', { concurrency: 2 }, () => {
  test('runs all updated pods beside the stable ones, then switches the Service to them', async () => {
    await withService(BLUE_GREEN, async (app, service) => {
      const image = 'checkout:v2';
      const { spec } = await app.get();
      const since = performance.now();
      const written = await app.setImage(image);
      const change = await app.until(image, 'Success', TIMEOUT_MS);
      await untilGone(app, V1);
      const hashes = [await hashOf(app, V1), await hashOf(app, image)];
      await service.untilRestored();
      assert.equal(change.status?.verdict, 'Pass');
      // The Service selected the stable pods, then the updated ones, then all that are left.
      assert.deepEqual(service.seen, [undefined, ...hashes, undefined]);
      assert.equal(app.timeline.maxNew(image), REPLICAS);
      assert.ok(app.timeline.minReady(since) >= REPLICAS);
      const batches = await app.batches();
      assert.deepEqual(
        batches.map((batch) => [batch.spec.targetUnits, batch.spec.traffic]),
        [
          [REPLICAS, 'Stable'],
          [REPLICAS, 'Updated'],
        ],
      );
      assert.deepEqual((await app.get()).spec, { ...spec, template: written.spec.template });
    });
  });

  test('that fails before the switch leaves every request with the stable pods', async () => {
    await withService(BLUE_GREEN, async (app, service) => {
      const image = 'checkout:crash-2';
      const since = performance.now();
      await app.setImage(image);
      await app.until(image, 'RolledBack', TIMEOUT_MS);
      await untilGone(app, image);
      await service.untilRestored();
      assert.deepEqual(service.seen, [undefined, await hashOf(app, V1), undefined]);
      assert.ok(app.timeline.minReady(since) >= REPLICAS);
    });
  });

  test('that fails after the switch is switched back', async () => {
    const release = { ...BLUE_GREEN.release, blueGreen: { keepSeconds: 60 }, soakSeconds: 0 };
    await withService({ ...BLUE_GREEN, release }, async (app, service) => {
      const image = 'checkout:flap-2';
      const since = performance.now();
      await app.setImage(image);
      const change = await app.until(image, 'RolledBack', TIMEOUT_MS);
      await untilGone(app, image);
      await service.untilRestored();
      assert.equal(change.status?.batch?.index, 2);
      const [stable, updated] = [await hashOf(app, V1), await hashOf(app, image)];
      assert.deepEqual(service.seen, [undefined, stable, updated, stable, undefined]);
      assert.ok(app.timeline.minReady(since) >= REPLICAS);
    });
  });

  test('without a Service waits for a user, with nothing released', async () => {
    await withApp({ policy: BLUE_GREEN }, async (app) => {
      const image = 'checkout:v2';
      await app.setImage(image);
      const change = await app.until(image, 'Suspend', TIMEOUT_MS);
      assert.equal(change.status?.reason, 'CannotMove');
      assert.match(change.status.message, /no Service selects its pods/);
      assert.equal(app.timeline.maxNew(image), 0);
    });
  });
});

const hashOf = async (app: App, image: string): Promise<string | undefined> =>
  (await app.revision(image)).metadata.labels?.['pod-template-hash'];

const untilGone = async (app: App, image: string): Promise<void> =>
  app.pods.until(`no pod of ${image}`, ({ pods }) => activeOf(pods, image) === 0, TIMEOUT_MS);

interface ServiceObject extends Watched {
  readonly metadata: Watched['metadata'] & {
    readonly annotations?: Readonly<Record<string, string>>;
  };
  readonly spec: { readonly selector: Readonly<Record<string, string>> };
}

/** A Service for the pods of the app; remembers which revisions it selected, in order. */
async function createService(app: App) {
  const path = `/api/v1/namespaces/${app.namespace}/services`;
  const selector = { app: 'checkout' };
  const body = {
    apiVersion: 'v1',
    kind: 'Service',
    metadata: { name: 'checkout' },
    spec: { selector, ports: [{ port: 80 }] },
  };
  await app.cluster.call({ method: 'POST', path, body }, 'admin');
  const seen: (string | undefined)[] = [undefined];
  const collection = { endpoint: app.cluster.endpoint('admin'), path, query: '' };
  const watch = new ObjectWatch<ServiceObject>(collection, (_, { spec }) => {
    const revision = spec.selector['pod-template-hash'];
    if (seen.at(-1) !== revision) seen.push(revision);
  });
  await watch.start();
  const untilRestored = async (): Promise<void> => {
    await eventually(
      async () => {
        const now = (await app.cluster.call({ path: `${path}/checkout` })) as ServiceObject;
        assert.deepEqual(now.spec.selector, selector);
        assert.deepEqual(now.metadata.annotations ?? {}, {});
        return true;
      },
      { what: 'the selector as its user wrote it', timeoutMs: TIMEOUT_MS },
    );
    await eventually(() => seen.at(-1) === undefined, { what: 'the last event of the Service' });
  };
  return { seen, untilRestored, stop: () => watch.stop() };
}

/** Tells a story of an app with a Service. */
async function withService(
  policy: object,
  tell: (app: App, service: Awaited<ReturnType<typeof createService>>) => Promise<void>,
): Promise<void> {
  await withApp({ policy: { ...policy } }, async (app) => {
    const service = await createService(app);
    try {
      await tell(app, service);
    } finally {
      await service.stop();
    }
  });
}

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
