// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict';
import type { X509Certificate } from 'node:crypto';
import { request } from 'node:https';
import { createServer, type AddressInfo } from 'node:net';
import { after, test } from 'node:test';
import type { TLSSocket } from 'node:tls';
import {
  Client,
  createMetrics,
  realScheduler,
  silentLogger,
  sleep,
  type HttpRequest,
  type HttpResponse,
  type Runnable,
  type Transport,
} from '@altershield/kube';
import { createWebhook, type Webhook } from './webhook.ts';

const stop = new AbortController();
after(() => {
  stop.abort();
});

/** An API server that knows one Secret. */
class Secrets implements Transport {
  secret: string | undefined;

  request({ method, stream, path, body }: HttpRequest): Promise<HttpResponse> {
    if (stream) return new Promise(() => undefined);
    if (method === 'POST') {
      const made = Object(JSON.parse(body ?? '')) as { metadata: object };
      this.secret = JSON.stringify({
        ...made,
        metadata: { ...made.metadata, resourceVersion: '2' },
      });
    }
    const isList = path.includes('fieldSelector');
    const text = isList ? '{"metadata":{"resourceVersion":"1"},"items":[]}' : this.secret;
    const status = text === undefined ? 404 : 200;
    const chunks = async function* (): AsyncGenerator<Uint8Array> {
      yield await Promise.resolve(Buffer.from(text ?? ''));
    };
    return Promise.resolve({ status, headers: {}, body: chunks() });
  }

  close(): Promise<void> {
    return Promise.resolve();
  }
}

interface Wishes {
  /** Default: any. */
  readonly port?: number;
  readonly host?: string;
  readonly publish?: (port: number) => void;
}

function aWebhook({ port = 0, host, publish = () => undefined }: Wishes = {}): Webhook {
  const scheduler = realScheduler;
  return createWebhook({
    config: {
      namespace: 'system',
      service: 'hook',
      webhookHost: '127.0.0.1',
      webhookPort: port,
      webhookUrlHost: host,
      shutdownDelaySeconds: 0.3,
    },
    client: new Client({ transport: new Secrets(), scheduler, fieldManager: 'test' }),
    ...{ scheduler, log: silentLogger, metrics: createMetrics({ scheduler }) },
    handlers: new Map(),
    redactPath: (path) => path,
    publish: (at) => {
      publish(at);
      return Promise.resolve();
    },
  });
}

interface Got {
  readonly status: number | undefined;
  readonly connection: string | undefined;
  readonly certificate: X509Certificate | undefined;
}

const get = (port: number): Promise<Got> =>
  new Promise((resolve, reject) => {
    const options = { host: '127.0.0.1', port, rejectUnauthorized: false, agent: false };
    request(options, ({ statusCode: status, headers: { connection }, socket }) => {
      const certificate = (socket as TLSSocket).getPeerX509Certificate();
      resolve({ status, connection, certificate });
    })
      .on('error', reject)
      .end();
  });

const start = ({ runnables }: Webhook): Promise<void>[] =>
  runnables.map((runnable: Runnable) => runnable.start(stop.signal));

/** One that listens, and was made known with the port that it has. */
async function aListening(
  wishes: Pick<Wishes, 'host'> = {},
): Promise<{ readonly webhook: Webhook; readonly port: number }> {
  let port = 0;
  const webhook = aWebhook({ ...wishes, publish: (at) => (port = at) });
  void Promise.all(start(webhook));
  while (port === 0) await sleep(realScheduler, 5);
  return { webhook, port };
}

test('it is ready, and made known, when the port listens', async () => {
  const published: (string | undefined)[] = [];
  const webhook = aWebhook({ publish: () => published.push(webhook.readinessError()) });
  assert.equal(webhook.readinessError(), 'the webhook does not listen yet');
  void Promise.all(start(webhook));
  for (const runnable of webhook.runnables) await runnable.whenReady?.(stop.signal);
  assert.equal(webhook.readinessError(), undefined);
  while (published.length === 0) await sleep(realScheduler, 5);
  assert.equal(published[0], undefined);
  await webhook.secret.whenSynced();
});

for (const host of ['10.1.2.3', 'fd00::7', 'laptop.example']) {
  test(`called by URL, it shows a certificate for ${host}`, async () => {
    const { certificate } = await get((await aListening({ host })).port);
    assert.equal(certificate?.checkHost('hook.system.svc'), 'hook.system.svc');
    assert.equal(certificate.checkHost(host) ?? certificate.checkIP(host), host);
  });
}

test('told to leave, it answers until the delay is over', async () => {
  const { webhook, port } = await aListening();
  const leave = new AbortController();
  const began = performance.now();
  const left = webhook.drain.start(leave.signal);
  leave.abort();
  const { status, connection } = await get(port);
  assert.deepEqual([status, connection], [404, 'close']);
  await left;
  assert.ok(performance.now() - began >= 290);
  assert.equal(webhook.readinessError(), undefined);
});

test('a port in use ends the process with the port and a hint, and nothing is published', async () => {
  const other = createServer();
  await new Promise<void>((resolve) => other.listen(0, '127.0.0.1', resolve));
  const { port } = other.address() as AddressInfo;
  let published = 0;
  const webhook = aWebhook({ port, publish: () => (published += 1) });
  await assert.rejects(Promise.race(start(webhook)), {
    name: 'ConfigError',
    message: new RegExp(
      `127.0.0.1:${port}: .*; stop the process that listens there, or choose another port`,
    ),
  });
  assert.notEqual(webhook.readinessError(), undefined);
  assert.equal(published, 0);
  other.close();
});
