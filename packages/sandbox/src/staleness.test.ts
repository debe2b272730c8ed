// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createSandbox, VirtualScheduler } from './index.ts';

test('with staleness a webhook reviews the old state first, and the new one is stored', async () => {
  const scheduler = new VirtualScheduler();
  const asked: unknown[] = [];
  const sandbox = createSandbox({
    scheduler,
    staleness: 1,
    admission: {
      transport: (_url, review) => {
        const { request } = JSON.parse(Buffer.from(review).toString()) as {
          request: { uid: string; oldObject: { data: { value: string } } };
        };
        asked.push(request.oldObject.data.value);
        return {
          status: 200,
          body: JSON.stringify({ response: { uid: request.uid, allowed: true } }),
        };
      },
    },
  });
  const path = '/api/v1/namespaces/default/configmaps';
  const set = (value: string) =>
    scheduler.complete(sandbox.call('PATCH', { path: `${path}/m`, body: { data: { value } } }));
  const map = { metadata: { name: 'm' }, data: { value: 'v1' } };
  await scheduler.complete(sandbox.call('POST', { path, body: map }));
  await set('v2');
  const rule = {
    apiGroups: [''],
    apiVersions: ['v1'],
    resources: ['configmaps'],
    operations: ['UPDATE'],
  };
  await scheduler.complete(
    sandbox.call('POST', {
      path: '/apis/admissionregistration.k8s.io/v1/validatingwebhookconfigurations',
      body: {
        metadata: { name: 'hook' },
        webhooks: [
          {
            name: 'hook.example.com',
            sideEffects: 'None',
            admissionReviewVersions: ['v1'],
            clientConfig: { url: 'https://hook.sandbox/' },
            rules: [rule],
          },
        ],
      },
    }),
  );
  const written = (await set('v3')) as unknown as { data: { value: string } };
  assert.deepEqual(asked, ['v1', 'v2']);
  assert.equal(written.data.value, 'v3');
});
