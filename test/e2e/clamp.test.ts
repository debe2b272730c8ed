// SPDX-License-Identifier: Apache-2.0

import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { after, before, test } from 'node:test';
import {
  clampReplicas,
  mutateReplicaSet,
  nativePolicies,
  parseReleaseCap,
  webhooksFor,
  type NativePolicy,
  type ReplicaSet,
  type ReplicaSetWrite,
} from '@altershield/core';
import fc from 'fast-check';
import { ApiError } from '../cluster/api.ts';
import { anyWrite, objectsOf } from '../support/replica-set-writes.ts';
import { aNamespace, sharedCluster, type SharedCluster } from './support/cluster.ts';
import { eventually } from '@altershield/testing/eventually';
import { aDeployment } from './support/manifests.ts';
import { NO_NATIVE_CLAMP, servesNativeClamp } from './support/native-clamp.ts';
import { stopAll } from './support/stop-all.ts';
import { WebhookServer } from './support/webhook-server.ts';

const ADMISSION = '/apis/admissionregistration.k8s.io/v1';
/** Whose writes nobody reviews. */
const OPERATOR = 'system:serviceaccount:flux-system:kustomize-controller';
const WRITES = 300;
/** Apart from what an operator of the same cluster has. */
const SUFFIX = randomBytes(4).toString('hex');

const server = new WebhookServer();
let cluster: SharedCluster;
/** Where the API server clamps, and where a webhook does. */
let native: string;
let webhook: string;
/** The webhooks of the clamp that were called since the last write. */
const called = new Set<string>();
const made: string[] = [];
/** The namespaces that have a ReplicaSet of the tests. */
const stored: string[] = [];
/** Whether this API server can clamp by itself. */
let isNative = false;

/** What a webhook cannot do is tested where the API server does it. */
function needsNative(name: string, check: () => Promise<void>): void {
  void test(name, async (t) => {
    if (!isNative) t.skip(NO_NATIVE_CLAMP);
    else await check();
  });
}

const only = (namespace: string) => ({
  namespaceSelector: { matchLabels: { 'kubernetes.io/metadata.name': namespace } },
});

async function create(plural: string, body: { metadata: { name: string } }): Promise<void> {
  await cluster.call({ method: 'POST', path: `${ADMISSION}/${plural}`, body });
  made.unshift(`${ADMISSION}/${plural}/${body.metadata.name}`);
}

/** What an operator of an earlier test file may have left in a cluster that tests share. */
async function forget(policy: NativePolicy): Promise<void> {
  const path = `${ADMISSION}/${pluralOf(policy)}/${policy.name}`;
  await cluster.call({ method: 'DELETE', path }).catch((error: unknown) => {
    if (!(error instanceof ApiError && error.status === 404)) throw error;
  });
}

const pluralOf = ({ kind }: NativePolicy): string => `${kind.toLowerCase()}s`.replace(/ys$/, 'ies');

async function installPolicy(policy: NativePolicy): Promise<void> {
  const { kind, name, spec } = policy;
  const policyName = `${name}-${SUFFIX}`;
  const isBinding = kind.endsWith('Binding');
  await create(pluralOf(policy), {
    ...{ apiVersion: 'admissionregistration.k8s.io/v1', kind, metadata: { name: policyName } },
    spec: isBinding ? { ...spec, policyName, matchResources: only(native) } : spec,
  } as { metadata: { name: string } });
}

async function installWebhooks(): Promise<void> {
  const place = { operatorUser: OPERATOR, operatorNamespace: 'altershield-system' };
  const clientConfig = (): Record<string, unknown> => ({});
  const { mutating } = webhooksFor([], { ...place, clientConfig }, { nativeClamp: false });
  const webhooks = mutating
    .filter(({ name }) => String(name).includes('.replicaset.'))
    .map((entry) => ({
      ...entry,
      ...only(webhook),
      failurePolicy: 'Fail',
      clientConfig: server.add((request) => {
        called.add(String(entry['name']).split('.')[0] ?? '');
        const object = request.object as unknown as ReplicaSet;
        const old = (request.oldObject ?? undefined) as unknown as ReplicaSet | undefined;
        const review = mutateReplicaSet(
          {
            ...{ id: '1', namespace: webhook, operation: old ? 'UPDATE' : 'CREATE', object },
            user: { name: 'whoever' },
            ...(old === undefined ? {} : { oldObject: old }),
          },
          { releaseOfDeployment: undefined },
        );
        if (review.allowed) return { patch: review.patch };
        return { denied: { code: 422, reason: review.reason, message: review.message } };
      }),
    }));
  const metadata = { name: `altershield-clamp-${SUFFIX}` };
  const kind = 'MutatingWebhookConfiguration';
  const body = { apiVersion: 'admissionregistration.k8s.io/v1', kind, metadata, webhooks };
  await create('mutatingwebhookconfigurations', body);
}

