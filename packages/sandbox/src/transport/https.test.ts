// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import {
  Client,
  createUndiciTransport,
  loadKubeconfig,
  realScheduler,
  RESOURCES,
  type Transport,
} from '@altershield/kube';
import { AcceleratedScheduler, createSandbox, serveHttps } from '../index.ts';

async function connect(kubeconfig: string): Promise<{ client: Client; transport: Transport }> {
  const dir = await mkdtemp(join(tmpdir(), 'sandbox-'));
  const path = join(dir, 'kubeconfig');
  await writeFile(path, kubeconfig);
  const transport = createUndiciTransport(await loadKubeconfig({ path }));
  await rm(dir, { recursive: true });
  return {
    client: new Client({ transport, scheduler: realScheduler, fieldManager: 'test' }),
    transport,
  };
}

test('a real client reads, writes and watches a sandbox over TLS with its kubeconfig', async () => {
  const scheduler = new AcceleratedScheduler(10);
  const sandbox = createSandbox({ scheduler, users: { secret: { username: 'alice' } } });
  const front = await serveHttps(sandbox.server);
  const { client, transport } = await connect(front.kubeconfig('secret'));
  const { resourceVersion } = await client.list(RESOURCES.configMap, { namespace: 'default' });
  const map = { apiVersion: 'v1', kind: 'ConfigMap', metadata: { name: 'm' }, data: { a: 'b' } };
  await client.create(RESOURCES.configMap, 'default', map);
  const abort = new AbortController();
  const watch = client.watch(RESOURCES.configMap, {
    namespace: 'default',
    resourceVersion,
    timeoutSeconds: 60,
    signal: abort.signal,
  });
  const { value } = await watch.next();
  assert.deepEqual([value?.type, value?.object.metadata.name], ['ADDED', 'm']);
  abort.abort();
  await watch.next().catch(() => undefined);
  const stranger = await connect(front.kubeconfig('unknown'));
  await assert.rejects(stranger.client.list(RESOURCES.pod), /401/);
  await transport.close();
  await stranger.transport.close();
  sandbox.stop();
  await front.close();
});
