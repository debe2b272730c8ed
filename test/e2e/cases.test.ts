// SPDX-License-Identifier: Apache-2.0
// Faults that were seen in the field, each by its smallest input.

import assert from 'node:assert/strict';
import { before, describe, test } from 'node:test';
import type { Deployment } from '@altershield/core';
import type { ReviewRequest } from '../contract/target.ts';
import type { UserName } from '../cluster/users.ts';
import { eventually } from '@altershield/testing/eventually';
import { Fixture, cli, kubectl } from './support/fixture.ts';
import { aDeployment, type WorkloadWishes } from './support/manifests.ts';
import { imageOf, isActive, isReady } from './support/pods.ts';
import { activeOf, mostBefore, templateWith, type App } from './support/story.ts';
import { WebhookServer } from './support/webhook-server.ts';

const ADMISSION = '/apis/admissionregistration.k8s.io/v1';
const QUICK = { release: { batches: [1, '50%', '100%'], soakSeconds: 1 } };
const LONG_SOAK = { release: { batches: [1, '50%', '100%'], soakSeconds: 600 } };

const server = new WebhookServer();
/** Paths of what was registered with the API server, to be deleted at the end. */
const registered: string[] = [];

before(() => server.start());

const fixture = Fixture.ofFile(
  () => Promise.all(registered.map((path) => fixture.cluster.call({ method: 'DELETE', path }))),
  () => {
    server.stop();
  },
);

/** Pods that fill nodes must not outlive a test that fails. */
async function removeWorkload(app: App): Promise<void> {
  await fixture.cluster.call({ method: 'DELETE', path: app.path });
  await app.pods.until('no pod', ({ pods }) => pods.length === 0);
}

const manifest = (app: App, wishes: Partial<WorkloadWishes>): Record<string, unknown> =>
  aDeployment({ name: app.name, namespace: app.namespace, image: 'checkout:v1', ...wishes });

interface Apply {
  readonly user?: UserName;
  readonly args?: readonly string[];
}

async function apply(app: App, body: object, { user = 'developer', args = [] }: Apply = {}) {
  const all = ['apply', ...args, '-f', '-'];
  const { code, stdout, stderr } = await fixture.cluster.kubectl(all, {
    user,
    input: JSON.stringify(body),
  });
  return { code, said: stdout + stderr };
}

async function applied(app: App, body: object, how: Apply = {}): Promise<void> {
  const { code, said } = await apply(app, body, how);
  assert.equal(code, 0, said);
}

const SERVER_SIDE = ['--server-side'];

/** Edits the Deployment as a user does, by a script for sed. */
const edit = (app: App, script: string) =>
  fixture.cluster.kubectl(['edit', 'deploy/checkout', '-n', app.namespace], {
    user: 'developer',
    editor: `sed -i '${script}'`,
  });

/** Two of these fit on a node of the control plane's three. */
const HALF_A_NODE = { resources: { requests: { cpu: '30' } } };
/** One of these fits on a node. */
const ONE_PER_NODE = {
  affinity: {
    podAntiAffinity: {
      requiredDuringSchedulingIgnoredDuringExecution: [
        {
          labelSelector: { matchLabels: { app: 'checkout' } },
          topologyKey: 'kubernetes.io/hostname',
        },
      ],
    },
  },
};
const HOST_PORT = { ports: [{ containerPort: 80, hostPort: 18080 }] };

const PLACES: readonly (readonly [what: string, unavailable: number, wishes: object])[] = [
  ['nodes that are full', 1, { replicas: 6, container: HALF_A_NODE }],
  [
    'anti-affinity and as many replicas as nodes',
    1,
    {
      replicas: 3,
      podSpec: ONE_PER_NODE,
      spec: { strategy: { rollingUpdate: { maxUnavailable: 1, maxSurge: '25%' } } },
    },
  ],
  [
    'host ports on all nodes',
    1,
    {
      replicas: 3,
      container: HOST_PORT,
      spec: { strategy: { rollingUpdate: { maxUnavailable: 1, maxSurge: '100%' } } },
    },
  ],
];

