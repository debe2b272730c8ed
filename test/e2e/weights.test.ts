// SPDX-License-Identifier: Apache-2.0

/** Weights of HTTPRoutes, with the Gateway API's own CRD on a real control plane; no gateway runs. */
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { eventually } from '@altershield/testing/eventually';
import { httpRouteCrd } from '../cluster/gateway-api.ts';
import { ownCluster } from './support/cluster.ts';
import type { Cluster } from '../cluster/cluster.ts';
import {
  altershield,
  prepareCluster,
  startOperator,
  type OperatorProcess,
} from './support/operator.ts';
import { anApp, type App } from './support/story.ts';
import { stopAll } from './support/stop-all.ts';
import { ObjectWatch, type Watched } from './support/watch-objects.ts';

const REPLICAS = 5;
const TIMEOUT_MS = 120_000;
const SELECTOR = { app: 'checkout' };

let cluster: Cluster;
let operator: OperatorProcess;

before(async () => {
  cluster = await ownCluster();
  await prepareCluster(cluster);
  operator = await startOperator(cluster);
});

after(() =>
  stopAll(
    () => operator.stop(),
    () => cluster.stop(),
  ),
);

const policyWith = (step: object, more: object = {}) => ({
  release: {
    strategy: 'Canary',
    canary: { pods: 2, observeSeconds: 3 },
    soakSeconds: 1,
    steps: [{ step: 1, ...step }],
    ...more,
  },
  checks: { podHealth: { readyDeadlineSeconds: 30, maxReadinessLosses: 0 } },
});

interface RouteObject extends Watched {
  readonly metadata: Watched['metadata'] & { readonly annotations?: object };
  readonly spec: {
    readonly rules: readonly {
      readonly backendRefs: readonly { readonly name: string; readonly weight: number }[];
    }[];
  };
}

interface Traffic {
  /** `90/10`: the weights of the stable and the canary Service, in their order in time. */
  readonly seen: readonly string[];
  readonly untilRestored: () => Promise<void>;
  readonly selectorOf: (service: string) => Promise<Readonly<Record<string, string>>>;
}

async function withTraffic(
  policy: Readonly<Record<string, unknown>>,
  tell: (app: App, traffic: Traffic) => Promise<void>,
): Promise<void> {
  const app = await anApp(cluster, { replicas: REPLICAS, policy });
  try {
    for (const name of ['checkout', 'checkout-canary']) await createService(app, name);
    await createRoute(app);
    const { watch, ...traffic } = await watchTraffic(app);
    await tell(app, traffic);
    await watch.stop();
  } finally {
    await app.close();
  }
}

const servicesOf = ({ namespace }: App): string => `/api/v1/namespaces/${namespace}/services`;
const routesOf = ({ namespace }: App): string =>
  `/apis/gateway.networking.k8s.io/v1/namespaces/${namespace}/httproutes`;

const createService = (app: App, name: string): Promise<unknown> =>
  create(servicesOf(app), {
    ...{ apiVersion: 'v1', kind: 'Service', metadata: { name } },
    spec: { selector: SELECTOR, ports: [{ port: 80 }] },
  });

const createRoute = (app: App): Promise<unknown> =>
  create(routesOf(app), {
    ...{ apiVersion: 'gateway.networking.k8s.io/v1', kind: 'HTTPRoute' },
    metadata: { name: 'checkout' },
    spec: {
      rules: [
        {
          matches: [{ path: { type: 'PathPrefix', value: '/cart' } }],
          backendRefs: [
            { name: 'checkout', port: 80, weight: 3 },
            { name: 'checkout-canary', port: 80, weight: 0 },
          ],
        },
        { backendRefs: [{ name: 'checkout', port: 80 }] },
      ],
    },
  });

const create = (path: string, body: object): Promise<unknown> =>
  cluster.call({ method: 'POST', path, body }, 'admin');

async function watchTraffic(app: App) {
  const route = async () =>
    (await cluster.call({ path: `${routesOf(app)}/checkout` })) as RouteObject;
  const before = await route();
  const seen = [weightsOf(before)];
  const collection = { endpoint: cluster.endpoint('admin'), path: routesOf(app), query: '' };
  const watch = new ObjectWatch<RouteObject>(collection, (_, object) => {
    if (seen.at(-1) !== weightsOf(object)) seen.push(weightsOf(object));
  });
  await watch.start();
  const service = async (name: string) =>
    (await cluster.call({ path: `${servicesOf(app)}/${name}` })) as ServiceObject;
  const untilRestored = async (): Promise<void> => {
    const isRestored = async (): Promise<true> => {
      const { spec, metadata } = await route();
      assert.deepEqual([spec, metadata.annotations ?? {}], [before.spec, {}]);
      for (const name of ['checkout', 'checkout-canary']) {
        const { spec: own, metadata: meta } = await service(name);
        assert.deepEqual([own.selector, meta.annotations ?? {}], [SELECTOR, {}]);
      }
      return true;
    };
    await eventually(isRestored, { what: 'all as its user wrote it', timeoutMs: TIMEOUT_MS });
    await eventually(() => seen.at(-1) === seen[0], { what: 'the last event of the HTTPRoute' });
  };
  const selectorOf = async (name: string) => (await service(name)).spec.selector;
  return { seen, untilRestored, selectorOf, watch };
}

