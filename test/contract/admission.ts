// SPDX-License-Identifier: Apache-2.0

import assert from 'node:assert/strict';
import { RESOURCES, type KubeObject } from '@altershield/kube';
import { aConfigMap, createWeb, patchWeb, refused, web, withImage, type Json } from './helpers.ts';
import { install } from './hook.ts';
import { behavior, pause, until, type Behavior, type ContractTarget } from './target.ts';

const { mutatingWebhook, validatingWebhook, configMap, deployment } = RESOURCES;

/** The least that a configuration says, with one webhook that is called by nobody. */
const aConfiguration = (webhook: Json = {}): Json => ({
  apiVersion: 'admissionregistration.k8s.io/v1',
  kind: mutatingWebhook.kind,
  metadata: { name: 'suite-minimal' },
  webhooks: [
    {
      name: 'suite.example.com',
      sideEffects: 'None',
      admissionReviewVersions: ['v1'],
      clientConfig: { url: 'https://127.0.0.1:1/' },
      rules: [
        {
          apiGroups: ['apps'],
          apiVersions: ['v1'],
          resources: ['deployments'],
          operations: ['UPDATE'],
        },
      ],
      ...webhook,
    },
  ],
});

const named = (hook: string): RegExp =>
  new RegExp(`admission webhook "${hook}" denied the request: `);

const setValue = (target: ContractTarget, namespace: string, value: string) =>
  target.developer.patch(
    configMap,
    { namespace, name: 'm' },
    { type: 'merge', body: { data: { value } } },
  );