describe('a good change that needs the room of verified pods', () => {
  for (const [what, unavailable, wishes] of PLACES) {
    test(`is released within the user’s bounds: ${what}`, async (t) => {
      const checks = { podHealth: { readyDeadlineSeconds: 25 } };
      const app = await fixture.newApp({ policy: { ...QUICK, checks }, ...wishes, wishes });
      t.after(() => removeWorkload(app));
      const { spec } = await app.get();
      const since = performance.now();
      await app.setImage('checkout:v2');
      await app.until('checkout:v2', 'Success', 90_000);
      const least = app.timeline.minReady(since);
      assert.ok(least >= (spec.replicas ?? 1) - unavailable, `${least} ready`);
      await app.assertAtRest(spec, (await app.get()).spec.template);
      app.deployment.assertSpecKept(spec);
    });
  }
});

/** A first revision with an env variable and a sidecar, which the later ones do not have. */
function withSidecar(app: App): Record<string, unknown> {
  const body = manifest(app, {
    replicas: 3,
    container: { env: [{ name: 'LEGACY', value: '1' }] },
  });
  const { template } = body['spec'] as { template: { spec: { containers: object[] } } };
  template.spec.containers.push({ name: 'sidecar', image: 'side:v1' });
  return body;
}

const WAYS: readonly (readonly [name: string, how: Apply])[] = [
  ['kubectl apply', {}],
  ['kubectl apply --server-side', { args: SERVER_SIDE }],
  [
    'a GitOps robot that forces conflicts',
    {
      user: 'gitops',
      args: [...SERVER_SIDE, '--force-conflicts', '--field-manager=kustomize-controller'],
    },
  ],
];

describe('after a rollback', { concurrency: 3 }, () => {
  for (const [name, how] of WAYS) {
    test(`a field removed by the bad commit is removed by the next good one, with ${name}`, async () => {
      const app = await fixture.newApp({ replicas: 0, policy: QUICK });
      await fixture.cluster.call({ method: 'DELETE', path: app.path });
      await applied(app, withSidecar(app), how);
      await app.until('checkout:v1', 'Success');
      await applied(app, manifest(app, { image: 'checkout:bad-2', replicas: 3 }), how);
      await app.until('checkout:bad-2', 'RolledBack');
      await applied(app, manifest(app, { image: 'checkout:v3', replicas: 3 }), how);
      await app.until('checkout:v3', 'Success');
      const { template } = (await app.get()).spec;
      const { containers } = template['spec'] as { containers: { name: string; env?: object }[] };
      assert.deepEqual(
        containers.map(({ name: container, env }) => [container, env]),
        [['app', undefined]],
      );
    });
  }

  test('kubectl edit is applied for other fields, and denied for the rolled-back template', async () => {
    const app = await fixture.newApp({ replicas: 3, policy: QUICK });
    await applied(app, manifest(app, { replicas: 3 }));
    await applied(app, manifest(app, { replicas: 3, image: 'checkout:bad-2' }));
    await app.until('checkout:bad-2', 'RolledBack');
    const scaled = await edit(app, 's/replicas: 3/replicas: 4/');
    assert.equal(scaled.code, 0, scaled.stderr);
    await app.untilReady('checkout:v1', 4);
    const again = await edit(app, 's/image: checkout:v1/image: checkout:bad-2/');
    assert.notEqual(again.code, 0);
    assert.match(again.stderr, /denies this revision/);
    const changed = await edit(app, 's/image: checkout:v1/image: checkout:v3/');
    assert.equal(changed.code, 0, changed.stderr);
    const { spec } = await app.until('checkout:v3', 'Success');
    assert.deepEqual([spec.from?.images, spec.actor.user], [['checkout:v1'], 'alice']);
    await applied(app, manifest(app, { replicas: 4, image: 'checkout:v4' }));
    await app.until('checkout:v4', 'Success');
  });

  test('server-side apply never conflicts, in flight or later', async () => {
    const how = { args: SERVER_SIDE };
    const app = await fixture.newApp({ replicas: 0, policy: QUICK });
    await fixture.cluster.call({ method: 'DELETE', path: app.path });
    const strategy = (maxSurge: number) => ({ rollingUpdate: { maxSurge, maxUnavailable: 1 } });
    const revision = (image: string, maxSurge = 2) =>
      manifest(app, { image, replicas: 6, spec: { strategy: strategy(maxSurge) } });
    const minReady = (body: Record<string, unknown>) => ({
      ...body,
      spec: { ...(body['spec'] as object), minReadySeconds: 1 },
    });
    await applied(app, minReady(revision('checkout:v1')), how);
    await app.until('checkout:v1', 'Success');
    await applied(app, minReady(revision('checkout:v2')), how);
    await app.untilOut('checkout:v2', 1);
    await applied(app, minReady(revision('checkout:v2', 3)), how);
    await app.until('checkout:v2', 'Success');
    await applied(app, revision('checkout:v2', 3), how);
    assert.equal((await app.get()).spec.minReadySeconds ?? 0, 0);
    await applied(app, revision('checkout:bad-3', 3), how);
    await app.until('checkout:bad-3', 'RolledBack');
    await applied(app, revision('checkout:v4', 3), how);
    const change = await app.until('checkout:v4', 'Success');
    assert.deepEqual((await app.get()).spec.strategy?.rollingUpdate, strategy(3).rollingUpdate);
    assert.equal(change.spec.actor.user, 'alice');
  });
});

