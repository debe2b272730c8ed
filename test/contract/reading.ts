// SPDX-License-Identifier: Apache-2.0

import assert from 'node:assert/strict';
import { RESOURCES, type Client, type KubeObject } from '@altershield/kube';
import { aConfigMap, refused } from './helpers.ts';
import { behavior, until, type Behavior, type ContractTarget } from './target.ts';
import { watching } from './watching.ts';

const { configMap, namespace: namespaces } = RESOURCES;

async function someMaps(target: ContractTarget, names: readonly string[]): Promise<string> {
  const namespace = await target.namespace();
  for (const name of names) {
    await target.admin.create(configMap, namespace, aConfigMap(name, 'v1', { name }));
  }
  return namespace;
}

/** Without the ConfigMap that every real namespace is given. */
const namesOf = (items: readonly KubeObject[]): string[] =>
  items.map(({ metadata }) => metadata.name).filter((name) => name !== 'kube-root-ca.crt');

const setValue = (client: Client, namespace: string, name: string, value: string) =>
  client.patch(configMap, { namespace, name }, { type: 'merge', body: { data: { value } } });

export const reading: readonly Behavior[] = [
  behavior('a SubjectAccessReview says whether a user may do something', async ({ admin }) => {
    const resourceAttributes = { verb: 'approve', group: 'altershield.io', resource: 'anything' };
    const spec = { user: 'eve', groups: ['system:masters'], resourceAttributes };
    const review = { apiVersion: 'authorization.k8s.io/v1', kind: 'SubjectAccessReview', spec };
    const path = '/apis/authorization.k8s.io/v1/subjectaccessreviews';
    const { status } = (await admin.raw('POST', path, review)) as { status: { allowed: boolean } };
    assert.equal(status.allowed, true);
  }),
  behavior('a missing object is 404 with its name in the details', async (target) => {
    const namespace = await target.namespace();
    const missing = target.admin.get(RESOURCES.deployment, { namespace, name: 'none' });
    const { server } = await refused(missing, {
      status: 404,
      reason: 'NotFound',
      message: /^deployments\.apps "none" not found$/,
    });
    assert.deepEqual(server.details, { name: 'none', group: 'apps', kind: 'deployments' });
  }),

  behavior('an unknown resource of a known group is 404 without a name', async ({ admin }) => {
    await refused(admin.raw('GET', '/apis/apps/v1/nothings'), {
      status: 404,
      reason: 'NotFound',
      message: /the server could not find the requested resource/,
    });
  }),

  behavior('an unknown group is 404 with a text body', async ({ admin }) => {
    const { reason } = await refused(admin.raw('GET', '/apis/example.com/v1/nothings'), {
      status: 404,
    });
    assert.equal(reason, '');
  }),

  behavior('the pages of a list show one consistent state', async (target) => {
    const namespace = await someMaps(target, ['a', 'b', 'c', 'd', 'e']);
    const selection = { namespace, labelSelector: 'name', limit: 2 };
    const first = await target.admin.list(configMap, selection);
    assert.deepEqual(namesOf(first.items), ['a', 'b']);
    await target.admin.create(configMap, namespace, aConfigMap('bb', 'late', { name: 'bb' }));
    const found: string[] = [];
    // The last page may be empty: what the selector leaves out is counted by the server, too.
    for (let token = first.continue; token !== undefined;) {
      const page = await target.admin.list(configMap, { ...selection, continue: token });
      assert.equal(page.resourceVersion, first.resourceVersion);
      found.push(...namesOf(page.items));
      token = page.continue;
    }
    assert.deepEqual(found, ['c', 'd', 'e']);
  }),

  behavior('list items of a built-in kind have no kind', async (target) => {
    const namespace = await someMaps(target, ['a']);
    const path = `/api/v1/namespaces/${namespace}/configmaps?labelSelector=name`;
    const list = (await target.admin.raw('GET', path)) as { kind: string; items: KubeObject[] };
    assert.equal(list.kind, 'ConfigMapList');
    assert.deepEqual(
      list.items.map(({ kind, apiVersion }) => [kind, apiVersion]),
      [[undefined, undefined]],
    );
  }),

  behavior('label selectors choose by equality, sets and presence', async (target) => {
    const namespace = await someMaps(target, ['a', 'b', 'c']);
    const chosen = async (labelSelector: string): Promise<string[]> =>
      namesOf((await target.admin.list(configMap, { namespace, labelSelector })).items);
    assert.deepEqual(await chosen('name=a'), ['a']);
    assert.deepEqual(await chosen('name!=a,name'), ['b', 'c']);
    assert.deepEqual(await chosen('name in (a, c)'), ['a', 'c']);
    assert.deepEqual(await chosen('name notin (a),name'), ['b', 'c']);
    assert.deepEqual(await chosen('!name'), []);
  }),

  behavior('field selectors choose by name', async (target) => {
    const namespace = await someMaps(target, ['a', 'b']);
    const page = await target.admin.list(configMap, {
      namespace,
      fieldSelector: 'metadata.name=b',
    });
    assert.deepEqual(namesOf(page.items), ['b']);
  }),

  behavior('a watch continues from the version of a list', async (target) => {
    const namespace = await someMaps(target, ['a', 'b']);
    const { resourceVersion } = await target.admin.list(configMap, { namespace });
    await setValue(target.admin, namespace, 'a', 'v2');
    const watch = watching(target.admin, configMap, {
      namespace,
      resourceVersion,
      labelSelector: 'name',
    });
    await target.admin.create(configMap, namespace, aConfigMap('c', 'v1', { name: 'c' }));
    await target.admin.delete(configMap, { namespace, name: 'b' });
    await until(target, 'three events', () => Promise.resolve(watch.events.length === 3));
    await watch.stop();
    assert.deepEqual(
      watch.events.map(({ type, object }) => [type, object.metadata.name, object.kind]),
      [
        ['MODIFIED', 'a', 'ConfigMap'],
        ['ADDED', 'c', 'ConfigMap'],
        ['DELETED', 'b', 'ConfigMap'],
      ],
    );
    const versions = watch.events.map(({ object }) => Number(object.metadata.resourceVersion));
    assert.deepEqual(
      versions,
      [...versions].sort((a, b) => a - b),
    );
    assert.ok((versions[0] ?? 0) > Number(resourceVersion));
  }),

  behavior(
    'an object that leaves or enters a selection is deleted or added to its watch',
    async (target) => {
      const namespace = await someMaps(target, ['a']);
      const { resourceVersion } = await target.admin.list(configMap, { namespace });
      const watch = watching(target.admin, configMap, {
        namespace,
        resourceVersion,
        labelSelector: 'name=a',
      });
      const relabel = (name: string) =>
        target.admin.patch(
          configMap,
          { namespace, name: 'a' },
          { type: 'merge', body: { metadata: { labels: { name } } } },
        );
      await relabel('other');
      await relabel('a');
      await until(target, 'two events', () => Promise.resolve(watch.events.length === 2));
      await watch.stop();
      assert.deepEqual(
        watch.events.map(({ type, object }) => [type, object.metadata.labels?.['name']]),
        [
          ['DELETED', 'a'],
          ['ADDED', 'a'],
        ],
      );
    },
  ),

  behavior('a watch without a version starts with the existing objects', async (target) => {
    const namespace = await someMaps(target, ['a', 'b']);
    const labelSelector = 'name';
    const watch = watching(target.admin, configMap, {
      namespace,
      resourceVersion: '',
      labelSelector,
    });
    const types = (): string[] =>
      watch.events.map(({ type }) => type).filter((type) => type !== 'BOOKMARK');
    await until(target, 'two events', () => Promise.resolve(types().length >= 2));
    await watch.stop();
    assert.deepEqual(types(), ['ADDED', 'ADDED']);
  }),

  behavior('a watch ends at its timeout, after a bookmark', async (target) => {
    const namespace = await someMaps(target, ['a']);
    const { resourceVersion } = await target.admin.list(configMap, { namespace });
    const began = target.scheduler.now();
    const watch = watching(target.admin, configMap, {
      namespace,
      resourceVersion,
      timeoutSeconds: 4,
    });
    await watch.ended;
    const seconds = (target.scheduler.now() - began) / 1000;
    assert.ok(seconds > 3.5 && seconds < 6, `after ${seconds} s`);
    assert.ok(watch.events.some(({ type }) => type === 'BOOKMARK'));
    const [bookmark] = watch.events.filter(({ type }) => type === 'BOOKMARK');
    assert.ok(Number(bookmark?.object.metadata.resourceVersion) >= Number(resourceVersion));
  }),

  behavior(
    'discovery lists resources with their subresources and short names',
    async ({ admin }) => {
      const groups = (await admin.raw('GET', '/apis')) as { groups: { name: string }[] };
      assert.ok(groups.groups.some(({ name }) => name === 'apps'));
      const apps = (await admin.raw('GET', '/apis/apps/v1')) as {
        groupVersion: string;
        resources: { name: string; namespaced: boolean; shortNames?: string[]; verbs: string[] }[];
      };
      assert.equal(apps.groupVersion, 'apps/v1');
      const named = (name: string) => apps.resources.find((resource) => resource.name === name);
      assert.deepEqual(named('deployments')?.shortNames, ['deploy']);
      assert.ok(named('deployments')?.verbs.includes('watch'));
      assert.ok(
        named('deployments/status') !== undefined && named('deployments/scale') !== undefined,
      );
    },
  ),

  behavior('a namespace is labelled with its name', async (target) => {
    const name = await target.namespace({ tier: 'web' });
    const { metadata } = await target.admin.get(namespaces, { namespace: '', name });
    assert.equal(metadata.labels?.['kubernetes.io/metadata.name'], name);
    assert.equal(metadata.labels['tier'], 'web');
  }),
];