export const admission: readonly Behavior[] = [
  behavior(
    'a mutating webhook sees who creates what, and changes it in the same write',
    async (target) => {
      const hook = await install(target, {
        answer: () => ({
          patch: [{ op: 'add', path: '/metadata/annotations', value: { stamped: 'yes' } }],
        }),
      });
      const map = await target.developer.create(configMap, hook.namespace, aConfigMap('m', 'v1'));
      assert.equal(map.metadata.annotations?.['stamped'], 'yes');
      const [request] = hook.requests.filter(({ name }) => name === 'm');
      assert.equal(request?.operation, 'CREATE');
      assert.equal(request.userInfo.username, 'alice');
      assert.ok(request.userInfo.groups?.includes('system:authenticated'));
      assert.deepEqual(request.resource, { group: '', version: 'v1', resource: 'configmaps' });
      assert.equal(request.oldObject, null);
      assert.equal(request.object?.metadata.namespace, hook.namespace);
      assert.equal(request.dryRun, false);
      await hook.remove();
    },
  ),

  behavior(
    'an update shows the old object with defaults, and the mutated one is completed and checked',
    async (target) => {
      const hook = await install(target, {
        resources: ['deployments'],
        operations: ['UPDATE'],
        answer: ({ userInfo }) =>
          userInfo.username === 'alice'
            ? { patch: [{ op: 'add', path: '/spec/paused', value: true }] }
            : {},
      });
      await createWeb(target, hook.namespace, { replicas: 0 });
      const written = await patchWeb(target, hook.namespace, withImage('web:v2'));
      assert.equal(written.spec.paused, true);
      const [request] = hook.requests.filter(({ userInfo }) => userInfo.username === 'alice');
      const imageOf = (object: KubeObject | null | undefined): unknown =>
        (object as unknown as { spec: { template: { spec: { containers: { image: string }[] } } } })
          .spec.template.spec.containers[0]?.image;
      assert.deepEqual(
        [imageOf(request?.oldObject), imageOf(request?.object)],
        ['web:v1', 'web:v2'],
      );
      await hook.remove();
    },
  ),

  behavior('a webhook cannot make an object invalid', async (target) => {
    const hook = await install(target, {
      resources: ['deployments'],
      answer: () => ({ patch: [{ op: 'replace', path: '/spec/replicas', value: -1 }] }),
    });
    await refused(createWeb(target, hook.namespace), {
      status: 422,
      message: /spec\.replicas: Invalid value: -1/,
    });
    await hook.remove();
  }),

  behavior(
    'rules choose by operation and resource; a subresource is another resource',
    async (target) => {
      const hook = await install(target, { resources: ['deployments'], operations: ['UPDATE'] });
      await target.developer.create(configMap, hook.namespace, aConfigMap('m', 'v1'));
      await createWeb(target, hook.namespace, { replicas: 0, spec: { paused: true } });
      await until(target, 'the status to be written', async () => {
        const { status } = (await target.admin.get(deployment, web(hook.namespace))) as unknown as {
          status: { observedGeneration?: number };
        };
        return status.observedGeneration === 1;
      });
      const scale = { type: 'merge', body: { spec: { replicas: 1 } } } as const;
      await target.admin.patch(deployment, web(hook.namespace), scale, { subresource: 'scale' });
      await pause(target, 500);
      assert.deepEqual(hook.requests, []);
      await patchWeb(target, hook.namespace, { replicas: 2 });
      // The server may ask more than once about one write: see the object selector below.
      const asked = hook.requests.map(({ name, operation }) => [operation, name].join(' '));
      assert.deepEqual([...new Set(asked)], ['UPDATE web']);
      await hook.remove();
    },
  ),

  behavior('an update of the scale subresource is reviewed as a Scale', async (target) => {
    const hook = await install(target, {
      resources: ['deployments/scale'],
      operations: ['UPDATE'],
    });
    await createWeb(target, hook.namespace, { replicas: 0, spec: { paused: true } });
    const scale = { type: 'merge', body: { spec: { replicas: 1 } } } as const;
    await target.developer.patch(deployment, web(hook.namespace), scale, { subresource: 'scale' });
    const [request] = hook.requests;
    assert.deepEqual([request?.subResource, request?.object?.kind], ['scale', 'Scale']);
    await hook.remove();
  }),

  behavior('an object selector matches either the old or the new object', async (target) => {
    const hook = await install(target, {
      resources: ['configmaps'],
      config: { objectSelector: { matchLabels: { guarded: 'yes' } } },
    });
    const key = { namespace: hook.namespace, name: 'm' };
    const label = async (guarded: string | null): Promise<number> => {
      const body = { metadata: { labels: { guarded } } };
      await target.developer.patch(configMap, key, { type: 'merge', body });
      // The server may act on a state of some milliseconds ago first, and ask once more then.
      await pause(target, 300);
      return hook.requests.length;
    };
    await target.developer.create(configMap, hook.namespace, aConfigMap('m', 'v1'));
    assert.equal(hook.requests.length, 0);
    const labeled = await label('yes');
    assert.ok(labeled >= 1);
    const unlabelled = await label(null);
    assert.ok(unlabelled > labeled);
    await setValue(target, hook.namespace, 'v2');
    assert.equal(hook.requests.length, unlabelled);
    await hook.remove();
  }),

  behavior(
    'an object being created has no uid yet when a mutating webhook reviews it',
    async (target) => {
      const mutating = await install(target, { resources: ['configmaps'], operations: ['CREATE'] });
      const body = { ...aConfigMap('', 'v1'), metadata: { generateName: 'map-' } };
      await target.developer.create(configMap, mutating.namespace, body);
      const [request] = mutating.requests.filter(({ userInfo }) => userInfo.username === 'alice');
      const { uid, name, creationTimestamp } = (request?.object?.metadata ?? {}) as Json;
      assert.deepEqual(
        [uid, name, creationTimestamp ?? null, request?.name],
        [undefined, undefined, null, undefined],
      );
      await mutating.remove();
      const validating = await install(target, {
        isMutating: false,
        resources: ['configmaps'],
        operations: ['CREATE'],
      });
      const created = await target.developer.create(configMap, validating.namespace, body);
      const [final] = validating.requests.filter(({ userInfo }) => userInfo.username === 'alice');
      assert.deepEqual(
        [final?.object?.metadata.uid, final?.name],
        [created.metadata.uid, created.metadata.name],
      );
      await validating.remove();
    },
  ),

  behavior('a match condition that is false skips the webhook', async (target) => {
    const expression = 'request.userInfo.username != "alice"';
    const hook = await install(target, {
      resources: ['configmaps'],
      config: { matchConditions: [{ name: 'not-alice', expression }] },
    });
    await target.developer.create(configMap, hook.namespace, aConfigMap('m', 'v1'));
    assert.equal(hook.requests.filter(({ name }) => name === 'm').length, 0);
    await target.admin.create(configMap, hook.namespace, aConfigMap('n', 'v1'));
    assert.equal(hook.requests.filter(({ name }) => name === 'n').length, 1);
    await hook.remove();
  }),

  behavior('a denial carries the code, reason and message of the webhook', async (target) => {
    const hook = await install(target, {
      isMutating: false,
      resources: ['configmaps'],
      operations: ['CREATE', 'UPDATE', 'DELETE'],
      answer: ({ name, operation }) =>
        name === 'm' && operation !== 'CREATE'
          ? {
              denied: { code: 403, reason: 'Forbidden', message: 'this revision is quarantined' },
            }
          : {},
    });
    await target.developer.create(configMap, hook.namespace, aConfigMap('m', 'v1'));
    const refusal = { status: 403, reason: 'Forbidden', message: named('suite.example.com') };
    const { server } = await refused(setValue(target, hook.namespace, 'v2'), refusal);
    assert.match(server.message ?? '', /this revision is quarantined$/);
    await refused(
      target.developer.delete(configMap, { namespace: hook.namespace, name: 'm' }),
      refusal,
    );
    const [deletion] = hook.requests.filter(({ operation }) => operation === 'DELETE');
    assert.deepEqual([deletion?.object, deletion?.oldObject?.metadata.name], [null, 'm']);
    await hook.remove();
  }),

  behavior('a validating webhook sees the mutated object', async (target) => {
    const mutating = await install(target, {
      resources: ['configmaps'],
      answer: () => ({ patch: [{ op: 'add', path: '/data/added', value: 'x' }] }),
    });
    const seen: unknown[] = [];
    const { url, caBundle } = await target.webhook(({ object }) => {
      seen.push((object as unknown as { data?: unknown }).data);
      return {};
    });
    const name = `suite-second-${mutating.namespace}`;
    await target.admin.create(validatingWebhook, '', {
      apiVersion: 'admissionregistration.k8s.io/v1',
      kind: validatingWebhook.kind,
      metadata: { name },
      webhooks: [
        {
          name: 'second.example.com',
          sideEffects: 'None',
          admissionReviewVersions: ['v1'],
          namespaceSelector: { matchLabels: { 'kubernetes.io/metadata.name': mutating.namespace } },
          clientConfig: { url, caBundle },
          rules: [
            {
              apiGroups: [''],
              apiVersions: ['v1'],
              resources: ['configmaps'],
              operations: ['CREATE'],
            },
          ],
        },
      ],
    });
    await until(target, 'the second webhook to be called', async () => {
      await target.admin.create(configMap, mutating.namespace, aConfigMap('m', 'v1'), {
        dryRun: true,
      });
      return seen.length > 0;
    });
    assert.deepEqual(seen.at(-1), { value: 'v1', added: 'x' });
    await target.admin.delete(validatingWebhook, { namespace: '', name });
    await mutating.remove();
  }),

  behavior(
    'an unreachable webhook is ignored or denies the write, as its failurePolicy says',
    async (target) => {
      const url = 'https://127.0.0.1:1/nobody';
      const ignored = await install(target, { url, config: { failurePolicy: 'Ignore' } });
      await target.developer.create(configMap, ignored.namespace, aConfigMap('m', 'v1'));
      await ignored.remove();
      const blocking = await install(target, { url, config: { failurePolicy: 'Fail' } });
      await refused(target.developer.create(configMap, blocking.namespace, aConfigMap('m', 'v1')), {
        status: 500,
        reason: 'InternalError',
        message:
          /failed calling webhook "suite\.example\.com": failed to call webhook: Post "https:\/\/127\.0\.0\.1:1\/nobody\?timeout=10s"/,
      });
      await blocking.remove();
    },
  ),

  behavior('a dry run calls the webhooks without side effects, with dryRun set', async (target) => {
    const hook = await install(target, { resources: ['configmaps'] });
    await target.developer.create(configMap, hook.namespace, aConfigMap('m', 'v1'), {
      dryRun: true,
    });
    const [request] = hook.requests.filter(({ name }) => name === 'm');
    assert.equal(request?.dryRun, true);
    await hook.remove();
  }),

  behavior('controllers are reviewed under their own user names', async (target) => {
    const hook = await install(target, {
      resources: ['replicasets', 'pods'],
      operations: ['CREATE'],
    });
    await createWeb(target, hook.namespace, { replicas: 1 });
    const users = await until(target, 'a ReplicaSet and a pod', () => {
      const found = new Set(
        hook.requests.map(({ resource, userInfo }) => `${resource.resource} ${userInfo.username}`),
      );
      return Promise.resolve(found.size === 2 && [...found]);
    });
    assert.deepEqual(users.sort(), [
      'pods system:serviceaccount:kube-system:replicaset-controller',
      'replicasets system:serviceaccount:kube-system:deployment-controller',
    ]);
    await hook.remove();
  }),

  behavior('a webhook configuration is completed with defaults', async (target) => {
    const { webhooks } = (await target.admin.create(mutatingWebhook, '', aConfiguration(), {
      dryRun: true,
    })) as unknown as { webhooks: Json[] };
    const {
      failurePolicy,
      matchPolicy,
      timeoutSeconds,
      reinvocationPolicy,
      namespaceSelector,
      objectSelector,
      rules,
    } = webhooks[0] ?? {};
    assert.deepEqual(
      {
        failurePolicy,
        matchPolicy,
        timeoutSeconds,
        reinvocationPolicy,
        namespaceSelector,
        objectSelector,
      },
      {
        failurePolicy: 'Fail',
        matchPolicy: 'Equivalent',
        timeoutSeconds: 10,
        reinvocationPolicy: 'Never',
        namespaceSelector: {},
        objectSelector: {},
      },
    );
    assert.equal((rules as Json[])[0]?.['scope'], '*');
    const insecure = aConfiguration({ clientConfig: { url: 'http://127.0.0.1:1/' } });
    await refused(target.admin.create(mutatingWebhook, '', insecure), {
      status: 422,
      message: /https/,
    });
  }),

  behavior(
    'one malformed selector makes the whole webhook configuration invalid',
    async (target) => {
      const [a64, dns254] = ['a'.repeat(64), `${'a.'.repeat(126)}aa`];
      const expression = (key: string, operator: string, values?: readonly string[]): Json => ({
        matchExpressions: [{ key, operator, values }],
      });
      const bad: readonly (readonly [Json, RegExp])[] = [
        [expression('tier', 'In'), /\[0\]\.values: Required value: must be specified when/],
        [expression('tier', 'NotIn', []), /\[0\]\.values: Required value/],
        [
          expression('tier', 'Exists', ['a']),
          /\[0\]\.values: Forbidden: may not be specified when/,
        ],
        [expression('tier', 'Has'), /\[0\]\.operator: .*not a valid selector operator/],
        [
          expression('a b', 'Exists'),
          /\[0\]\.key: Invalid value: "a b": name part must consist of/,
        ],
        [
          expression('tier', 'In', ['a', '-']),
          /\[0\]\.values\[1\]: Invalid value: "-": a valid label/,
        ],
        [
          { matchLabels: { 'bad key!!': 'x' } },
          /matchLabels: Invalid value: "bad key!!": name part/,
        ],
        [{ matchLabels: { 'UP/a': 'x' } }, /matchLabels: Invalid value: "UP\/a": prefix part/],
        [
          { matchLabels: { [`${dns254}/a`]: 'x' } },
          /prefix part must be no more than 253 (bytes|characters)/,
        ],
        [{ matchLabels: { [a64]: 'x' } }, /name part must be no more than 63 (bytes|characters)/],
        [{ matchLabels: { tier: 'x y' } }, /matchLabels: Invalid value: "x y": a valid label/],
        [{ matchLabels: { tier: a64 } }, /must be no more than 63 (bytes|characters)/],
      ];
      for (const field of ['objectSelector', 'namespaceSelector']) {
        for (const [selector, message] of bad) {
          const body = aConfiguration({ [field]: selector });
          await refused(target.admin.create(mutatingWebhook, '', body), {
            status: 422,
            reason: 'Invalid',
            message: new RegExp(`webhooks\\[0\\]\\.${field}\\..*${message.source}`),
          });
        }
      }
      const good = { matchLabels: { 'a.b-c/X_y.1': '' }, ...expression('tier', 'Exists', []) };
      const body = aConfiguration({ objectSelector: good });
      await target.admin.create(mutatingWebhook, '', body, { dryRun: true });
    },
  ),
];
