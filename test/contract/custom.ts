// SPDX-License-Identifier: Apache-2.0

import assert from 'node:assert/strict';
import { RESOURCES, type KubeObject, type APIResource } from '@altershield/kube';
import { refused, type Json } from './helpers.ts';
import { watching } from './watching.ts';
import { behavior, until, type Behavior, type ContractTarget } from './target.ts';

interface Widget extends KubeObject {
  readonly spec: Json;
  readonly status?: Json;
}

const SCHEMA = {
  type: 'object',
  properties: {
    spec: {
      type: 'object',
      required: ['size'],
      properties: {
        size: { type: 'integer', minimum: 1, maximum: 100 },
        colour: { type: 'string', enum: ['Red', 'Blue'], default: 'Red' },
        label: { type: 'string', maxLength: 5, pattern: '^[a-z]*$' },
        share: {
          'x-kubernetes-int-or-string': true,
          anyOf: [{ type: 'integer' }, { type: 'string' }],
        },
        deep: {
          type: 'object',
          default: {},
          properties: { on: { type: 'boolean', default: true } },
        },
        free: { type: 'object', 'x-kubernetes-preserve-unknown-fields': true },
        tags: { type: 'object', additionalProperties: { type: 'string' } },
        parts: {
          type: 'array',
          maxItems: 2,
          items: {
            type: 'object',
            properties: { name: { type: 'string' }, count: { type: 'integer', default: 1 } },
          },
        },
      },
    },
    status: { type: 'object', properties: { phase: { type: 'string' } } },
  },
};

/** A kind of its own for each namespace, so that behaviours do not meet. */
async function aKind(
  target: ContractTarget,
): Promise<{ resource: APIResource; namespace: string }> {
  const namespace = await target.namespace();
  const group = `${namespace}.example.com`;
  const resource: APIResource = {
    group,
    version: 'v1',
    plural: 'widgets',
    kind: 'Widget',
    namespaced: true,
  };
  await target.admin.create(RESOURCES.crd, '', {
    apiVersion: 'apiextensions.k8s.io/v1',
    kind: 'CustomResourceDefinition',
    metadata: { name: `widgets.${group}` },
    spec: {
      group,
      scope: 'Namespaced',
      names: {
        kind: 'Widget',
        listKind: 'WidgetList',
        plural: 'widgets',
        singular: 'widget',
        shortNames: ['wd'],
      },
      versions: [
        {
          name: 'v1',
          served: true,
          storage: true,
          schema: { openAPIV3Schema: SCHEMA },
          subresources: { status: {} },
        },
      ],
    },
  });
  await until(target, 'the kind to be served', async () => {
    const found = await target.admin.list(resource, { namespace }).catch(() => undefined);
    return found !== undefined;
  });
  return { resource, namespace };
}

const widget = ({ resource }: { resource: APIResource }, spec: Json, rest: Json = {}): Json => ({
  apiVersion: `${resource.group}/v1`,
  kind: 'Widget',
  metadata: { name: 'w' },
  spec,
  ...rest,
});

