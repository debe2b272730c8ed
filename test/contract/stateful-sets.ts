// SPDX-License-Identifier: Apache-2.0

import assert from 'node:assert/strict';
import { RESOURCES, type KubeObject } from '@altershield/kube';
import { isReady, type Pod } from '../e2e/support/pods.ts';
import { install } from './hook.ts';
import { refused, withImage, type Json } from './helpers.ts';
import {
  aDb,
  aReadyDb,
  createDb,
  HOLD_ALL,
  minorOf,
  partition,
  revisionLabel,
  type Database,
  type StatefulSet,
} from './stateful.ts';
import { behavior, pause, until, type Behavior, type ContractTarget } from './target.ts';

const { controllerRevision, pod: pods, statefulSet } = RESOURCES;

const dryRun = async (target: ContractTarget, spec: Json): Promise<StatefulSet> => {
  const namespace = await target.namespace();
  const body = aDb({ replicas: 1, spec });
  return target.admin.create<StatefulSet>(statefulSet, namespace, body, { dryRun: true });
};

const partitionOf = ({ updateStrategy }: StatefulSet['spec']): unknown =>
  (updateStrategy['rollingUpdate'] as Json)['partition'];

/** Without a pod: only the API server is asked. */
const anEmptyDb = (target: ContractTarget): Promise<Database> => createDb(target, { replicas: 0 });

const denied = async (target: ContractTarget, spec: Json, message: RegExp): Promise<void> => {
  const db = await anEmptyDb(target);
  await refused(db.write(spec), { status: 422, reason: 'Invalid', message });
  await db.stop();
};

const writing: readonly Behavior[] = [
  behavior('a StatefulSet is completed with defaults when it is written', async (target) => {
    const labels = { app: 'db' };
    const namespace = await target.namespace();
    const template = {
      metadata: { labels },
      spec: { containers: [{ name: 'app', image: 'db:v1' }] },
    };
    const body = {
      apiVersion: 'apps/v1',
      kind: 'StatefulSet',
      metadata: { name: 'db' },
      spec: { selector: { matchLabels: labels }, template },
    };
    const created = await target.admin.create<StatefulSet>(statefulSet, namespace, body, {
      dryRun: true,
    });
    const { template: _, ...spec } = created.spec;
    const maxUnavailable = (await minorOf(target)) >= 37 ? { maxUnavailable: 1 } : {};
    assert.deepEqual(spec, {
      replicas: 1,
      serviceName: '',
      podManagementPolicy: 'OrderedReady',
      updateStrategy: {
        type: 'RollingUpdate',
        rollingUpdate: { partition: 0, ...maxUnavailable },
      },
      revisionHistoryLimit: 10,
      persistentVolumeClaimRetentionPolicy: { whenDeleted: 'Retain', whenScaled: 'Retain' },
      selector: { matchLabels: labels },
    });
    assert.equal(created.metadata.generation, 1);
  }),

  behavior('a strategy whose rollingUpdate is removed gets no default for it', async (target) => {
    const db = await anEmptyDb(target);
    const { spec } = await db.write({ updateStrategy: { rollingUpdate: null } });
    assert.deepEqual(spec.updateStrategy, { type: 'RollingUpdate' });
    await db.stop();
  }),

  behavior('maxUnavailable is stored from 1.37 on, and dropped before', async (target) => {
    const rollingUpdate = { partition: 0, maxUnavailable: 2 };
    const { spec } = await dryRun(target, {
      updateStrategy: { type: 'RollingUpdate', rollingUpdate },
    });
    const isKept = (await minorOf(target)) >= 37;
    assert.deepEqual(spec.updateStrategy['rollingUpdate'], {
      partition: 0,
      ...(isKept ? { maxUnavailable: 2 } : {}),
    });
  }),

  behavior('OnDelete is invalid with rollingUpdate settings', async (target) => {
    const message =
      /spec\.updateStrategy\.rollingUpdate: Invalid value: .*only allowed for updateStrategy 'RollingUpdate'/;
    await denied(target, { updateStrategy: { type: 'OnDelete' } }, message);
    const db = await anEmptyDb(target);
    const onDelete = { updateStrategy: { type: 'OnDelete', rollingUpdate: null } };
    assert.deepEqual((await db.write(onDelete)).spec.updateStrategy, { type: 'OnDelete' });
    await db.stop();
  }),

  behavior('a StatefulSet accepts neither Recreate nor a negative partition', async (target) => {
    const recreate = { updateStrategy: { type: 'Recreate', rollingUpdate: null } };
    await denied(target, recreate, /spec\.updateStrategy: Invalid value/);
    const message =
      /spec\.updateStrategy\.rollingUpdate\.partition: Invalid value: -1: must be greater than or equal to 0/;
    await denied(target, partition(-1), message);
  }),

  behavior('pod management policy, service name and selector are immutable', async (target) => {
    const isNamed = (await minorOf(target)) >= 37;
    const message = (field: string): RegExp =>
      isNamed
        ? new RegExp(`spec\\.${field}: Invalid value: .*: field is immutable`)
        : /spec: Forbidden: updates to statefulset spec for fields other than 'replicas', .* are forbidden/;
    await denied(target, { podManagementPolicy: 'Parallel' }, message('podManagementPolicy'));
    await denied(target, { serviceName: 'other' }, message('serviceName'));
    const labels = { app: 'db', tier: 'x' };
    const relabeled = {
      selector: { matchLabels: labels },
      template: { metadata: { labels } },
    };
    await denied(target, relabeled, message('selector'));
  }),

  behavior(
    'an apply that sets the partition conflicts with another client that changed it',
    async (target) => {
      const namespace = await target.namespace();
      const key = { namespace, name: 'db' };
      const apply = (spec: Json) => {
        const body = aDb({ replicas: 0, spec });
        return target.developer.patch<StatefulSet>(statefulSet, key, { type: 'apply', body });
      };
      const held = { type: 'RollingUpdate', rollingUpdate: { partition: HOLD_ALL } };
      await apply(partition(0));
      await target.admin.patch(statefulSet, key, {
        type: 'json',
        ops: [{ op: 'replace', path: '/spec/updateStrategy', value: held }],
      });
      await refused(apply(partition(0)), {
        status: 409,
        reason: 'Conflict',
        message: /\.spec\.updateStrategy\.rollingUpdate\.partition/,
      });
      const { spec } = await apply({});
      assert.equal(partitionOf(spec), HOLD_ALL);
    },
  ),

  behavior(
    'a change of the spec bumps the generation; annotations and labels do not',
    async (target) => {
      const db = await anEmptyDb(target);
      const metadata = { annotations: { mark: 'x' }, labels: { mark: 'x' } };
      const marked = await target.admin.patch(statefulSet, db.key, {
        type: 'merge',
        body: { metadata },
      });
      assert.equal(marked.metadata.generation, 1);
      assert.equal((await db.write(partition(3))).metadata.generation, 2);
      assert.equal((await db.write(partition(3))).metadata.generation, 2);
      await db.stop();
    },
  ),

  behavior(
    'the content of a ControllerRevision is immutable, its number is not',
    async (target) => {
      const db = await anEmptyDb(target);
      const revision = await until(target, 'the revision', async () =>
        (await db.revisions()).get('v1'),
      );
      const patch = (body: Json) =>
        target.admin.patch<typeof revision>(
          controllerRevision,
          { namespace: db.namespace, name: revision.metadata.name },
          { type: 'merge', body },
        );
      await refused(patch({ data: { spec: { other: true } } }), {
        status: 422,
        reason: 'Invalid',
        message: /data: Invalid value: .*field is immutable/,
      });
      assert.equal((await patch({ revision: 7 })).revision, 7);
      await db.stop();
    },
  ),
];