describe('fields of the user', { concurrency: 3 }, () => {
  test('that Kubernetes denies are denied with the same message, and nothing is recorded', async () => {
    const app = await fixture.newApp({ replicas: 3, policy: QUICK });
    const fields = { minReadySeconds: 700 };
    const template = templateWith('checkout:bad-2')['spec'] as object;
    await assert.rejects(
      app.patch({ spec: { ...fields, ...template } }),
      /spec\.progressDeadlineSeconds: Invalid value: 600: must be greater than minReadySeconds/,
    );
    const { spec } = await app.get();
    assert.equal(spec.minReadySeconds ?? 0, 0);
    await app.setImage('checkout:v2');
    const change = await app.until('checkout:v2', 'Success');
    assert.equal(change.spec.sequence, 1);
  });

  test('that are edited while a change is held have the user’s values at the end', async () => {
    const policy = { release: { batches: [1, '50%', '100%'], soakSeconds: 4 } };
    const rollingUpdate = { maxSurge: 1, maxUnavailable: 0 };
    const app = await fixture.newApp({
      ...{ replicas: 4, policy },
      wishes: { spec: { strategy: { rollingUpdate } } },
    });
    await app.setImage('checkout:v2');
    await app.untilReady('checkout:v2', 2);
    const edited = { maxSurge: 0, maxUnavailable: 1 };
    const written = await app.patch({ spec: { strategy: { rollingUpdate: edited } } });
    assert.deepEqual(written.spec.strategy?.rollingUpdate, edited);
    const since = performance.now();
    await app.until('checkout:v2', 'Success', 90_000);
    assert.deepEqual((await app.get()).spec.strategy?.rollingUpdate, edited);
    assert.ok(app.timeline.minReady(since) >= 3);
    await app.setImage('checkout:bad-3');
    await app.until('checkout:bad-3', 'RolledBack');
    await app.assertAtRest(written.spec);
  });

  test('set the pace: no batch passes before minReadySeconds, and no verified pod goes before', async () => {
    const spec = {
      minReadySeconds: 6,
      strategy: { rollingUpdate: { maxSurge: 1, maxUnavailable: 0 } },
    };
    const policy = { release: { batches: [1, '100%'], soakSeconds: 1 } };
    const app = await fixture.newApp({ replicas: 3, policy, wishes: { spec } });
    await eventually(async () => availableIn(await app.get()) === 3);
    const since = performance.now();
    await app.setImage('checkout:v2');
    await app.until('checkout:v2', 'Success', 120_000);
    const available = app.deployment.states
      .filter(({ at }) => at >= since)
      .map(({ deployment }) => availableIn(deployment));
    assert.ok(Math.min(...available) >= 3, available.join(' '));
    const ready = app.timeline.first((pod) => imageOf(pod) === 'checkout:v2' && isReady(pod));
    const [, second] = await app.batches();
    const readyAt = (ready?.at ?? NaN) + Date.now() - performance.now();
    // Times of the API have whole seconds.
    assert.ok(Date.parse(second?.spec.releasedAt ?? '') - readyAt >= 5000);
  });
});

const availableIn = ({ status }: { readonly status?: object }): number =>
  (status as { availableReplicas?: number } | undefined)?.availableReplicas ?? 0;

