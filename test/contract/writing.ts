// SPDX-License-Identifier: Apache-2.0

import assert from 'node:assert/strict';
import { RESOURCES, type JsonPatchOp, type KubeObject } from '@altershield/kube';
import {
  aConfigMap,
  createWeb,
  getWeb,
  refused,
  web,
  withImage,
  type Deployment,
  type Json,
} from './helpers.ts';
import { behavior, until, type Behavior, type ContractTarget } from './target.ts';

const { configMap, deployment } = RESOURCES;

interface ConfigMap extends KubeObject {
  readonly data?: Readonly<Record<string, string>>;
}

async function aMap(target: ContractTarget): Promise<{ namespace: string; map: KubeObject }> {
  const namespace = await target.namespace();
  return { namespace, map: await target.admin.create(configMap, namespace, aConfigMap('m', 'v1')) };
}

const jsonPatch = (ops: readonly JsonPatchOp[]) => ({ type: 'json', ops }) as const;

const versionOf = ({ metadata }: KubeObject): string => metadata.resourceVersion;

const isComplete = ({ status }: Deployment): boolean =>
  status.conditions?.some(({ reason }) => reason === 'NewReplicaSetAvailable') === true;

const fresh = (target: ContractTarget, namespace: string) =>
  target.admin.get<ConfigMap>(configMap, { namespace, name: 'm' });