before(async () => {
  await server.start();
  cluster = await sharedCluster();
  webhook = await aNamespace(cluster, 'clamp-webhook');
  await installWebhooks();
  await untilClamped(webhook);
  isNative = await servesNativeClamp(cluster);
  if (isNative) await clampNatively();
});

async function clampNatively(): Promise<void> {
  native = await aNamespace(cluster, 'clamp-native');
  for (const policy of nativePolicies(OPERATOR)) {
    await forget(policy);
    await installPolicy(policy);
  }
  await untilClamped(native);
  await eventually(async () => (await annotate('keep-me', 'v0//0/1', 'developer')) === undefined);
}

async function untilClamped(namespace: string): Promise<void> {
  stored.push(namespace);
  await makeStored(namespace);
  const held = { release: 'v1/-/0/10', hash: 'v2', asked: 3, was: undefined };
  await eventually(async () => {
    const result = await answer(namespace, { ...held, desired: '10', oldDesired: undefined });
    return result === 0;
  });
}

after(() =>
  stopAll(
    ...made.map((path) => () => cluster.call({ method: 'DELETE', path })),
    ...stored.map((namespace) => () => removeStored(namespace)),
    () => {
      server.stop();
    },
    () => cluster.stop(),
  ),
);

const replicaSets = (namespace: string): string =>
  `/apis/apps/v1/namespaces/${namespace}/replicasets`;
const merge = 'application/merge-patch+json';
const FINALIZER = 'altershield.io/test';

function aReplicaSet(object: ReturnType<typeof objectsOf>['object'], name: string): object {
  const labels = { app: 'stored' };
  return {
    apiVersion: 'apps/v1',
    kind: 'ReplicaSet',
    metadata: { ...object.metadata, name },
    spec: {
      ...object.spec,
      selector: { matchLabels: labels },
      template: { metadata: { labels }, spec: { containers: [{ name: 'app', image: 'web:v1' }] } },
    },
  };
}

/** A ReplicaSet that is being deleted makes no pods, whatever number it has. */
async function makeStored(namespace: string): Promise<void> {
  const path = replicaSets(namespace);
  const body = aReplicaSet({ metadata: {}, spec: { replicas: 0 } }, 'stored');
  await cluster.call({ method: 'POST', path, body });
  const patch = { metadata: { finalizers: [FINALIZER] } };
  await cluster.call({ method: 'PATCH', path: `${path}/stored`, contentType: merge, body: patch });
  await cluster.call({ method: 'DELETE', path: `${path}/stored` });
}

async function removeStored(namespace: string): Promise<void> {
  const path = `${replicaSets(namespace)}/stored`;
  const body = { metadata: { finalizers: null } };
  await cluster.call({ method: 'PATCH', path, contentType: merge, body });
}

/** What the API server makes of a write: the replicas that it would store, or its denial. */
async function answer(namespace: string, write: ReplicaSetWrite): Promise<number | string> {
  const path = replicaSets(namespace);
  const { object, oldObject } = objectsOf(write);
  if (oldObject === null) {
    called.clear();
    const body = aReplicaSet(object, 'created');
    return await replicasOf(cluster.call({ method: 'POST', path: `${path}?dryRun=All`, body }));
  }
  const stored = { method: 'PUT', path: `${path}/stored` };
  await cluster.call({ ...stored, body: keeping(aReplicaSet(oldObject, 'stored')) }, 'gitops');
  called.clear();
  const body = keeping(aReplicaSet(object, 'stored'));
  return await replicasOf(cluster.call({ ...stored, path: `${stored.path}?dryRun=All`, body }));
}

const keeping = (object: object): object => {
  const { metadata } = object as { metadata: object };
  return { ...object, metadata: { ...metadata, finalizers: [FINALIZER] } };
};

