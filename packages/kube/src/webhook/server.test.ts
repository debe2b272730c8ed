// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict';
import { connect as connectTcp } from 'node:net';
import { Agent, request as httpsRequest } from 'node:https';
import { after, describe, test } from 'node:test';
import { type TLSSocket, connect as connectTls } from 'node:tls';
import { realScheduler } from '../runtime/scheduler.ts';
import { silentLogger } from '../runtime/logger.ts';
import { newSet } from '@altershield/testing/kube/pki';
import { reviewBytes } from '@altershield/testing/kube/review';
import {
  type AdmissionObservation,
  AdmissionServer,
  type AdmissionServerOptions,
} from './server.ts';

const pki = await newSet(Date.now());
const stranger = await newSet(Date.now());

const servers: AdmissionServer[] = [];
after(() => Promise.all(servers.map((server) => server.close(0))));

async function serve(options: Partial<AdmissionServerOptions> = {}): Promise<AdmissionServer> {
  const server = new AdmissionServer({
    handlers: new Map([['/v', () => ({ allowed: true })]]),
    certificate: pki,
    scheduler: realScheduler,
    log: silentLogger,
    host: '127.0.0.1',
    port: 0,
    ...options,
  });
  servers.push(server);
  await server.listen();
  return server;
}

interface Sent {
  readonly status: number | undefined;
  readonly body: string;
  readonly serial: string;
  readonly connection: string | undefined;
  readonly retryAfter: string | undefined;
  readonly keepAlive: string;
}

interface Send {
  readonly path?: string;
  readonly body?: Buffer;
  readonly method?: string;
  readonly contentType?: string;
  readonly ca?: string;
  readonly agent?: Agent;
  readonly tls?: object;
}

function send(server: AdmissionServer, options: Send = {}): Promise<Sent> {
  const { path = '/v', body = reviewBytes(), method = 'POST' } = options;
  const { contentType = 'application/json' } = options;
  // No agent of Node's own: it would keep connections and resume sessions.
  const { ca = pki.caBundle, agent = false, tls = {} } = options;
  return new Promise((resolve, reject) => {
    const { port } = server.address;
    const headers = { 'content-type': contentType };
    const call = httpsRequest(
      { host: '127.0.0.1', port, path: `${path}?timeout=10s`, method, headers, ca, agent, ...tls },
      (response) => {
        const { serialNumber: serial } = (response.socket as TLSSocket).getPeerCertificate();
        let text = '';
        response.setEncoding('utf8').on('data', (chunk: string) => (text += chunk));
        response.on('end', () => {
          const { statusCode: status, headers: got } = response;
          const { connection, 'retry-after': retryAfter, 'keep-alive': keepAlive } = got;
          resolve({
            status,
            body: text,
            serial,
            connection,
            retryAfter,
            keepAlive: String(keepAlive),
          });
        });
      },
    );
    call.on('error', reject);
    call.end(body);
  });
}

const statusMessage = ({ body }: Sent): string => String(JSON.parse(body).message);

describe('over TLS', () => {
  test('a review is answered and observed', async () => {
    const observed: AdmissionObservation[] = [];
    const steps: unknown[] = [];
    const server = await serve({
      observe: (it) => observed.push(it),
      inFlight: (path, step) => steps.push([path, step]),
    });
    const { status, body } = await send(server);
    assert.equal(status, 200);
    assert.equal(JSON.parse(body).response.allowed, true);
    assert.deepEqual(steps, [
      ['/v', 1],
      ['/v', -1],
    ]);
    assert.equal(observed[0]?.path, '/v');
    assert.equal(observed[0].allowed, true);
    assert.ok(observed[0].durationMs >= 0);
  });

  test('a client that trusts another authority, speaks TLS 1.1 or no TLS cannot connect', async () => {
    const server = await serve();
    await assert.rejects(send(server, { ca: stranger.caBundle }), /certificate|issuer/);
    const old = { minVersion: 'TLSv1', maxVersion: 'TLSv1.1', ciphers: 'DEFAULT@SECLEVEL=0' };
    await assert.rejects(send(server, { tls: old }));
    const answer = await rawExchange(server.address.port, 'GET / HTTP/1.1\r\nhost: x\r\n\r\n');
    assert.doesNotMatch(answer, /AdmissionReview|200/);
    assert.equal((await send(server)).status, 200);
  });

  test('with a client authority, clients without its certificate are rejected', async () => {
    const server = await serve({ clientCa: pki.caBundle });
    await assert.rejects(send(server));
    await assert.rejects(send(server, { tls: { cert: stranger.cert, key: stranger.key } }));
  });

  test('a certificate may come after the server was made, and before it listens', async () => {
    const server = new AdmissionServer({
      ...{ handlers: new Map(), scheduler: realScheduler, log: silentLogger },
      ...{ host: '127.0.0.1', port: 0 },
    });
    servers.push(server);
    assert.equal(server.isListening, false);
    server.setCertificate(pki);
    await server.listen();
    assert.equal(server.isListening, true);
    assert.equal((await send(server)).status, 404);
  });

  test('an address in use is reported with a hint', async () => {
    const { port } = (await serve()).address;
    await assert.rejects(
      serve({ port }),
      /127\.0\.0\.1:\d+.*stop the process that listens there, or choose another port/,
    );
  });
});