export const writing: readonly Behavior[] = [
  behavior(
    'creation sets uid, version and time, and a second object of the name is denied',
    async (target) => {
      const { namespace, map } = await aMap(target);
      assert.match(map.metadata.uid, /^[0-9a-f]{8}-[0-9a-f]{4}-/);
      assert.match(map.metadata.creationTimestamp, /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$/);
      assert.equal(map.metadata.generation, undefined);
      await refused(target.admin.create(configMap, namespace, aConfigMap('m', 'v2')), {
        status: 409,
        reason: 'AlreadyExists',
        message: /^configmaps "m" already exists$/,
      });
    },
  ),

  behavior('generateName ends in five letters', async (target) => {
    const namespace = await target.namespace();
    const body = { ...aConfigMap('', 'v1'), metadata: { generateName: 'map-' } };
    const { metadata } = await target.admin.create(configMap, namespace, body);
    assert.match(metadata.name, /^map-[bcdfghjklmnpqrstvwxz2456789]{5}$/);
  }),

  behavior('nothing is created in a missing namespace', async ({ admin }) => {
    await refused(admin.create(configMap, 'no-such-namespace', aConfigMap('m', 'v1')), {
      status: 404,
      reason: 'NotFound',
      message: /namespaces "no-such-namespace" not found/,
    });
  }),

  behavior('a JSON patch whose test fails is 422 and changes nothing', async (target) => {
    const { namespace, map } = await aMap(target);
    const patch = jsonPatch([
      { op: 'test', path: '/data/value', value: 'other' },
      { op: 'replace', path: '/data/value', value: 'v2' },
    ]);
    await refused(target.admin.patch(configMap, { namespace, name: 'm' }, patch), {
      status: 422,
      reason: 'Invalid',
      message: /the server rejected our request due to an error in our request/,
    });
    assert.equal(versionOf(await fresh(target, namespace)), versionOf(map));
  }),

  behavior('a JSON patch can test the version and the uid', async (target) => {
    const { namespace, map } = await aMap(target);
    const patch = (resourceVersion: string, value: string) =>
      jsonPatch([
        { op: 'test', path: '/metadata/uid', value: map.metadata.uid },
        { op: 'test', path: '/metadata/resourceVersion', value: resourceVersion },
        { op: 'add', path: '/data/value', value },
      ]);
    const key = { namespace, name: 'm' };
    await target.admin.patch(configMap, key, patch(versionOf(map), 'v2'));
    await refused(target.admin.patch(configMap, key, patch(versionOf(map), 'v3')), { status: 422 });
    assert.equal((await fresh(target, namespace)).data?.['value'], 'v2');
  }),

  behavior('a JSON patch of a missing path is 422; a test for null fails on it', async (target) => {
    const { namespace } = await aMap(target);
    const key = { namespace, name: 'm' };
    const add = { op: 'add', path: '/metadata/annotations/a', value: 'b' } as const;
    await refused(target.admin.patch(configMap, key, jsonPatch([add])), { status: 422 });
    const whole = { op: 'add', path: '/metadata/annotations', value: { a: 'b' } } as const;
    const absent = { op: 'test', path: '/metadata/annotations', value: null } as const;
    const { metadata } = await target.admin.patch(configMap, key, jsonPatch([absent, whole]));
    assert.deepEqual(metadata.annotations, { a: 'b' });
    await refused(target.admin.patch(configMap, key, jsonPatch([absent])), { status: 422 });
  }),

  behavior('a merge patch merges objects, removes by null and locks by version', async (target) => {
    const { namespace, map } = await aMap(target);
    const key = { namespace, name: 'm' };
    const merge = (body: Json) =>
      target.admin.patch<ConfigMap>(configMap, key, { type: 'merge', body });
    const added = await merge({ data: { other: 'x' } });
    assert.deepEqual(added.data, { value: 'v1', other: 'x' });
    const removed = await merge({ data: { value: null } });
    assert.deepEqual(removed.data, { other: 'x' });
    const stale = merge({ metadata: { resourceVersion: versionOf(map) }, data: { late: 'y' } });
    await refused(stale, {
      status: 409,
      reason: 'Conflict',
      message: /Operation cannot be fulfilled on configmaps "m": the object has been modified/,
    });
  }),

  behavior('a write that changes nothing keeps the version', async (target) => {
    const { namespace, map } = await aMap(target);
    const body = { data: { value: 'v1' } };
    const same = await target.admin.patch(
      configMap,
      { namespace, name: 'm' },
      { type: 'merge', body },
    );
    assert.equal(versionOf(same), versionOf(map));
  }),

  behavior('an update of an older version is 409', async (target) => {
    const { namespace, map } = await aMap(target);
    const path = `/api/v1/namespaces/${namespace}/configmaps/m`;
    const replaced = (await target.admin.raw('PUT', path, {
      ...map,
      data: { value: 'v2' },
    })) as ConfigMap;
    assert.equal(replaced.data?.['value'], 'v2');
    await refused(target.admin.raw('PUT', path, { ...map, data: { value: 'v3' } }), {
      status: 409,
      reason: 'Conflict',
    });
  }),

  behavior(
    'server-side apply creates and updates fields, and removes those that it no longer applies',
    async (target) => {
      const namespace = await target.namespace();
      const key = { namespace, name: 'm' };
      const apply = (data: Json) => {
        const body = { apiVersion: 'v1', kind: 'ConfigMap', metadata: { name: 'm' }, data };
        return target.admin.patch<ConfigMap>(configMap, key, { type: 'apply', body });
      };
      assert.deepEqual((await apply({ a: '1', b: '2' })).data, { a: '1', b: '2' });
      const merged = { type: 'merge', body: { data: { c: '3' } } } as const;
      await target.developer.patch(configMap, key, merged);
      assert.deepEqual((await apply({ a: '4' })).data, { a: '4', c: '3' });
    },
  ),

  behavior(
    'server-side apply that removes the last key of a map removes the map',
    async (target) => {
      const namespace = await target.namespace();
      const key = { namespace, name: 'm' };
      const apply = (annotations: Json | undefined, data: Json | undefined) => {
        const metadata = { name: 'm', ...(annotations && { annotations }) };
        const body = { apiVersion: 'v1', kind: 'ConfigMap', metadata, ...(data && { data }) };
        return target.admin.patch<ConfigMap>(configMap, key, { type: 'apply', body });
      };
      await apply({ note: 'a' }, { a: '1' });
      const { metadata, data } = await apply(undefined, undefined);
      assert.deepEqual([metadata.annotations, data], [undefined, undefined]);
    },
  ),

  behavior('server-side apply conflicts with another owner unless it is forced', async (target) => {
    const { namespace } = await aMap(target);
    const key = { namespace, name: 'm' };
    await target.developer.patch(configMap, key, {
      type: 'merge',
      body: { data: { value: 'theirs' } },
    });
    const body = {
      apiVersion: 'v1',
      kind: 'ConfigMap',
      metadata: { name: 'm' },
      data: { value: 'ours' },
    };
    await refused(target.admin.patch(configMap, key, { type: 'apply', body }), {
      status: 409,
      reason: 'Conflict',
      message: /Apply failed with 1 conflict: conflict/,
    });
    const forced = await target.admin.patch<ConfigMap>(configMap, key, {
      type: 'apply',
      body,
      force: true,
    });
    assert.equal(forced.data?.['value'], 'ours');
  }),

  behavior('managedFields name the field manager and the operation', async (target) => {
    const namespace = await target.namespace();
    const { metadata } = await createWeb(target, namespace);
    const [entry] = (metadata.managedFields ?? []) as {
      manager: string;
      operation: string;
      apiVersion: string;
    }[];
    assert.deepEqual([entry?.operation, entry?.apiVersion], ['Update', 'apps/v1']);
    assert.ok((entry?.manager ?? '') !== '');
  }),

  behavior(
    'an entry of managedFields can be replaced by index despite concurrent status writes',
    async (target) => {
      const namespace = await target.namespace();
      await createWeb(target, namespace, { replicas: 1 });
      const { metadata, status } = await until(target, 'a complete rollout', async () => {
        const found = await getWeb(target, namespace);
        return isComplete(found) && found;
      });
      const entries = (metadata.managedFields ?? []) as Json[];
      const index = entries.findIndex(({ subresource }) => subresource === undefined);
      const path = `/metadata/managedFields/${index}`;
      const value = { ...entries[index], fieldsV1: { 'f:spec': { 'f:replicas': {} } } };
      const ops = jsonPatch([
        { op: 'test', path, value: entries[index] },
        { op: 'replace', path, value },
      ]);
      const key = web(namespace);
      const [first, ...others] = status.conditions ?? [];
      const conditions = [{ ...first, message: 'meanwhile' }, ...others];
      const meanwhile = { type: 'merge', body: { status: { conditions } } } as const;
      await target.admin.patch(deployment, key, meanwhile, { subresource: 'status' });
      const written = await target.admin.patch(deployment, key, ops);
      assert.deepEqual(written.metadata.managedFields?.[index], value);
      await refused(target.admin.patch(deployment, key, ops), { status: 422 });
    },
  ),

  behavior('a dry run answers like a write and stores nothing', async (target) => {
    const { namespace, map } = await aMap(target);
    const patch = { type: 'merge', body: { data: { value: 'dry' } } } as const;
    const dry = await target.admin.patch<ConfigMap>(configMap, { namespace, name: 'm' }, patch, {
      dryRun: true,
    });
    assert.equal(dry.data?.['value'], 'dry');
    await target.admin.create(configMap, namespace, aConfigMap('n', 'v1'), { dryRun: true });
    await refused(target.admin.get(configMap, { namespace, name: 'n' }), { status: 404 });
    assert.equal(versionOf(await fresh(target, namespace)), versionOf(map));
  }),

  behavior('a deletion checks uid and version', async (target) => {
    const { namespace, map } = await aMap(target);
    const key = { namespace, name: 'm' };
    await refused(target.admin.delete(configMap, key, { uid: 'another' }), {
      status: 409,
      reason: 'Conflict',
      message:
        /^Operation cannot be fulfilled on ConfigMap "m": the UID in the precondition \(another\) does not match the UID in record/,
    });
    await refused(target.admin.delete(configMap, key, { resourceVersion: '1' }), { status: 409 });
    await target.admin.delete(configMap, key, {
      uid: map.metadata.uid,
      resourceVersion: versionOf(map),
    });
    await refused(target.admin.delete(configMap, key), { status: 404 });
  }),

  behavior('a finalizer keeps an object until it is removed', async (target) => {
    const namespace = await target.namespace();
    const key = { namespace, name: 'm' };
    const body = {
      ...aConfigMap('m', 'v1'),
      metadata: { name: 'm', finalizers: ['example.com/wait'] },
    };
    await target.admin.create(configMap, namespace, body);
    await target.admin.delete(configMap, key);
    const { metadata } = await target.admin.get(configMap, key);
    assert.ok(metadata.deletionTimestamp !== undefined);
    await target.admin.patch(configMap, key, {
      type: 'merge',
      body: { metadata: { finalizers: null } },
    });
    await refused(target.admin.get(configMap, key), { status: 404 });
  }),

  behavior(
    'dependents are deleted after their owner; those with another owner stay',
    async (target) => {
      const { namespace, map } = await aMap(target);
      const owner = (one: KubeObject) => ({
        apiVersion: 'v1',
        kind: 'ConfigMap',
        name: one.metadata.name,
        uid: one.metadata.uid,
      });
      const second = await target.admin.create(configMap, namespace, aConfigMap('second', 'v1'));
      const owned = (name: string, ...owners: KubeObject[]) => ({
        ...aConfigMap(name, 'v1'),
        metadata: { name, ownerReferences: owners.map(owner) },
      });
      await target.admin.create(configMap, namespace, owned('child', map));
      await target.admin.create(configMap, namespace, owned('shared', map, second));
      await target.admin.delete(configMap, { namespace, name: 'm' });
      await until(target, 'the child to go', async () => {
        const { items } = await target.admin.list(configMap, { namespace });
        return !items.some(({ metadata }) => metadata.name === 'child');
      });
      await target.admin.get(configMap, { namespace, name: 'shared' });
    },
  ),

  behavior(
    'the status subresource and the main resource do not write each other’s fields',
    async (target) => {
      const namespace = await target.namespace();
      await createWeb(target, namespace, { replicas: 0 });
      const settled = await until(target, 'an observed Deployment', async () => {
        const found = await getWeb(target, namespace);
        return (
          found.status.observedGeneration === 1 && found.status.conditions?.length === 2 && found
        );
      });
      const both = { spec: { paused: true }, status: { collisionCount: 7 } };
      const body = { type: 'merge', body: both } as const;
      const main = await target.admin.patch<Deployment>(deployment, web(namespace), body);
      assert.equal(main.spec.paused, true);
      assert.equal('collisionCount' in main.status, false);
      const unpause = { type: 'merge', body: { ...both, spec: { paused: false } } } as const;
      const status = await target.admin.patch<Deployment>(deployment, web(namespace), unpause, {
        subresource: 'status',
      });
      assert.equal(status.spec.paused, true);
      assert.equal((status.status as Json)['collisionCount'], 7);
      assert.equal(status.metadata.generation, (settled.metadata.generation ?? 0) + 1);
    },
  ),

  behavior(
    'only changes of spec and annotations raise the generation of a Deployment',
    async (target) => {
      const namespace = await target.namespace();
      const generations: (number | undefined)[] = [];
      const note = ({ metadata }: KubeObject): void => {
        generations.push(metadata.generation);
      };
      note(await createWeb(target, namespace, { replicas: 0, spec: { paused: true } }));
      const merge = (body: Json) =>
        target.admin.patch(deployment, web(namespace), { type: 'merge', body });
      note(await merge({ metadata: { labels: { a: 'b' } } }));
      note(await merge({ spec: { minReadySeconds: 1 } }));
      note(await merge({ metadata: { annotations: { a: 'b' } } }));
      note(await merge({ spec: withImage('web:v2') }));
      assert.deepEqual(generations, [1, 1, 2, 3, 4]);
    },
  ),

  behavior('the scale subresource shows and sets replicas', async (target) => {
    const namespace = await target.namespace();
    await createWeb(target, namespace, { replicas: 0, spec: { paused: true } });
    const scale = (replicas: number) => ({ type: 'merge', body: { spec: { replicas } } }) as const;
    const scaled = await target.admin.patch<KubeObject & Json>(
      deployment,
      web(namespace),
      scale(3),
      {
        subresource: 'scale',
      },
    );
    assert.deepEqual([scaled.kind, scaled.apiVersion], ['Scale', 'autoscaling/v1']);
    assert.deepEqual(scaled['spec'], { replicas: 3 });
    assert.equal((scaled['status'] as Json)['selector'], 'app=web');
    assert.equal((await getWeb(target, namespace)).spec.replicas, 3);
  }),
];