describe('a workload that is scaled to zero', { concurrency: 3 }, () => {
  test('in mid-batch stays held, and continues with its first batch when it is scaled up', async () => {
    const checks = { podHealth: { readyDeadlineSeconds: 6 } };
    const app = await fixture.newApp({ replicas: 4, policy: { ...LONG_SOAK, checks } });
    await app.setImage('checkout:noready-2');
    await app.untilOut('checkout:noready-2', 1);
    await app.scale(0);
    const waiting = await app.untilReason('checkout:noready-2', ['Init', 'NoReplicas']);
    assert.notEqual(waiting.status?.verdict, 'Pass');
    await app.scale(4);
    await app.until('checkout:noready-2', 'RolledBack');
    assert.equal(app.timeline.maxNew('checkout:noready-2'), 1);
    await app.untilReady('checkout:v1', 4);
  });

  test('and gets a bad image has one bad pod after its scale-up, and is rolled back', async () => {
    const app = await fixture.newApp({ replicas: 6, policy: QUICK });
    await app.setImage('checkout:v2');
    await app.until('checkout:v2', 'Success');
    await app.scale(0);
    await app.pods.until('no pod', ({ pods }) => !pods.some(isActive));
    await app.setImage('checkout:bad-3');
    await app.untilReason('checkout:bad-3', ['Init', 'NoReplicas']);
    await app.scale(6);
    await app.until('checkout:bad-3', 'RolledBack');
    assert.equal(app.timeline.maxNew('checkout:bad-3'), 1);
    await app.untilReady('checkout:v2', 6);
  });
});

describe('a rollback that another admission plug-in denies', () => {
  test('suspends the change with the server’s message, and no record says that it was rolled back', async (t) => {
    const app = await fixture.newApp({ replicas: 4, policy: QUICK });
    await denyImage(app, 'checkout:v1');
    await app.setImage('checkout:bad-2');
    const change = await app.until('checkout:bad-2', 'Suspend');
    assert.equal(change.status?.reason, 'WriteDenied');
    assert.match(change.status.message, /checkout:v1 has a known vulnerability/);
    const why = await cli(app, 'why');
    t.diagnostic(why.stdout);
    assert.doesNotMatch(why.stdout, /rolled back/);
    assert.match(why.stdout, /known vulnerability/);
    await eventually(async () => {
      const { stdout } = await kubectl(app, 'get', 'events');
      return stdout.includes('known vulnerability');
    });
    assert.equal(app.timeline.maxNew('checkout:bad-2'), 1);
  });
});

/** From now on no Deployment of the app's namespace may have the image. */
async function denyImage(app: App, image: string): Promise<void> {
  const name = `no-${app.namespace}`;
  const make = async (kind: string, spec: object): Promise<void> => {
    const path = `${ADMISSION}/${kind.toLowerCase()}s`.replace(/ys$/, 'ies');
    const body = { apiVersion: 'admissionregistration.k8s.io/v1', kind, metadata: { name }, spec };
    await fixture.cluster.call({ method: 'POST', path, body });
    registered.push(`${path}/${name}`);
  };
  const rule = {
    ...{ apiGroups: ['apps'], apiVersions: ['v1'], operations: ['CREATE', 'UPDATE'] },
    resources: ['deployments'],
  };
  await make('ValidatingAdmissionPolicy', {
    failurePolicy: 'Fail',
    matchConstraints: { resourceRules: [rule] },
    validations: [
      {
        expression: `object.spec.template.spec.containers.all(c, c.image != '${image}')`,
        message: `${image} has a known vulnerability`,
      },
    ],
  });
  await make('ValidatingAdmissionPolicyBinding', {
    policyName: name,
    validationActions: ['Deny'],
    matchResources: { namespaceSelector: inNamespace(app) },
  });
  await eventually(async () => {
    const probe = app.setImage(image, 'admin', '&dryRun=All');
    const why = await probe.then(() => '', String);
    return why.includes('known vulnerability');
  });
}

const inNamespace = ({ namespace }: App) => ({
  matchLabels: { 'kubernetes.io/metadata.name': namespace },
});

/** Another admission plug-in, which puts an annotation on each template that is written. */
async function annotateTemplates(
  app: App,
  value: (request: ReviewRequest) => string,
): Promise<void> {
  const clientConfig = server.add((request) => ({ patch: addTeam(request, value(request)) }));
  const path = `${ADMISSION}/mutatingwebhookconfigurations`;
  const name = `team-${app.namespace}`;
  const webhook = {
    ...{ name: 'team.example.com', admissionReviewVersions: ['v1'], sideEffects: 'None' },
    ...{ clientConfig, namespaceSelector: inNamespace(app), reinvocationPolicy: 'IfNeeded' },
    rules: [
      {
        ...{ apiGroups: ['apps'], apiVersions: ['v1'], operations: ['UPDATE'] },
        resources: ['deployments'],
      },
    ],
  };
  const body = {
    apiVersion: 'admissionregistration.k8s.io/v1',
    kind: 'MutatingWebhookConfiguration',
    metadata: { name },
    webhooks: [webhook],
  };
  await fixture.cluster.call({ method: 'POST', path, body });
  registered.push(`${path}/${name}`);
  await eventually(async () => {
    const { spec } = await app.setImage('checkout:v1', 'admin', '&dryRun=All');
    return JSON.stringify(spec.template).includes('example.com/team');
  });
}