/** When the pods came and when they became ready, as `+0 =0 +1 =1`. */
function story({ timeline }: Database): string {
  const ready = new Set<string>();
  const said = timeline.events.flatMap(({ type, pod }) => {
    const ordinal = pod.metadata.name.slice('db-'.length);
    if (type === 'ADDED') return [`+${ordinal}`];
    if (!isReady(pod) || ready.has(pod.metadata.uid)) return [];
    ready.add(pod.metadata.uid);
    return [`=${ordinal}`];
  });
  return said.join(' ');
}

/** The owners of any object; the suite's pods leave them out of their type. */
const ownersOf = ({ metadata }: { readonly metadata: Partial<KubeObject['metadata']> }) =>
  metadata.ownerReferences?.map(({ kind, name, uid, controller }) => [kind, name, uid, controller]);

const running: readonly Behavior[] = [
  behavior('pods are created one by one, each when the previous one is ready', async (target) => {
    const db = await aReadyDb(target, { replicas: 3 });
    assert.equal(story(db), '+0 =0 +1 =1 +2 =2');
    await db.stop();
  }),

  behavior(
    'an OrderedReady StatefulSet waits for a pod that does not become ready',
    async (target) => {
      const db = await createDb(target, { replicas: 2, image: 'db:noready' });
      await db.settled('the first pod', (all) =>
        all.some(({ status }) => status.phase === 'Running'),
      );
      await db.calm();
      assert.equal(db.shape, '0:noready');
      await db.stop();
    },
  ),

  behavior('a Parallel StatefulSet creates all pods at once', async (target) => {
    const spec = { podManagementPolicy: 'Parallel' };
    const db = await createDb(target, { replicas: 3, image: 'db:noready', spec });
    await db.settled('three pods', (all) => all.length === 3);
    await db.stop();
  }),

  behavior('the next pod waits until the previous one is available', async (target) => {
    const db = await aReadyDb(target, { replicas: 2, spec: { minReadySeconds: 3 } });
    const isFirst = (name: string): boolean => name === 'db-0';
    const ready = db.timeline.first((pod) => isFirst(pod.metadata.name) && isReady(pod));
    const next = db.timeline.first((pod) => !isFirst(pod.metadata.name));
    // Of the 3 s, time stamps in whole seconds may take one, and a slow watch some more.
    assert.ok((next?.at ?? 0) - (ready?.at ?? Infinity) >= 1000, story(db));
    await db.stop();
  }),

  behavior('a pod is named and labeled after its StatefulSet and its ordinal', async (target) => {
    const db = await aReadyDb(target, { replicas: 2 });
    const { metadata, status } = await db.get();
    const { spec } = db.pod(1) as unknown as { spec: Json };
    assert.deepEqual([spec['hostname'], spec['subdomain']], ['db-1', 'db']);
    assert.deepEqual(db.pod(1).metadata.labels, {
      app: 'db',
      'apps.kubernetes.io/pod-index': '1',
      'controller-revision-hash': status.currentRevision,
      'statefulset.kubernetes.io/pod-name': 'db-1',
    });
    assert.deepEqual(ownersOf(db.pod(1)), [['StatefulSet', 'db', metadata.uid, true]]);
    await db.stop();
  }),

  behavior(
    'a template is stored as a ControllerRevision, and its pods are labeled with its name',
    async (target) => {
      const db = await aReadyDb(target, { replicas: 1, annotations: { mark: 'x' } });
      const { metadata, spec } = await db.get();
      const [revision] = (await db.revisions()).values();
      assert.ok(revision);
      const { labels, annotations, name } = revision.metadata;
      const hash = labels?.['controller.kubernetes.io/hash'] ?? '';
      assert.equal(name, `db-${hash}`);
      assert.equal(revisionLabel(db.pod(0)), name);
      assert.deepEqual(labels, { app: 'db', 'controller.kubernetes.io/hash': hash });
      assert.deepEqual(annotations, { mark: 'x' });
      assert.deepEqual(ownersOf(revision), [['StatefulSet', 'db', metadata.uid, true]]);
      assert.deepEqual(revision.data.spec.template, { ...spec.template, $patch: 'replace' });
      assert.equal(revision.revision, 1);
      await db.stop();
    },
  ),

  behavior('the status counts the pods and names their revision', async (target) => {
    const db = await aReadyDb(target, { replicas: 2 });
    const { metadata, status } = await db.get();
    const name = revisionLabel(db.pod(0));
    assert.deepEqual(status, {
      observedGeneration: metadata.generation,
      replicas: 2,
      readyReplicas: 2,
      availableReplicas: 2,
      currentReplicas: 2,
      updatedReplicas: 2,
      currentRevision: name,
      updateRevision: name,
      collisionCount: 0,
    });
    await db.stop();
  }),

  behavior('scaling adds and removes the highest ordinals', async (target) => {
    const db = await aReadyDb(target, { replicas: 2 });
    await db.scale(4);
    await db.ready('0:v1 1:v1 2:v1 3:v1');
    await db.scale(1);
    await db.settled('one pod', (all) => all.length === 1);
    assert.equal(db.shape, '0:v1');
    const gone = db.timeline.events.filter(({ type }) => type === 'DELETED');
    assert.deepEqual(
      gone.map(({ pod }) => pod.metadata.name),
      ['db-3', 'db-2', 'db-1'],
    );
    const scale = await target.admin.raw(
      'GET',
      `/apis/apps/v1/namespaces/${db.namespace}/statefulsets/db/scale`,
    );
    const { spec, status } = scale as { spec: Json; status: Json };
    assert.deepEqual([spec, status['selector']], [{ replicas: 1 }, 'app=db']);
    await db.stop();
  }),

  behavior('a deleted pod is created again under its name', async (target) => {
    const db = await aReadyDb(target, { replicas: 2 });
    const { uid } = db.pod(0).metadata;
    await db.delete(0);
    await db.ready('0:v1 1:v1');
    assert.notEqual(db.pod(0).metadata.uid, uid);
    const key = { namespace: db.namespace, name: 'db-0' };
    await refused(target.developer.delete(pods, key, { uid }), {
      status: 409,
      reason: 'Conflict',
      message: /the UID in the precondition/,
    });
    await db.calm(500);
    await db.stop();
  }),

  behavior('a pod with a grace period is replaced by one pod, after it is gone', async (target) => {
    const db = await createDb(target, {
      replicas: 1,
      podSpec: { terminationGracePeriodSeconds: 30 },
    });
    await db.ready('0:v1');
    const since = db.now;
    await db.delete(0);
    await db.ready('0:v1');
    await db.calm(1000);
    const said = db.timeline.events.filter(({ at }) => at > since);
    const isMarked = (pod: Pod): boolean => pod.metadata.deletionTimestamp !== undefined;
    const kinds = said.map(({ type, pod }) => (isMarked(pod) ? `marked ${type}` : type));
    const marks = kinds.filter((kind) => kind !== 'MODIFIED');
    assert.deepEqual([...new Set(marks)], ['marked MODIFIED', 'marked DELETED', 'ADDED']);
    assert.deepEqual(db.created(since), [0]);
    await db.stop();
  }),

  behavior('Events report what the controller did to the pods of a StatefulSet', async (target) => {
    const db = await aReadyDb(target, { replicas: 1 });
    await db.scale(0);
    const reasons = await until(target, 'both Events', async () => {
      const said = (await db.events()).filter((one) =>
        /pod db-0 in statefulset db/i.test(one.message),
      );
      return said.length === 2 && said.map(({ reason }) => reason).sort();
    });
    assert.deepEqual(reasons, ['SuccessfulCreate', 'SuccessfulDelete']);
    await db.stop();
  }),

  behavior('a pod that admission denies is missing until it is allowed', async (target) => {
    let isDenying = false;
    const message = 'not today';
    const denied = { code: 403, reason: 'Forbidden', message };
    const { namespace, remove } = await install(target, {
      isMutating: false,
      resources: ['pods'],
      operations: ['CREATE'],
      answer: () => (isDenying ? { denied } : {}),
    });
    const db = await aReadyDb(target, { replicas: 2, namespace });
    isDenying = true;
    await db.write(withImage('db:v2'));
    await until(target, 'the Event', async () =>
      (await db.events()).some(
        (one) => one.reason === 'FailedCreate' && one.message.includes(message),
      ),
    );
    const status = await db.status('one pod', ({ replicas }) => replicas === 1);
    assert.deepEqual([status.currentReplicas, status.updatedReplicas], [1, undefined]);
    assert.equal(db.shape, '0:v1');
    isDenying = false;
    await db.ready('0:v2 1:v2');
    await remove();
    await db.stop();
  }),

  behavior('deleting a StatefulSet deletes its pods and revisions', async (target) => {
    const db = await aReadyDb(target, { replicas: 2 });
    await target.developer.delete(statefulSet, db.key);
    await until(
      target,
      'everything to go',
      async () => db.pods.length === 0 && (await db.revisions()).size === 0,
    );
    await db.stop();
  }),

  behavior(
    'a revision whose name is taken gets another name, but not another label',
    async (target) => {
      const db = await aReadyDb(target, { replicas: 1 });
      await db.write(withImage('db:v2'));
      await db.ready('0:v2');
      const taken = (await db.revisions()).get('v2')?.metadata.name ?? '';
      await db.write(withImage('db:v1'));
      await db.ready('0:v1');
      await db.status('v1', (one) => one.currentRevision !== taken);
      await target.admin.delete(controllerRevision, { namespace: db.namespace, name: taken });
      const metadata = { name: taken };
      const other = { apiVersion: 'apps/v1', kind: 'ControllerRevision', metadata, revision: 1 };
      await target.admin.create(controllerRevision, db.namespace, { ...other, data: { a: 'b' } });
      await db.write(withImage('db:v2'));
      await db.ready('0:v2');
      const { collisionCount, updateRevision = '' } = await db.observed();
      assert.equal(collisionCount, 1);
      assert.notEqual(updateRevision, taken);
      assert.equal(revisionLabel(db.pod(0)), updateRevision);
      const key = { namespace: db.namespace, name: updateRevision };
      const { labels } = (await target.admin.get(controllerRevision, key)).metadata;
      assert.equal(`db-${labels?.['controller.kubernetes.io/hash'] ?? ''}`, taken);
      await db.stop();
    },
  ),

  behavior('revisions without pods are kept up to the history limit', async (target) => {
    const db = await aReadyDb(target, { replicas: 1, spec: { revisionHistoryLimit: 1 } });
    for (const next of ['v2', 'v3']) {
      await db.write(withImage(`db:${next}`));
      await db.ready(`0:${next}`);
    }
    await until(target, 'the oldest to go', async () => !(await db.revisions()).has('v1'));
    assert.deepEqual([...(await db.revisions()).keys()].sort(), ['v2', 'v3']);
    await pause(target, 500);
    assert.equal((await db.revisions()).size, 2);
    await db.stop();
  }),
];

/** How StatefulSets are written, and how their controller keeps their pods. */
export const statefulSets: readonly Behavior[] = [...writing, ...running];