async function replicasOf(answered: Promise<unknown>): Promise<number | string> {
  try {
    return ((await answered) as ReplicaSet).spec.replicas ?? 1;
  } catch (error) {
    if (error instanceof ApiError) return error.message;
    throw error;
  }
}

const isAtRest = (write: ReplicaSetWrite): boolean => {
  const release = parseReleaseCap(write.release);
  return release !== undefined && release !== 'Invalid' && release.target === '';
};

/** As the function has it: a number, or a denial. */
function expected(write: ReplicaSetWrite): number | 'denied' {
  const clamped = clampReplicas(write);
  return clamped === 'Invalid' ? 'denied' : clamped.allowed;
}

function assertAnswer(actual: number | string, wanted: number | 'denied', what: string): void {
  if (wanted === 'denied') assert.match(String(actual), /does not read VERIFIED\/TARGET/, what);
  else assert.equal(actual, wanted, what);
}

/** The webhook that has a say: at rest, and while the Deployment is scaled, the one that fails open. */
const formOf = (write: ReplicaSetWrite, wanted: number | 'denied'): string =>
  wanted !== 'denied' && (isAtRest(write) || isScaling(write)) ? 'at-rest' : 'in-flight';

/** A revision without pods is never scaled, unless it is the verified one. */
function isScaling({
  was,
  hash,
  release,
  desired = '',
  oldDesired = '',
}: ReplicaSetWrite): boolean {
  if (was === undefined || desired === oldDesired) return false;
  const cap = parseReleaseCap(release);
  return was > 0 || (cap !== undefined && cap !== 'Invalid' && hash === cap.verified);
}

const writes = fc.sample(anyWrite, WRITES);

needsNative(
  'the policy in the API server clamps as the function does, whatever is written in flight',
  async () => {
    for (const write of writes) {
      const wanted = isAtRest(write) ? write.asked : expected(write);
      assertAnswer(await answer(native, write), wanted, JSON.stringify(write));
    }
  },
);

test('the webhook is called only for writes that it changes, in flight and at rest, and clamps like the function', async () => {
  for (const write of writes) {
    const what = JSON.stringify(write);
    const wanted = expected(write);
    assertAnswer(await answer(webhook, write), wanted, what);
    const form = formOf(write, wanted);
    assert.deepEqual([...called], wanted === write.asked ? [] : [form], what);
  }
});

const deployments = (): string => `/apis/apps/v1/namespaces/${native}/deployments`;
const RELEASE = 'altershield.io/release';

/** The annotation that a Deployment ends up with when this user writes this one; null takes it away. */
async function annotate(
  name: string,
  value: string | null,
  user: 'developer' | 'gitops',
): Promise<string | undefined> {
  const path = `${deployments()}/${name}`;
  await cluster.call({ path }).catch(async () => {
    const body = aDeployment({ name, namespace: native, image: 'web:v1', replicas: 0 });
    await cluster.call({ method: 'POST', path: deployments(), body });
  });
  const body = { metadata: { annotations: { [RELEASE]: value } } };
  const patched = await cluster.call({ method: 'PATCH', path, contentType: merge, body }, user);
  const { metadata } = patched as { metadata: { annotations?: Record<string, string> } };
  return metadata.annotations?.[RELEASE];
}

needsNative(
  'nobody but the operator adds, changes or removes the annotation of a Deployment',
  async () => {
    assert.equal(await annotate('web', 'v1/v2/9/10', 'developer'), undefined);
    assert.equal(await annotate('web', 'v1//0/10', 'gitops'), 'v1//0/10');
    assert.equal(await annotate('web', 'v1/v2/9/10', 'developer'), 'v1//0/10');
    assert.equal(await annotate('web', null, 'developer'), 'v1//0/10');
    const path = `${deployments()}/web`;
    const body = aDeployment({ name: 'web', namespace: native, image: 'web:v2', replicas: 0 });
    await cluster.call({ method: 'PUT', path, body }, 'developer');
    const kept = (await cluster.call({ path })) as { metadata: { annotations: object } };
    assert.equal(new Map(Object.entries(kept.metadata.annotations)).get(RELEASE), 'v1//0/10');
    assert.equal(await annotate('web', null, 'gitops'), undefined);
  },
);

