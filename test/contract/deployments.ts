// SPDX-License-Identifier: Apache-2.0

import assert from 'node:assert/strict';
import { RESOURCES } from '@altershield/kube';
import {
  aWeb,
  createWeb,
  getWeb,
  patchWeb,
  refused,
  withImage,
  type Deployment,
  type Json,
  type ReplicaSet,
} from './helpers.ts';
import { behavior, pause, until, type Behavior, type ContractTarget } from './target.ts';

const { deployment, replicaSet } = RESOURCES;
const REVISION = 'deployment.kubernetes.io/revision';

const invalid = async (target: ContractTarget, spec: Json, message: RegExp): Promise<void> => {
  const namespace = await target.namespace();
  await createWeb(target, namespace, { replicas: 0, spec: { paused: true } });
  await refused(patchWeb(target, namespace, spec), { status: 422, reason: 'Invalid', message });
};

const surge = (maxSurge: unknown, maxUnavailable: unknown): Json => ({
  strategy: { rollingUpdate: { maxSurge, maxUnavailable } },
});

const complete = (target: ContractTarget, namespace: string): Promise<Deployment> =>
  until(target, 'a complete rollout', async () => {
    const found = await getWeb(target, namespace);
    const { observedGeneration, updatedReplicas, availableReplicas, replicas } = found.status;
    const counts = [updatedReplicas, availableReplicas, replicas];
    return (
      observedGeneration === found.metadata.generation &&
      counts.every((count) => count === found.spec.replicas) &&
      found
    );
  });

const sets = async (target: ContractTarget, namespace: string): Promise<readonly ReplicaSet[]> =>
  (await target.admin.list<ReplicaSet>(replicaSet, { namespace })).items;

