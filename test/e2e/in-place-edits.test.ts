// SPDX-License-Identifier: Apache-2.0

/** Edits of pods and ReplicaSets that the real API server takes without the workload. */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { InPlaceEdit } from '@altershield/api';
import { eventually } from '@altershield/testing/eventually';
import { cli, Fixture } from './support/fixture.ts';
import { altershield } from './support/operator.ts';
import { imageOf, type Pod } from './support/pods.ts';
import type { App } from './support/story.ts';

const POLICY = { release: { batches: [1, '100%'], soakSeconds: 3600 } };
const V2 = 'checkout:v2';
const HOT = 'checkout:hot';

const fixture = Fixture.ofFile();

interface Patch {
  /** `pods/checkout-1/resize`. */
  readonly what: string;
  readonly body: object;
  readonly group?: string;
}

const patch = (app: App, { what, body, group = 'api/v1' }: Patch, user?: 'developer') =>
  fixture.cluster.call(
    {
      method: 'PATCH',
      path: `/${group}/namespaces/${app.namespace}/${what}?fieldManager=kubectl-edit`,
      contentType: 'application/strategic-merge-patch+json',
      body,
    },
    user,
  );

const withImage = (image: string) => ({ spec: { containers: [{ name: 'app', image }] } });

async function edited(app: App, isWanted: (edit: InPlaceEdit) => boolean): Promise<InPlaceEdit> {
  const find = async () =>
    (await app.changes()).at(-1)?.status?.inPlaceEdits?.find((edit) => isWanted(edit));
  await eventually(async () => (await find()) !== undefined, {
    what: 'the edit to be recorded',
    timeoutMs: 30_000,
  });
  return (await find()) ?? assert.fail('no edit');
}

/** The simulated kubelet does not report resources, without which the API server denies a resize. */
async function allowResize(app: App, { metadata, status }: Pod): Promise<void> {
  const [container] = status.containerStatuses ?? [];
  const resources = { requests: { cpu: '10m' } };
  const body = { status: { containerStatuses: [{ ...container, resources }] } };
  await patch(app, { what: `pods/${metadata.name}/status`, body });
}

const inFlight = async (): Promise<{ readonly app: App; readonly pod: Pod }> => {
  const app = await fixture.newApp({ replicas: 2, policy: POLICY });
  const containers = [{ name: 'app', image: V2, resources: { requests: { cpu: '10m' } } }];
  await app.patch({ spec: { template: { spec: { containers } } } });
  await app.untilReady(V2, 1);
  const pod = app.timeline.pods.find((one) => imageOf(one) === V2);
  return { app, pod: pod ?? assert.fail('no updated pod') };
};

describe('while a change is in flight', { concurrency: 3 }, () => {
  test('an image, resources and an ephemeral container of a pod are recorded with their user, and `why` names them', async () => {
    const { app, pod } = await inFlight();
    const what = `pods/${pod.metadata.name}`;
    await patch(app, { what, body: withImage(HOT) });
    const image = await edited(app, ({ diff }) => diff[0]?.path === 'containers[app].image');
    assert.deepEqual(image.diff, [{ path: 'containers[app].image', from: V2, to: HOT }]);
    assert.deepEqual(
      [image.names, image.by, image.actor.stamped],
      [[pod.metadata.name], 'User', true],
    );
    assert.deepEqual(image.actor.fieldManager, 'kubectl-edit');

    const debug = { name: 'debug', image: 'busybox' };
    await patch(app, {
      what: `${what}/ephemeralcontainers`,
      body: { spec: { ephemeralContainers: [debug] } },
    });
    const ephemeral = await edited(
      app,
      ({ diff }) => diff[0]?.path.startsWith('ephemeralContainers') === true,
    );
    assert.match(ephemeral.diff[0]?.to ?? '', /busybox/);
    assert.ok(ephemeral.actor.user.length > 0);

    const resources = { requests: { cpu: '20m' } };
    await eventually(
      async () => {
        await allowResize(app, pod);
        const body = { spec: { containers: [{ name: 'app', resources }] } };
        return patch(app, { what: `${what}/resize`, body }).then(
          () => true,
          () => false,
        );
      },
      { what: 'the API server to take the resize', timeoutMs: 30_000 },
    );
    const resize = await edited(app, ({ diff }) => diff[0]?.path.includes('resources') === true);
    assert.ok(resize.actor.stamped && resize.actor.user.length > 0);

    const { stdout } = await cli(app, 'why');
    assert.match(stdout, new RegExp(`pod ${pod.metadata.name} by .* with kubectl-edit`));
    assert.match(stdout, new RegExp(`containers\\[app\\]\\.image: ${V2} → ${HOT}`));
    assert.equal((await app.changes()).at(-1)?.status?.phase, 'Running');
  });

  test('the template of a ReplicaSet edited under its Deployment is recorded', async () => {
    const { app } = await inFlight();
    const { metadata } = await app.revision(V2);
    await patch(app, {
      what: `replicasets/${metadata.name}`,
      group: 'apis/apps/v1',
      body: { spec: { template: withImage(HOT) } },
    });
    const edit = await edited(app, ({ kind }) => kind === 'ReplicaSet');
    assert.deepEqual([edit.names, edit.by], [[metadata.name], 'User']);
    assert.deepEqual(edit.diff, [{ path: 'containers[app].image', from: V2, to: HOT }]);
  });
});

test('a pod that no controller owns is recorded where a policy names the kind, and `why` tells of it', async () => {
  const app = await fixture.newApp({
    replicas: 1,
    policy: { target: { kinds: ['Deployment', 'Pod'] } },
  });
  const path = `/api/v1/namespaces/${app.namespace}/pods`;
  const metadata = { name: 'tool', namespace: app.namespace };
  const containers = [{ name: 'app', image: 'tool:v1' }];
  const body = { apiVersion: 'v1', kind: 'Pod', metadata, spec: { containers } };
  // The webhook for them may not be active yet: the watch finds the pod without it.
  await fixture.cluster.call({ method: 'POST', path, body });
  const recorded = async (sequence: number) =>
    (await app.changes()).find(
      ({ spec, status }) =>
        spec.target.kind === 'Pod' && spec.sequence === sequence && status?.phase === 'Success',
    );
  const until = (sequence: number) =>
    eventually(async () => (await recorded(sequence)) !== undefined, {
      what: `change ${sequence} to be recorded`,
      timeoutMs: 30_000,
    });
  await until(1);
  await patch(app, { what: 'pods/tool', body: withImage('tool:v2') });
  await until(2);
  const { spec, status, metadata: record } = (await recorded(2)) ?? assert.fail('no record');
  assert.deepEqual(
    [spec.operation, spec.diff, status?.reason],
    ['Update', [{ path: 'containers[app].image', from: 'tool:v1', to: 'tool:v2' }], 'RecordedOnly'],
  );
  const why = await altershield(app.cluster, ['why', `change/${record.name}`, '-n', app.namespace]);
  assert.match(why.stdout, /tool:v1 → tool:v2/, why.stderr);
});