interface ServiceObject {
  readonly metadata: { readonly annotations?: object };
  readonly spec: { readonly selector: Readonly<Record<string, string>> };
}

const weightsOf = ({ spec }: RouteObject): string =>
  (spec.rules[0]?.backendRefs ?? []).map(({ weight }) => weight).join('/');

const hashOf = async (app: App, image: string): Promise<string | undefined> =>
  (await app.revision(image)).metadata.labels?.['pod-template-hash'];

test('without the Gateway API a step with a weight waits for a user, with nothing released', async () => {
  const app = await anApp(cluster, { replicas: REPLICAS, policy: policyWith({ weight: 20 }) });
  try {
    await app.setImage('checkout:v2');
    const change = await app.until('checkout:v2', 'Suspend', TIMEOUT_MS);
    assert.equal(change.status?.reason, 'CannotMove');
    assert.match(change.status.message, /no HTTPRoute sends its requests to two Services/);
    assert.equal(app.timeline.maxNew('checkout:v2'), 0);
  } finally {
    await app.close();
  }
});

describe('a canary with a weight', () => {
  before(async () => {
    const { code, stderr } = await cluster.kubectl(['apply', '--server-side', '-f', '-'], {
      input: await httpRouteCrd(),
    });
    assert.equal(code, 0, stderr);
    // The operator that runs finds the new CRD within a minute; a new one at once.
    await operator.stop();
    operator = await startOperator(cluster);
  });

  test('gets its share of the requests until it has passed', async () => {
    await withTraffic(policyWith({ weight: 20, pauseAfter: true }), async (app, traffic) => {
      const image = 'checkout:v2';
      await app.setImage(image);
      const paused = await app.until(image, 'Suspend', TIMEOUT_MS);
      assert.equal(paused.status?.reason, 'PausedAfterStep');
      assert.deepEqual(traffic.seen, ['3/0', '240/60']);
      const hashes = [await hashOf(app, 'checkout:v1'), await hashOf(app, image)];
      for (const [i, name] of ['checkout', 'checkout-canary'].entries())
        assert.equal((await traffic.selectorOf(name))['pod-template-hash'], hashes[i]);
      await create(`/apis/altershield.io/v1alpha1/namespaces/${app.namespace}/changeapprovals`, {
        ...{ apiVersion: 'altershield.io/v1alpha1', kind: 'ChangeApproval' },
        metadata: { generateName: 'resume-' },
        spec: { change: { name: paused.metadata.name }, decision: 'Resume' },
      });
      const done = await app.until(image, 'Success', TIMEOUT_MS);
      assert.equal(done.status?.verdict, 'Pass');
      await traffic.untilRestored();
      assert.deepEqual(traffic.seen, ['3/0', '240/60', '3/0']);
      const [first, rest] = await app.batches();
      assert.deepEqual([first?.spec.weight, rest?.spec.weight], [20, undefined]);
    });
  });

  test('that fails while it has its share gets none, and all is restored', async () => {
    const policy = policyWith({ weight: 20 }, { canary: { pods: 2, observeSeconds: 60 } });
    await withTraffic(policy, async (app, traffic) => {
      const image = 'checkout:flap-2';
      await app.setImage(image);
      await app.until(image, 'RolledBack', TIMEOUT_MS);
      await traffic.untilRestored();
      assert.deepEqual(traffic.seen, ['3/0', '240/60', '3/0']);
      assert.ok(app.timeline.maxNew(image) <= 2);
    });
  });

  test('is restored by an uninstallation', async () => {
    await withTraffic(policyWith({ weight: 20, pauseAfter: true }), async (app, traffic) => {
      const image = 'checkout:v2';
      await app.setImage(image);
      await app.until(image, 'Suspend', TIMEOUT_MS);
      assert.equal(traffic.seen.at(-1), '240/60');
      await operator.stop();
      const { code, stdout, stderr } = await altershield(
        cluster,
        ['uninstall', '--force', '--timeout', '1'],
        'admin',
      );
      assert.equal(code, 0, stderr);
      assert.match(stdout, /^httproute\/checkout restored$/m);
      assert.match(stdout, /^service\/checkout restored$/m);
      await traffic.untilRestored();
    });
  });
});