export const deployments: readonly Behavior[] = [
  behavior('a Deployment is completed with defaults when it is written', async (target) => {
    const namespace = await target.namespace();
    const labels = { app: 'web' };
    const body = {
      apiVersion: 'apps/v1',
      kind: 'Deployment',
      metadata: { name: 'web' },
      spec: {
        selector: { matchLabels: labels },
        template: {
          metadata: { labels },
          spec: { containers: [{ name: 'app', image: 'web:v1', ports: [{ containerPort: 80 }] }] },
        },
      },
    };
    const { spec } = await target.admin.create<Deployment>(deployment, namespace, body, {
      dryRun: true,
    });
    const { template, ...rest } = spec;
    assert.deepEqual(rest, {
      replicas: 1,
      revisionHistoryLimit: 10,
      progressDeadlineSeconds: 600,
      selector: { matchLabels: labels },
      strategy: {
        type: 'RollingUpdate',
        rollingUpdate: { maxSurge: '25%', maxUnavailable: '25%' },
      },
    });
    assert.deepEqual(template.spec, {
      restartPolicy: 'Always',
      terminationGracePeriodSeconds: 30,
      dnsPolicy: 'ClusterFirst',
      securityContext: {},
      schedulerName: 'default-scheduler',
      containers: [
        {
          name: 'app',
          image: 'web:v1',
          ports: [{ containerPort: 80, protocol: 'TCP' }],
          resources: {},
          terminationMessagePath: '/dev/termination-log',
          terminationMessagePolicy: 'File',
          imagePullPolicy: 'IfNotPresent',
        },
      ],
    });
  }),

  behavior('a field set to its zero value is omitted', async (target) => {
    const namespace = await target.namespace();
    await createWeb(target, namespace, { replicas: 0, spec: { paused: true, minReadySeconds: 2 } });
    const { spec } = await patchWeb(target, namespace, { paused: false, minReadySeconds: 0 });
    assert.deepEqual(
      ['paused' in spec, 'minReadySeconds' in spec, spec.replicas],
      [false, false, 0],
    );
  }),

  behavior('minReadySeconds stays below the progress deadline', async (target) => {
    const message =
      /spec\.progressDeadlineSeconds: Invalid value: \d+: must be greater than minReadySeconds/;
    await invalid(target, { minReadySeconds: 2147483646 }, message);
    await invalid(
      target,
      { minReadySeconds: 2147483647, progressDeadlineSeconds: 2147483647 },
      message,
    );
    const namespace = await target.namespace();
    await createWeb(target, namespace, { replicas: 0 });
    await patchWeb(target, namespace, {
      minReadySeconds: 2147483646,
      progressDeadlineSeconds: 2147483647,
    });
  }),

  behavior(
    'surge and unavailability cannot both be zero, nor unavailability exceed 100 %',
    async (target) => {
      const zero =
        /spec\.strategy\.rollingUpdate\.maxUnavailable: Invalid value: .*may not be 0 when `maxSurge` is 0/;
      await invalid(target, surge(0, 0), zero);
      await invalid(target, surge(0, '0%'), zero);
      await invalid(target, surge(1, '101%'), /must not be greater than 100%/);
      await invalid(target, surge(-1, 1), /must be greater than or equal to 0/);
    },
  ),

  behavior('a selector must match the template and is immutable', async (target) => {
    const namespace = await target.namespace();
    const wrong = aWeb(namespace, { spec: { selector: { matchLabels: { app: 'other' } } } });
    const { server } = await refused(target.admin.create(deployment, namespace, wrong), {
      status: 422,
      reason: 'Invalid',
      message:
        /^Deployment\.apps "web" is invalid: spec\.template\.metadata\.labels: Invalid value/,
    });
    const { causes } = server.details as { causes: { field: string; reason: string }[] };
    assert.deepEqual(
      causes.map(({ field, reason }) => [field, reason]),
      [['spec.template.metadata.labels', 'FieldValueInvalid']],
    );
    await createWeb(target, namespace, { replicas: 0 });
    const relabeled = {
      selector: { matchLabels: { app: 'web', tier: 'x' } },
      template: { metadata: { labels: { tier: 'x' } } },
    };
    await refused(patchWeb(target, namespace, relabeled), {
      status: 422,
      message: /spec\.selector: Invalid value: .*field is immutable/,
    });
  }),

  behavior('a rollout ends complete, available and progressed', async (target) => {
    const namespace = await target.namespace();
    await createWeb(target, namespace, { replicas: 2 });
    const { status, metadata } = await complete(target, namespace);
    assert.equal(metadata.annotations?.[REVISION], '1');
    const said = status.conditions
      ?.map(({ type, status: is, reason }) => [type, is, reason])
      .sort();
    assert.deepEqual(said, [
      ['Available', 'True', 'MinimumReplicasAvailable'],
      ['Progressing', 'True', 'NewReplicaSetAvailable'],
    ]);
    assert.equal(status.unavailableReplicas, undefined);
    const [set] = await sets(target, namespace);
    assert.deepEqual(
      set?.metadata.ownerReferences?.map(({ kind, uid, controller }) => [kind, uid, controller]),
      [['Deployment', metadata.uid, true]],
    );
    assert.ok(set.metadata.name.startsWith('web-'));
    const hash = set.metadata.labels?.['pod-template-hash'] ?? '';
    assert.equal(set.metadata.name, `web-${hash}`);
  }),

  behavior('a pod carries the labels of its ReplicaSet and is controlled by it', async (target) => {
    const namespace = await target.namespace();
    await createWeb(target, namespace, { replicas: 1 });
    await complete(target, namespace);
    const [set] = await sets(target, namespace);
    const { items } = await target.admin.list(RESOURCES.pod, { namespace });
    const [pod] = items;
    assert.ok(set !== undefined && pod !== undefined);
    assert.deepEqual(pod.metadata.labels, set.metadata.labels);
    assert.equal(pod.metadata.ownerReferences?.[0]?.uid, set.metadata.uid);
    assert.ok(pod.metadata.name.startsWith(`${set.metadata.name}-`));
  }),

  behavior(
    'applying an old template again reuses its ReplicaSet under a new revision number',
    async (target) => {
      const namespace = await target.namespace();
      await createWeb(target, namespace, { replicas: 2 });
      await complete(target, namespace);
      const [first] = await sets(target, namespace);
      await patchWeb(target, namespace, withImage('web:v2'));
      await complete(target, namespace);
      await patchWeb(target, namespace, withImage('web:v1'));
      const { metadata } = await complete(target, namespace);
      assert.equal(metadata.annotations?.[REVISION], '3');
      const found = await sets(target, namespace);
      const active = found.find(({ spec }) => spec.replicas === 2);
      assert.equal(found.length, 2);
      assert.equal(active?.metadata.uid, first?.metadata.uid);
      assert.equal(active?.metadata.annotations?.[REVISION], '3');
    },
  ),

  behavior(
    'annotations of a Deployment are copied to its newest ReplicaSet, and stay there when removed',
    async (target) => {
      const namespace = await target.namespace();
      await createWeb(target, namespace, { replicas: 1 });
      const annotate = (mark: string | null) =>
        target.admin.patch(
          deployment,
          { namespace, name: 'web' },
          { type: 'merge', body: { metadata: { annotations: { mark } } } },
        );
      const marked = (what: string) =>
        until(target, what, async () => {
          const all = await sets(target, namespace);
          return all.length > 0 && all.map(({ metadata }) => metadata.annotations?.['mark']);
        });
      await annotate('first');
      await until(target, 'the copy', async () => (await marked('a set')).includes('first'));
      await patchWeb(target, namespace, withImage('web:v2'));
      await complete(target, namespace);
      await annotate(null);
      await patchWeb(target, namespace, { replicas: 2 });
      await complete(target, namespace);
      assert.deepEqual(await marked('both'), ['first', 'first']);
    },
  ),

  behavior(
    'a change of labels, annotations or replicas creates no new revision',
    async (target) => {
      const namespace = await target.namespace();
      await createWeb(target, namespace, { replicas: 1 });
      await complete(target, namespace);
      await patchWeb(target, namespace, { replicas: 2 });
      const { metadata } = await complete(target, namespace);
      assert.equal(metadata.annotations?.[REVISION], '1');
      assert.equal((await sets(target, namespace)).length, 1);
    },
  ),

  behavior('a rollout without progress fails its deadline', async (target) => {
    const namespace = await target.namespace();
    await createWeb(target, namespace, { image: 'web:bad', spec: { progressDeadlineSeconds: 3 } });
    const condition = await until(target, 'the deadline to pass', async () => {
      const { status } = await getWeb(target, namespace);
      return status.conditions?.find(({ reason }) => reason === 'ProgressDeadlineExceeded');
    });
    assert.deepEqual([condition.type, condition.status], ['Progressing', 'False']);
    assert.match(condition.message ?? '', /^ReplicaSet "web-.*" has timed out progressing\.$/);
  }),

  behavior(
    'a paused Deployment creates no ReplicaSet and reports that it is paused',
    async (target) => {
      const namespace = await target.namespace();
      await createWeb(target, namespace, { replicas: 2, spec: { paused: true } });
      const condition = await until(target, 'the pause to be noted', async () => {
        const { status } = await getWeb(target, namespace);
        return status.conditions?.find(({ type }) => type === 'Progressing');
      });
      assert.deepEqual([condition.status, condition.reason], ['Unknown', 'DeploymentPaused']);
      await pause(target, 1000);
      assert.equal((await sets(target, namespace)).length, 0);
    },
  ),

  behavior('deleting a Deployment deletes its ReplicaSets and pods', async (target) => {
    const namespace = await target.namespace();
    await createWeb(target, namespace, { replicas: 2 });
    await complete(target, namespace);
    await target.developer.delete(deployment, { namespace, name: 'web' });
    await until(target, 'everything to go', async () => {
      const { items } = await target.admin.list(RESOURCES.pod, { namespace });
      return items.length === 0 && (await sets(target, namespace)).length === 0;
    });
  }),

  behavior('old ReplicaSets beyond the history limit are deleted', async (target) => {
    const namespace = await target.namespace();
    await createWeb(target, namespace, { replicas: 1, spec: { revisionHistoryLimit: 0 } });
    await complete(target, namespace);
    await patchWeb(target, namespace, withImage('web:v2'));
    await complete(target, namespace);
    await until(
      target,
      'the old ReplicaSet to go',
      async () => (await sets(target, namespace)).length === 1,
    );
  }),
];