describe('a body', () => {
  test('of another content type, or truncated, gets a 400', async () => {
    const server = await serve();
    const yaml = await send(server, { contentType: 'application/yaml' });
    assert.equal(yaml.status, 400);
    assert.match(statusMessage(yaml), /"application\/yaml", expected application\/json/);
    const cut = await send(server, { body: reviewBytes().subarray(0, 999) });
    assert.equal(cut.status, 400);
    assert.match(statusMessage(cut), /999 bytes/);
  });

  test('of 10 MB gets a 413, with a length or chunked', async () => {
    const server = await serve();
    const body = Buffer.alloc(10_000_000, 'x');
    const announced = await send(server, {
      body,
      tls: {
        headers: {
          'content-type': 'application/json',
          'content-length': body.length,
        },
      },
    });
    assert.equal(announced.status, 413);
    assert.match(statusMessage(announced), /larger than 7340032 bytes/);
    const chunked = await send(server, {
      body,
      tls: {
        headers: {
          'content-type': 'application/json',
          'transfer-encoding': 'chunked',
        },
      },
    });
    assert.equal(chunked.status, 413);
    assert.equal(chunked.connection, 'close');
    assert.equal((await send(server)).status, 200);
  });

  test('that is not sent by POST gets a 405', async () => {
    const sent = await send(await serve(), { method: 'GET', body: Buffer.alloc(0) });
    assert.equal(sent.status, 405);
  });

  test('beyond the limit of all bodies together gets a 503 until others end', async () => {
    const server = await serve({ maxBodyBytesTogether: 10_000 });
    const { port } = server.address;
    const head = 'POST /v HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\n';
    const large = connectTls({ port, host: '127.0.0.1', ca: pki.caBundle });
    large.write(`${head}content-length: 100000\r\n\r\n${' '.repeat(9500)}`);
    let sent = await send(server);
    while (sent.status === 200) sent = await send(server);
    assert.equal(sent.status, 503);
    assert.equal(sent.retryAfter, '1');
    assert.match(statusMessage(sent), /try again in a second/);
    large.destroy();
    while (sent.status === 503) sent = await send(server);
    assert.equal(sent.status, 200);
  });

  test('for an unknown path is answered without waiting', async () => {
    const { port } = (await serve()).address;
    const head = 'POST /typo HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\n';
    const answer = await tlsExchange(port, `${head}content-length: 100\r\n\r\n`);
    assert.match(answer, /^HTTP\/1\.1 404 .*no admission handler at \/typo"/s);
  });

  test('for unknown paths share one metric label', async () => {
    const paths: string[] = [];
    const server = await serve({ observe: ({ path }) => paths.push(path) });
    for (const path of ['/typo', '/guess']) await send(server, { path });
    assert.deepEqual(paths, ['unknown', 'unknown']);
  });

  test('that arrives too slowly is aborted', async () => {
    const server = await serve({ readTimeoutMs: 300 });
    const answer = await tlsExchange(
      server.address.port,
      'POST /v HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\ncontent-length: 100\r\n\r\n{',
    );
    assert.match(answer, /^HTTP\/1\.1 408/);
  });

  test('of a client that sends no bytes is aborted', async () => {
    const server = await serve({ readTimeoutMs: 300 });
    const socket = connectTcp({ port: server.address.port, host: '127.0.0.1' });
    const since = performance.now();
    await new Promise((resolve) => socket.resume().once('close', resolve));
    assert.ok(performance.now() - since < 3000);
  });

  test('whose client disconnects half way does not affect others', async () => {
    const server = await serve();
    const socket = connectTls({ port: server.address.port, host: '127.0.0.1', ca: pki.caBundle });
    await new Promise((resolve) => socket.once('secureConnect', resolve));
    socket.write('POST /v HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\n');
    socket.write('content-length: 100\r\n\r\n{');
    socket.destroy();
    assert.equal((await send(server)).status, 200);
  });
});

describe('a connection', () => {
  test('is kept for the next request and closed after the configured number', async () => {
    const server = await serve({ maxRequestsPerSocket: 3 });
    const agent = new Agent({ keepAlive: true, maxSockets: 1 });
    const seen: (string | undefined)[] = [];
    for (let i = 0; i < 4; i += 1) seen.push((await send(server, { agent })).connection);
    assert.deepEqual(seen, ['keep-alive', 'keep-alive', 'close', 'keep-alive']);
    // Longer than the API server keeps it.
    assert.match((await send(server, { agent })).keepAlive, /timeout=150/);
    agent.destroy();
  });

  test('ends with its next answer when the server drains', async () => {
    const server = await serve();
    const agent = new Agent({ keepAlive: true, maxSockets: 1 });
    assert.equal((await send(server, { agent })).connection, 'keep-alive');
    server.drain();
    const sent = await send(server, { agent });
    assert.deepEqual([sent.status, sent.connection], [200, 'close']);
    agent.destroy();
  });

  test('gets the new certificate after a reload, without one failed request under load', async () => {
    const server = await serve();
    const next = await newSet(Date.now());
    const ca = `${pki.caBundle}${next.caBundle}`;
    const serials = new Set<string>();
    let sent = 0;
    const client = async (): Promise<void> => {
      for (let i = 0; i < 60; i += 1) {
        const { status, serial } = await send(server, { ca });
        assert.equal(status, 200);
        serials.add(serial);
        sent += 1;
        if (sent === 60) server.setCertificate(next);
      }
    };
    await Promise.all([client(), client(), client()]);
    assert.equal(serials.size, 2);
  });

  test('a certificate that does not match its key is rejected, and the old one stays', async () => {
    const server = await serve();
    assert.throws(() => {
      server.setCertificate({ cert: pki.cert, key: stranger.key });
    }, /key values mismatch/);
    assert.equal((await send(server)).status, 200);
  });
});

test('a handler that throws answers 500 and is logged with the object', async () => {
  const lines: unknown[] = [];
  const log = { ...silentLogger, error: (_: string, fields: unknown) => lines.push(fields) };
  const handlers = new Map([['/v', () => assert.fail('rule is broken')]]);
  const { status, body } = await send(await serve({ handlers, log }));
  assert.equal(status, 500);
  assert.match(JSON.parse(body).message, /handler of \/v failed: rule is broken/);
  assert.equal(Object(lines[0]).name, 'checkout');
});

test('closing waits for running requests, not for idle connections', async () => {
  const server = await serve();
  const agent = new Agent({ keepAlive: true });
  await send(server, { agent });
  const started = Date.now();
  await server.close(5000);
  assert.ok(Date.now() - started < 1000);
  agent.destroy();
});

function rawExchange(port: number, text: string): Promise<string> {
  return collect(connectTcp(port, '127.0.0.1'), text);
}

function tlsExchange(port: number, text: string): Promise<string> {
  return collect(connectTls({ port, host: '127.0.0.1', ca: pki.caBundle }), text);
}

function collect(socket: ReturnType<typeof connectTcp>, text: string): Promise<string> {
  return new Promise((resolve) => {
    let got = '';
    socket.on('data', (chunk) => (got += chunk.toString('latin1')));
    socket.on('error', () => undefined);
    socket.on('close', () => {
      resolve(got);
    });
    socket.write(text);
  });
}
