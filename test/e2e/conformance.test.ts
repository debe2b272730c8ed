// SPDX-License-Identifier: Apache-2.0

/** What test/conformance asks of each adapter, over the real controllers, with every pod watched. */
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { eventually } from '@altershield/testing/eventually';
import { KINDS, type KindUnderTest, type Leak } from '../support/kinds.ts';
import { sharedCluster, type SharedCluster } from './support/cluster.ts';
import { aDeployment, pluralOf, type AppKind } from './support/manifests.ts';
import {
  altershield,
  prepareCluster,
  startOperator,
  type OperatorProcess,
} from './support/operator.ts';
import { imageOf, type Pod } from './support/pods.ts';
import { anApp, isSound, type App } from './support/story.ts';
import { stopAll } from './support/stop-all.ts';

const OLD = 'checkout:v1';
const NEW = 'checkout:v2';
const REPLICAS = 3;
const SCALED = 5;
const TIMEOUT_MS = 120_000;

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

const APP_KINDS: readonly AppKind[] = ['Deployment', 'StatefulSet', 'DaemonSet'];

/** A kind that this suite cannot make is a failure, not a gap. */
const appKindOf = ({ adapter }: KindUnderTest): AppKind => {
  const { kind } = adapter.descriptor.resource;
  return APP_KINDS.find((one) => one === kind) ?? assert.fail(`a ${kind} in support/manifests.ts`);
};

const hasLeak = ({ leaks }: KindUnderTest, leak: Leak): boolean =>
  Object.values(leaks).includes(leak);

describe('an adapter', { concurrency: 2 }, () => {
  for (const kind of KINDS) {
    const { kind: name } = kind.adapter.descriptor.resource;

    test(`${name}: holds a change whatever users do meanwhile, and gives all fields back`, () =>
      withApp(kind, { approval: { before: 'Change', from: [{ group: 'sre' }] } }, async (app) => {
        await app.setImage(NEW);
        await untilWaiting(app, 'AwaitingApproval');
        const user = await disturb(app, kind);
        assert.equal(app.timeline.maxNew(NEW), 0, 'pods of a change that is held');
        await approve(app);
        await app.until(NEW, 'Success', TIMEOUT_MS);
        await app.untilReady(NEW, user.replicas, TIMEOUT_MS);
        await assertSpec(app, { ...user, image: NEW });
      }));

    test(`${name}: releases no pod beyond its batch, and a rollback ends as the change began`, () =>
      withApp(kind, { steps: [{ step: 1, pauseAfter: true }] }, async (app) => {
        const since = performance.now();
        await app.setImage(NEW);
        await untilWaiting(app, 'PausedAfterStep');
        const replicas = await scaleUp(app, kind);
        assert.equal(app.timeline.maxNew(NEW), 1);
        assert.ok(app.timeline.minReady(since) >= REPLICAS - 1, 'one may be unavailable');
        const back = ['rollback', workloadOf(app, kind), '-n', app.namespace];
        const { code, stderr } = await altershield(cluster, back);
        assert.equal(code, 0, stderr);
        await app.until(NEW, 'RolledBack', TIMEOUT_MS);
        await app.untilReady(OLD, replicas, TIMEOUT_MS);
        assert.equal(app.timeline.maxNew(NEW), 1);
        await assertSpec(app, { replicas, spec: specOf(kind), image: OLD });
      }));
  }
});

async function withApp(
  kind: KindUnderTest,
  more: object,
  work: (app: App) => Promise<void>,
): Promise<void> {
  const app = await anApp(cluster, {
    ...{ kind: appKindOf(kind), replicas: REPLICAS, wishes: { spec: specOf(kind) } },
    policy: { release: { batches: [1, '100%'], soakSeconds: 1, ...more } },
  });
  try {
    await work(app);
  } finally {
    await app.close();
  }
}

type Spec = Readonly<Record<string, unknown>>;

const specOf = ({ spec, strategies }: KindUnderTest): Spec => ({ ...spec, ...strategies[0] });