function addTeam({ object }: ReviewRequest, value: string): readonly object[] {
  const { spec } = object as unknown as Pick<Deployment, 'spec'>;
  const template = spec.template as { metadata: { annotations?: object } };
  const annotations = { ...template.metadata.annotations, 'example.com/team': value };
  return [{ op: 'add', path: '/spec/template/metadata/annotations', value: annotations }];
}

describe('another admission plug-in that alters templates', () => {
  test('in the same way each time does not affect a rollback', async () => {
    const app = await fixture.newApp({ replicas: 4, policy: QUICK });
    await annotateTemplates(app, () => 'x');
    await app.setImage('checkout:bad-2');
    const change = await app.until('checkout:bad-2', 'RolledBack');
    assert.equal(change.status?.reason, 'RolledBack');
    assert.equal(imageIn(await app.get()), 'checkout:v1');
    await assert.rejects(app.setImage('checkout:bad-2'), /ImagePullBackOff/);
    assert.equal((await app.changes()).length, 1);
    await app.untilReady('checkout:v1', 4);
  });

  test('in another way each time causes neither endless superseding nor a series of ReplicaSets', async () => {
    const app = await fixture.newApp({ replicas: 4, policy: QUICK });
    let count = 0;
    await annotateTemplates(app, () => String((count += 1)));
    await app.setImage('checkout:v2');
    const end = await eventually(
      async () => {
        const last = (await app.changes()).at(-1);
        return /^(Suspend|Success)$/.test(last?.status?.phase ?? '') && last;
      },
      { what: 'an end, or a decision to take', timeoutMs: 60_000 },
    );
    assert.ok((await app.changes()).length <= 2, end.status?.message);
    assert.ok((await app.revisions()).length <= 3);
    assert.ok(end.status?.phase === 'Success' || end.status?.reason === 'AlteredByAdmission');
  });
});

const imageIn = ({ spec }: { readonly spec: { readonly template: object } }): string =>
  /"image":"([^"]*)"/.exec(JSON.stringify(spec.template))?.[1] ?? '';

describe('kubectl rollout, while a change is held in mid-batch', { concurrency: 2 }, () => {
  test('undo rolls the change back', async () => {
    const app = await fixture.newApp({ replicas: 4, policy: LONG_SOAK });
    const { spec } = await app.get();
    await app.setImage('checkout:v2');
    await app.untilReady('checkout:v2', 1);
    const { code, stderr } = await kubectl(app, 'rollout', 'undo', 'deploy/checkout');
    assert.equal(code, 0, stderr);
    const change = await app.until('checkout:v2', 'RolledBack');
    assert.equal(change.status?.reason, 'RevertedByUser');
    assert.equal(change.status.revertedBy?.user, 'alice');
    const status = ['rollout', 'status', 'deploy/checkout', '--timeout=60s'];
    assert.equal((await kubectl(app, ...status)).code, 0);
    assert.deepEqual((await app.get()).spec, spec);
    await app.untilReady('checkout:v1', 4);
  });

  test('pause, resume and restart have their documented effect', async () => {
    const app = await fixture.newApp({ replicas: 4, policy: LONG_SOAK });
    await app.setImage('checkout:v2');
    await app.untilReady('checkout:v2', 1);
    for (const verb of ['pause', 'resume', 'restart']) {
      const { code, stderr } = await kubectl(app, 'rollout', verb, 'deploy/checkout');
      assert.equal(code, 0, stderr);
      assert.equal((await app.get()).spec.paused ?? false, verb === 'pause');
    }
    const second = await app.until('checkout:v2', 'Running', 60_000, 2);
    assert.match(JSON.stringify(second.spec.diff), /restartedAt/);
    assert.equal(second.spec.cause.action, 'Restart');
    assert.equal(second.spec.from?.images?.[0], 'checkout:v1');
    assert.equal(app.timeline.maxNew('checkout:v2'), 1);
  });
});

