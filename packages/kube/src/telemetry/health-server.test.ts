// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict';
import { after, test } from 'node:test';
import { silentLogger } from '../runtime/logger.ts';
import { realScheduler } from '../runtime/scheduler.ts';
import { HealthServer, type HealthServerOptions } from './health-server.ts';

const servers: HealthServer[] = [];
after(() => Promise.all(servers.map((server) => server.close(0))));

type Get = (
  path: string,
  init?: RequestInit,
) => Promise<{ status: number; text: string; type: string | null }>;

async function serve(options: Partial<HealthServerOptions> = {}): Promise<Get> {
  const common = { scheduler: realScheduler, log: silentLogger, host: '127.0.0.1', port: 0 };
  const server = new HealthServer({ ...common, ...options });
  servers.push(server);
  const { port } = await server.listen();
  return async (path, init) => {
    const response = await fetch(`http://127.0.0.1:${port}${path}`, init);
    const type = response.headers.get('content-type');
    return { status: response.status, text: await response.text(), type };
  };
}

test('without checks it is alive and ready', async () => {
  const get = await serve();
  assert.deepEqual(await get('/healthz'), {
    status: 200,
    text: 'ok\n',
    type: 'text/plain; charset=utf-8',
  });
  assert.equal((await get('/readyz')).status, 200);
  assert.equal((await get('/readyz', { method: 'HEAD' })).text, '');
});

test('a failing check is named with its reason, and so are the others', async () => {
  let failure: string | undefined = 'pods are still being listed';
  const get = await serve({
    ready: { caches: () => failure, webhook: () => undefined },
  });
  const failed = await get('/readyz');
  assert.equal(failed.status, 500);
  assert.equal(
    failed.text,
    '[-]caches failed: pods are still being listed\n[+]webhook ok\nreadyz check failed\n',
  );
  assert.equal((await get('/readyz/webhook')).status, 200);
  assert.equal((await get('/readyz/caches')).status, 500);
  assert.equal((await get('/healthz')).status, 200);
  assert.match((await get('/readyz/typo')).text, /no check "typo"; known checks: caches, webhook/);
  failure = undefined;
  assert.equal((await get('/readyz')).text, 'ok\n');
  assert.match((await get('/readyz?verbose')).text, /\[\+\]caches ok/);
});

test('a check that throws has failed', async () => {
  const get = await serve({ live: { loop: () => assert.fail('stuck') } });
  const { status, text } = await get('/healthz');
  assert.equal(status, 500);
  assert.match(text, /\[-\]loop failed: stuck/);
});

test('metrics are served in their own format; a failure to render them is a 500', async () => {
  const metrics = {
    render: () => Promise.resolve({ contentType: 'text/plain; version=0.0.4', text: 'up 1\n' }),
  };
  const { text, type } = await (await serve({ metrics }))('/metrics');
  assert.equal(text, 'up 1\n');
  assert.equal(type, 'text/plain; version=0.0.4');
  const broken = await serve({ metrics: { render: () => Promise.reject(new Error('boom')) } });
  assert.equal((await broken('/metrics')).status, 500);
  assert.equal((await (await serve())('/metrics')).status, 404);
});

test('other paths and methods get the list of known paths', async () => {
  const get = await serve();
  assert.match((await get('/')).text, /try \/healthz/);
  assert.equal((await get('//')).status, 404);
  assert.equal((await get('/healthz', { method: 'POST' })).status, 405);
});