const workloadOf = ({ name }: App, { adapter }: KindUnderTest): string =>
  `${adapter.descriptor.cliNames[0]}/${name}`;

/** What the user's manifest has come to say. */
interface UserSpec {
  readonly replicas: number;
  readonly spec: Spec;
}

/** Whatever does not, by the kind's own declaration, create pods of the held change. */
async function disturb(app: App, kind: KindUnderTest): Promise<UserSpec> {
  if (!hasLeak(kind, 'PodReplaced')) await loseOnePod(app);
  const replicas = await scaleUp(app, kind);
  const edited = kind.strategies[1] ?? {};
  await app.patch({ spec: edited, metadata: { labels: { touched: 'true' } } });
  await app.untilReady(OLD, replicas, TIMEOUT_MS);
  return { replicas, spec: { ...kind.spec, ...edited } };
}

async function loseOnePod(app: App): Promise<void> {
  const isStable = (pod: Pod): boolean => isSound(pod) && imageOf(pod) === OLD;
  const lost = app.timeline.pods.find(isStable)?.metadata ?? assert.fail('a stable pod');
  const { code, stderr } = await cluster.kubectl(['delete', 'pod', lost.name, '-n', app.namespace]);
  assert.equal(code, 0, stderr);
  await app.pods.until(
    'another pod in its place',
    ({ pods }) =>
      pods.every(({ metadata }) => metadata.uid !== lost.uid) &&
      pods.filter(isSound).length === REPLICAS,
    TIMEOUT_MS,
  );
}

/** Gives how many pods there are then; a kind with one pod on each node stays as it is. */
async function scaleUp(app: App, kind: KindUnderTest): Promise<number> {
  if (kind.isPerNode === true) return REPLICAS;
  await app.scale(SCALED);
  await app.pods.until(
    `${SCALED} ready pods`,
    ({ pods }) => pods.filter(isSound).length === SCALED,
    TIMEOUT_MS,
  );
  return SCALED;
}

async function untilWaiting(app: App, reason: string): Promise<void> {
  const look = async (): Promise<boolean> =>
    (await app.changes()).at(-1)?.status?.reason === reason;
  await eventually(look, { what: reason, timeoutMs: TIMEOUT_MS });
}

async function approve(app: App): Promise<void> {
  const { namespace } = app;
  const as = ['--as', 'bob', '--as-group', 'sre'];
  const binding = ['create', 'rolebinding', 'sre', '-n', namespace, '--group', 'sre'];
  await cluster.kubectl([...binding, '--clusterrole', 'altershield-approver']);
  const [change] = await app.changes();
  const manifest = {
    apiVersion: 'altershield.io/v1alpha1',
    kind: 'ChangeApproval',
    metadata: { generateName: 'decision-', namespace },
    spec: { change: { name: change?.metadata.name }, decision: 'Approve' },
  };
  const input = JSON.stringify(manifest);
  const { code, stderr } = await cluster.kubectl(['create', '-f', '-', ...as], { input });
  assert.equal(code, 0, stderr);
}

/** The spec is what the API server makes of the user's own manifest. */
async function assertSpec(
  app: App,
  { replicas, spec, image }: UserSpec & { readonly image: string },
): Promise<void> {
  const { kind, name } = app;
  const manifest = { kind, name, namespace: 'default', image, replicas, spec };
  const path = `/apis/apps/v1/namespaces/default/${pluralOf(kind)}?dryRun=All`;
  // A DaemonSet's pods run on as many nodes as the app was created for.
  const body = aDeployment(kind === 'DaemonSet' ? { ...manifest, replicas: REPLICAS } : manifest);
  const wanted = (await cluster.call({ method: 'POST', path, body })) as { readonly spec: object };
  await eventually(
    async () => {
      assert.deepEqual((await app.get()).spec, wanted.spec);
      return true;
    },
    { what: 'the spec as its user wrote it', timeoutMs: TIMEOUT_MS },
  );
}
