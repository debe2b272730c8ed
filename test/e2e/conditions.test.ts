// SPDX-License-Identifier: Apache-2.0

import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { ANNOTATIONS, changePolicySpec } from '@altershield/api';
import { webhooksFor } from '@altershield/core';
import type { ReviewRequest } from '../contract/target.ts';
import { matchCondition } from '../support/simulation.ts';
import { aNamespace, sharedCluster, type SharedCluster } from './support/cluster.ts';
import { eventually } from '@altershield/testing/eventually';
import { aDeployment } from './support/manifests.ts';
import { stopAll } from './support/stop-all.ts';
import { WebhookServer } from './support/webhook-server.ts';

interface Condition {
  readonly name: string;
  readonly expression: string;
}

const CONFIGURATIONS = '/apis/admissionregistration.k8s.io/v1/validatingwebhookconfigurations';
const NAME = 'altershield-conditions';
/** Whom the conditions exempt. */
const EXEMPT = 'system:serviceaccount:flux-system:kustomize-controller';
const ALWAYS: Condition = { name: 'always', expression: 'true' };

const server = new WebhookServer();
/** What the webhook of each condition was asked since the last write. */
const asked = new Map<string, ReviewRequest>();
let cluster: SharedCluster;
let namespace: string;

/** Each condition that the webhooks for Deployments and records have, once. */
function ourConditions(): readonly Condition[] {
  const policy = { name: 'web', namespace, uid: 'u', generation: 1 };
  const { mutating, validating } = webhooksFor(
    [{ ...policy, spec: changePolicySpec.parse({}) }],
    {
      operatorUser: EXEMPT,
      operatorNamespace: 'altershield-system',
      clientConfig: (path) => ({ url: `https://127.0.0.1${path}` }),
    },
    { nativeClamp: true },
  );
  const all = [...mutating, ...validating]
    .filter((webhook) => !/\.(replicaset|pod)\./.test(String(webhook['name'])))
    .flatMap((webhook) => webhook['matchConditions'] as Condition[]);
  return [...new Map(all.map((condition) => [condition.expression, condition])).values()];
}

/** A webhook that has this condition alone; where CEL fails, so does the write. */
function webhookOf(condition: Condition): object {
  return {
    name: `${condition.name}.altershield.io`,
    admissionReviewVersions: ['v1'],
    clientConfig: server.add((request) => {
      asked.set(condition.name, request);
      return {};
    }),
    failurePolicy: 'Fail',
    sideEffects: 'None',
    namespaceSelector: { matchLabels: { 'kubernetes.io/metadata.name': namespace } },
    rules: [
      {
        apiGroups: ['apps'],
        apiVersions: ['v1'],
        operations: ['CREATE', 'UPDATE'],
        resources: ['deployments'],
      },
    ],
    matchConditions: [condition],
  };
}

before(async () => {
  await server.start();
  cluster = await sharedCluster();
  namespace = await aNamespace(cluster, 'conditions');
  const body = {
    apiVersion: 'admissionregistration.k8s.io/v1',
    kind: 'ValidatingWebhookConfiguration',
    metadata: { name: NAME },
    webhooks: [...ourConditions(), ALWAYS].map(webhookOf),
  };
  await cluster.call({ method: 'POST', path: CONFIGURATIONS, body });
  await eventually(async () => {
    await write({ create: 'probe' });
    return asked.has(ALWAYS.name);
  });
});

after(() =>
  stopAll(
    () => cluster.call({ method: 'DELETE', path: `${CONFIGURATIONS}/${NAME}` }),
    () => {
      server.stop();
    },
    () => cluster.stop(),
  ),
);

interface Write {
  /** The name of a new Deployment; otherwise web is patched. */
  readonly create?: string;
  readonly patch?: object;
  readonly by?: 'developer' | 'gitops';
}

async function write({ create, patch: body, by = 'developer' }: Write): Promise<void> {
  asked.clear();
  const path = `/apis/apps/v1/namespaces/${namespace}/deployments`;
  if (create === undefined) {
    const contentType = 'application/strategic-merge-patch+json';
    await cluster.call({ method: 'PATCH', path: `${path}/web`, contentType, body }, by);
  } else {
    const made = aDeployment({ name: create, namespace, image: 'web:v1', replicas: 0 });
    const query = create === 'probe' ? '?dryRun=All' : '';
    await cluster.call({ method: 'POST', path: `${path}${query}`, body: made }, by);
  }
}

const annotations = (values: object): object => ({ metadata: { annotations: values } });
const template = (image: string): object => ({
  spec: { template: { spec: { containers: [{ name: 'app', image }] } } },
});

/** In this order, to one Deployment; and whether it is a change to us. */
const WRITES: readonly (readonly [what: string, write: Write, isChange: boolean])[] = [
  ['a creation', { create: 'web' }, true],
  ['another image', { patch: template('web:v2') }, true],
  ['another image by the exempt one', { patch: template('web:v3'), by: 'gitops' }, true],
  ['a scale', { patch: { spec: { replicas: 1 } } }, false],
  ['a label', { patch: { metadata: { labels: { a: 'b' } } } }, false],
  ['a first annotation', { patch: annotations({ a: 'b' }) }, false],
  ['a pause', { patch: { spec: { paused: true } } }, false],
  ['the mark of an actor', { patch: annotations({ [ANNOTATIONS.actor]: 'x' }) }, true],
  ['another mark of an actor', { patch: annotations({ [ANNOTATIONS.actor]: 'y' }) }, true],
  ['a write that leaves that mark', { patch: { spec: { replicas: 2 } } }, false],
  ['no mark of an actor', { patch: annotations({ [ANNOTATIONS.actor]: null }) }, true],
  ['a cap', { patch: annotations({ [ANNOTATIONS.release]: 'v1/-/0/3' }) }, true],
  ['a write that leaves that cap', { patch: { spec: { replicas: 3 } } }, false],
  ['no cap', { patch: annotations({ [ANNOTATIONS.release]: null }) }, true],
  ['a label by the exempt one', { patch: annotations({ a: 'c' }), by: 'gitops' }, false],
];

for (const [what, change, isChange] of WRITES) {
  test(`the conditions mean the same to the API server and to the sandbox: ${what}`, async () => {
    await write(change);
    const review = asked.get(ALWAYS.name);
    assert.ok(review);
    const object = review.object && { ...review.object };
    const oldObject = review.oldObject && { ...review.oldObject };
    for (const { name, expression } of ourConditions()) {
      const meant = matchCondition(expression, { object, oldObject, request: { ...review } });
      assert.equal(asked.has(name), meant, name);
    }
    assert.equal(asked.has('a-change'), isChange);
    assert.equal(asked.has('not-the-operator'), change.by !== 'gitops');
  });
}