interface Revision extends ReplicaSet {
  readonly metadata: ReplicaSet['metadata'] & { readonly creationTimestamp: string };
}

/** The ReplicaSets of a Deployment, oldest first. */
async function revisionsOf(name: string): Promise<readonly Revision[]> {
  const path = `${replicaSets(native)}?labelSelector=app%3D${name}`;
  const { items } = (await cluster.call({ path })) as { items: readonly Revision[] };
  const born = ({ metadata }: Revision): string =>
    metadata.annotations?.['deployment.kubernetes.io/revision'] ?? '';
  return [...items].sort((a, b) => (born(a) < born(b) ? -1 : 1));
}

const hashOf = ({ metadata }: Revision): string => metadata.labels?.['pod-template-hash'] ?? '';

/** Waits until the two revisions have so many pods, all ready, and stay so for a while. */
async function untilSizes(name: string, sizes: string): Promise<void> {
  let since = Infinity;
  await eventually(
    async () => {
      const seen = (await revisionsOf(name)).map(
        ({ spec, status }) =>
          `${spec.replicas ?? 1}${spec.replicas === (status?.readyReplicas ?? 0) ? '' : '?'}`,
      );
      if (seen.join('/') !== sizes) {
        since = Infinity;
        throw new Error(`${name}: ${seen.join('/')} instead of ${sizes}`);
      }
      since = Math.min(since, performance.now());
      return performance.now() - since > 1500;
    },
    { timeoutMs: 60_000 },
  );
}

/** Two writes, as the operator makes them: what is new is read from the Deployment first. */
async function release(name: string, value: string): Promise<void> {
  await annotate(name, value, 'gitops');
  const [verified] = await revisionsOf(name);
  const path = `${replicaSets(native)}/${verified?.metadata.name ?? ''}`;
  const body = { metadata: { annotations: { [RELEASE]: value } } };
  await cluster.call({ method: 'PATCH', path, contentType: merge, body }, 'gitops');
}

/** Ten pods of a first revision; a second one is pushed, held, and then released to three pods. */
async function releasedToThree(name: string, rollingUpdate: object): Promise<void> {
  const spec = { strategy: { type: 'RollingUpdate', rollingUpdate } };
  const body = aDeployment({ name, namespace: native, image: 'web:v1', replicas: 10, spec });
  await cluster.call({ method: 'POST', path: deployments(), body });
  await untilSizes(name, '10');
  const [verified] = await revisionsOf(name);
  assert.ok(verified);
  await annotate(name, `${hashOf(verified)}/-/0/10`, 'gitops');
  await patchSpec(name, { template: { spec: { containers: [{ name: 'app', image: 'web:v2' }] } } });
  await untilSizes(name, '10/0');
  const [, target] = await revisionsOf(name);
  assert.ok(target);
  await release(name, `${hashOf(verified)}/${hashOf(target)}/3/10`);
}

async function patchSpec(name: string, spec: object): Promise<void> {
  const contentType = 'application/strategic-merge-patch+json';
  const path = `${deployments()}/${name}`;
  await cluster.call({ method: 'PATCH', path, contentType, body: { spec } }, 'developer');
}

/** Verified and updated pods after each scaling of ten, three of them released; nobody writes but the user. */
const SCALINGS = [
  ['default', { maxSurge: '25%', maxUnavailable: '25%' }, '8/3 19/3 4/2 2/1 1/1 7/3'],
  ['no-surge', { maxSurge: 0, maxUnavailable: 2 }, '7/3 17/3 4/1 2/0 1/0 7/3'],
  ['surge-one', { maxSurge: 1, maxUnavailable: 0 }, '7/3 17/3 4/1 2/1 1/1 7/3'],
] as const;

for (const [strategy, rollingUpdate, sizes] of SCALINGS) {
  needsNative(
    `scaling keeps the batch and its share, with no operator at all (${strategy})`,
    async () => {
      const [start = '', ...rest] = sizes.split(' ');
      await releasedToThree(strategy, rollingUpdate);
      await untilSizes(strategy, start);
      for (const [i, replicas] of [20, 5, 2, 1, 10].entries()) {
        await patchSpec(strategy, { replicas });
        await untilSizes(strategy, rest[i] ?? '');
      }
    },
  );
}