export const custom: readonly Behavior[] = [
  behavior('a watch from a compacted version gets 410 in its stream', async (target) => {
    const { resource, namespace } = await aKind(target);
    const watch = watching(target.admin, resource, { namespace, resourceVersion: '1' });
    await refused(watch.ended, {
      status: 410,
      reason: 'Expired',
      message: /too old resource version/,
    });
  }),

  behavior('a custom object is completed with the defaults of its schema', async (target) => {
    const kind = await aKind(target);
    const spec = { size: 3, parts: [{ name: 'a' }] };
    const created = await target.admin.create<Widget>(
      kind.resource,
      kind.namespace,
      widget(kind, spec),
    );
    assert.deepEqual(created.spec, {
      size: 3,
      colour: 'Red',
      deep: { on: true },
      parts: [{ name: 'a', count: 1 }],
    });
    assert.equal(created.metadata.generation, 1);
  }),

  behavior(
    'fields that the schema does not know are dropped, except where it says so',
    async (target) => {
      const kind = await aKind(target);
      const spec = {
        size: 3,
        unknown: 1,
        deep: { on: false, odd: 2 },
        free: { any: [1] },
        tags: { a: 'b' },
      };
      const created = await target.admin.create<Widget>(
        kind.resource,
        kind.namespace,
        widget(kind, spec),
      );
      assert.deepEqual(created.spec, {
        size: 3,
        colour: 'Red',
        deep: { on: false },
        free: { any: [1] },
        tags: { a: 'b' },
      });
    },
  ),

  behavior('every problem of a custom object is reported with its path', async (target) => {
    const kind = await aKind(target);
    const spec = { size: 0, colour: 'Green', label: 'toolong', parts: [{}, {}, {}] };
    const create = target.admin.create(kind.resource, kind.namespace, widget(kind, spec));
    const { server } = await refused(create, {
      status: 422,
      reason: 'Invalid',
      message: /^Widget\..* "w" is invalid: \[/,
    });
    const { causes } = server.details as { causes: { field: string }[] };
    assert.deepEqual(causes.map(({ field }) => field).sort(), [
      'spec.colour',
      'spec.label',
      'spec.parts',
      'spec.size',
    ]);
    assert.match(
      server.message ?? '',
      /spec\.colour: Unsupported value: "Green": supported values: "Red", "Blue"/,
    );
    assert.match(
      server.message ?? '',
      /spec\.size: Invalid value: 0: spec\.size in body should be greater than or equal to 1/,
    );
  }),

  behavior('a missing required field and a wrong type are reported', async (target) => {
    const kind = await aKind(target);
    const missing = target.admin.create(kind.resource, kind.namespace, widget(kind, {}));
    await refused(missing, { status: 422, message: /spec\.size: Required value/ });
    const wrong = target.admin.create(kind.resource, kind.namespace, widget(kind, { size: 'big' }));
    await refused(wrong, {
      status: 422,
      message: /spec\.size in body must be of type integer: "string"/,
    });
  }),

  behavior('an int-or-string accepts both', async (target) => {
    const kind = await aKind(target);
    for (const share of [3, '30%']) {
      const body = widget(kind, { size: 1, share });
      const { spec } = await target.admin.create<Widget>(kind.resource, kind.namespace, body, {
        dryRun: true,
      });
      assert.equal(spec['share'], share);
    }
  }),

  behavior('only the subresource writes status, and the generation stays', async (target) => {
    const kind = await aKind(target);
    const body = widget(kind, { size: 1 }, { status: { phase: 'Forged' } });
    const created = await target.admin.create<Widget>(kind.resource, kind.namespace, body);
    assert.equal(created.status, undefined);
    const key = { namespace: kind.namespace, name: 'w' };
    const patch = {
      type: 'merge',
      body: { spec: { size: 9 }, status: { phase: 'Running' } },
    } as const;
    const status = await target.admin.patch<Widget>(kind.resource, key, patch, {
      subresource: 'status',
    });
    assert.deepEqual(
      [status.spec['size'], status.status, status.metadata.generation],
      [1, { phase: 'Running' }, 1],
    );
    const main = await target.admin.patch<Widget>(kind.resource, key, {
      type: 'merge',
      body: { spec: { size: 2 }, status: { phase: 'Forged' } },
    });
    assert.deepEqual(
      [main.spec['size'], main.status, main.metadata.generation],
      [2, { phase: 'Running' }, 2],
    );
  }),

  behavior(
    'labels and annotations do not change the generation of a custom object',
    async (target) => {
      const kind = await aKind(target);
      await target.admin.create(kind.resource, kind.namespace, widget(kind, { size: 1 }));
      const key = { namespace: kind.namespace, name: 'w' };
      const patch = {
        type: 'merge',
        body: { metadata: { labels: { a: 'b' }, annotations: { c: 'd' } } },
      } as const;
      const { metadata } = await target.admin.patch(kind.resource, key, patch);
      assert.equal(metadata.generation, 1);
    },
  ),

  behavior('list items of a custom kind have their kind', async (target) => {
    const kind = await aKind(target);
    await target.admin.create(kind.resource, kind.namespace, widget(kind, { size: 1 }));
    const { group } = kind.resource;
    const list = (await target.admin.raw(
      'GET',
      `/apis/${group}/v1/namespaces/${kind.namespace}/widgets`,
    )) as { items: KubeObject[] };
    assert.deepEqual(
      list.items.map((one) => [one.kind, one.apiVersion]),
      [['Widget', `${group}/v1`]],
    );
  }),

  behavior('a replacement of a custom object needs the version it replaces', async (target) => {
    const kind = await aKind(target);
    await target.admin.create(kind.resource, kind.namespace, widget(kind, { size: 1 }));
    const path = `/apis/${kind.resource.group}/v1/namespaces/${kind.namespace}/widgets/w`;
    await refused(target.admin.raw('PUT', path, widget(kind, { size: 2 })), {
      status: 422,
      message: /metadata\.resourceVersion: Invalid value: .*: must be specified for an update/,
    });
  }),

  behavior(
    'discovery lists a custom kind, and its objects are deleted with its definition',
    async (target) => {
      const kind = await aKind(target);
      const { group } = kind.resource;
      // The document of the group comes a moment after its objects are served.
      const own = await until(target, 'the kind in the discovery', async () => {
        const found = (await target.admin
          .raw('GET', `/apis/${group}/v1`)
          .catch(() => ({ resources: [] }))) as {
          resources: { name: string; shortNames?: string[] }[];
        };
        return found.resources.find(({ name }) => name === 'widgets');
      });
      assert.deepEqual(own.shortNames, ['wd']);
      await target.admin.create(kind.resource, kind.namespace, widget(kind, { size: 1 }));
      await target.admin.delete(RESOURCES.crd, { namespace: '', name: `widgets.${group}` });
      await until(target, 'the kind to be gone', async () => {
        const gone = await target.admin.list(kind.resource, { namespace: kind.namespace }).then(
          () => false,
          () => true,
        );
        return gone;
      });
    },
  ),
];