/** All annotations of an object together, names included. */
const MOST_ANNOTATIONS = 262_144;
/** What is left of them: too little for the actor beside the cap and what the Deployment controller adds. */
const ROOM = 444;

describe('a Deployment whose annotations nearly reach the size limit', () => {
  test('is released like any other, with one annotation that fits', async () => {
    const app = await fixture.newApp({ replicas: 3, policy: QUICK });
    const { metadata } = await app.get();
    const used = Object.entries(metadata.annotations ?? {})
      .flat()
      .join('').length;
    const name = 'example.com/big';
    const value = 'x'.repeat(MOST_ANNOTATIONS - ROOM - used - name.length);
    await app.patch({ metadata: { annotations: { [name]: value } } });
    const { spec } = await app.get();
    const since = performance.now();
    await app.setImage('checkout:v2');
    await app.until('checkout:v2', 'Success', 90_000);
    assert.ok(app.timeline.minReady(since) >= 3);
    assert.equal(await mostNew(app, 'checkout:v2'), 1);
    await app.assertAtRest(spec, (await app.get()).spec.template);
  });
});

/** The most pods of an image before the second batch was released. */
async function mostNew(app: App, image: string): Promise<number> {
  const [, second] = await app.batches();
  return mostBefore(app.timeline, image, Date.parse(second?.spec.releasedAt ?? ''));
}

describe('altershield', { concurrency: 2 }, () => {
  test('why lists the batches that were released, without those that add no pod', async () => {
    const policy = { release: { batches: [1, '30%', '100%'], soakSeconds: 1 } };
    const app = await fixture.newApp({ replicas: 2, policy });
    await app.setImage('checkout:v2');
    await app.until('checkout:v2', 'Success');
    const { stdout, code, stderr } = await cli(app, 'why');
    assert.equal(code, 0, stderr);
    const batches = stdout.split('\n').filter((line) => / of \d+  \d+ pods?/.test(line));
    assert.equal(batches.length, 2, stdout);
    assert.doesNotMatch(stdout, /never/);
  });

  test('status --wait tells a pipeline how its own change ended', async () => {
    const app = await fixture.newApp({ replicas: 3, policy: QUICK });
    const wait = () => cli(app, 'status', '--wait', '--timeout', '90s');
    await app.setImage('checkout:v2');
    const good = await wait();
    assert.equal(good.code, 0, good.stdout + good.stderr);
    await app.setImage('checkout:bad-3');
    const bad = await wait();
    assert.notEqual(bad.code, 0, bad.stdout + bad.stderr);
    assert.match(bad.stdout + bad.stderr, /rolled back/i);
    const [, second] = await app.changes();
    const name = `changeworkload/${second?.metadata.name ?? ''}`;
    const completed = await kubectl(app, 'wait', '--for=condition=Completed', name);
    assert.equal(completed.code, 0, completed.stderr);
  });
});

describe('a quarantined revision', { concurrency: 2 }, () => {
  test('is denied although the same write removes the label that the policy selects', async () => {
    const policy = { ...QUICK, target: { selector: { matchLabels: { tier: 'web' } } } };
    const app = await fixture.newApp({ replicas: 4, policy, wishes: { labels: { tier: 'web' } } });
    await app.setImage('checkout:bad-2');
    await app.until('checkout:bad-2', 'RolledBack');
    const created = app.timeline.everCreated('checkout:bad-2');
    const labels = { tier: 'frontend' };
    const body = { metadata: { labels }, ...templateWith('checkout:bad-2') };
    await assert.rejects(app.patch(body), /denies this revision/);
    await assert.rejects(app.setImage('checkout:bad-2'), /denies this revision/);
    assert.equal(app.timeline.everCreated('checkout:bad-2'), created);
    assert.equal(activeOf(app.timeline.pods, 'checkout:v1'), 4);
  });

  test('is checked as a new workload when its Deployment is deleted and created again', async () => {
    const app = await fixture.newApp({ replicas: 2, policy: QUICK });
    await app.setImage('checkout:bad-2');
    await app.until('checkout:bad-2', 'RolledBack');
    await fixture.cluster.call({ method: 'DELETE', path: app.path });
    await applied(app, manifest(app, { image: 'checkout:bad-2', replicas: 2 }));
    const change = await app.until('checkout:bad-2', 'Failed');
    assert.equal(change.spec.operation, 'Create');
  });
});
