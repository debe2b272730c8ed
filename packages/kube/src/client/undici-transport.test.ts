// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { createServer, type Server } from 'node:https';
import type { AddressInfo } from 'node:net';
import { after, before, describe, test } from 'node:test';
import { TLSSocket } from 'node:tls';
import { LeaseLock } from '../leader/lease-lock.ts';
import { realScheduler } from '../runtime/scheduler.ts';
import { issueAuthority, issueLeaf, type Issued } from '../webhook/certificates/issue.ts';
import { Client } from './client.ts';
import { fixedCredentials, type ConnectionConfig, type CredentialSource } from './connection.ts';
import { RESOURCES } from './object.ts';
import { createUndiciTransport, type UndiciTransportOptions } from './undici-transport.ts';

const OBJECT = JSON.stringify({ kind: 'Pod', metadata: { name: 'p' } });
const KEY = { namespace: 'shop', name: 'p' };
const validity = { now: Date.now(), lifetimeMs: 86_400_000 };

let authority: Issued;
let leaf: Issued;
let server: Server;
let url = '';
let connections = 0;
let serve: (request: IncomingMessage, response: ServerResponse) => void;

before(async () => {
  authority = await issueAuthority('test authority', validity);
  leaf = await issueLeaf({ authority, dnsNames: ['localhost'], ips: ['127.0.0.1'], ...validity });
  const tls = { ...leaf, ca: authority.cert, requestCert: true, rejectUnauthorized: false };
  server = createServer({ ...tls, ALPNProtocols: ['h2', 'http/1.1'] }, (request, response) => {
    serve(request, response);
  });
  server.on('secureConnection', () => {
    connections += 1;
  });
  await new Promise<void>((resolve) => {
    server.listen(0, '127.0.0.1', resolve);
  });
  url = `https://127.0.0.1:${(server.address() as AddressInfo).port}`;
});
after(() => {
  server.closeAllConnections();
  server.close();
});

async function withClient(
  config: Partial<ConnectionConfig>,
  use: (client: Client) => Promise<void>,
  options?: UndiciTransportOptions,
): Promise<void> {
  const credentials = fixedCredentials({});
  const full = { server: url, ca: authority.cert, credentials, ...config };
  const transport = createUndiciTransport(full, options);
  try {
    await use(new Client({ transport, scheduler: realScheduler, fieldManager: 'test' }));
  } finally {
    await transport.close();
  }
}

const answer =
  (status = 200, body = OBJECT) =>
  (_request: IncomingMessage, response: ServerResponse): void => {
    response.writeHead(status).end(body);
  };

describe('connections', () => {
  test('are kept and shared: 500 calls, sixteen at a time, open at most sixteen', async () => {
    serve = answer();
    connections = 0;
    await withClient({}, async (client) => {
      const worker = async (): Promise<void> => {
        for (let i = 0; i < 31; i += 1) await client.get(RESOURCES.pod, KEY);
      };
      await Promise.all(Array.from({ length: 16 }, worker));
    });
    assert.ok(connections <= 16, `${connections} connections`);
  });

  test('speak HTTP/1.1 even to servers that offer more', async () => {
    let version = '';
    serve = (request, response) => {
      version = request.httpVersion;
      answer()(request, response);
    };
    await withClient({}, async (client) => {
      await client.get(RESOURCES.pod, KEY);
    });
    assert.equal(version, '1.1');
  });

  test('of watches do not take the place of calls', async () => {
    serve = (request, response) => {
      if (request.url?.includes('watch=true') === true) response.writeHead(200).flushHeaders();
      else answer()(request, response);
    };
    const use = async (client: Client): Promise<void> => {
      const stop = new AbortController();
      const { signal } = stop;
      let opened = 0;
      const watch = async (): Promise<void> => {
        const options = { resourceVersion: '1', timeoutSeconds: 290, signal };
        for await (const _event of client.watch(RESOURCES.pod, {
          ...options,
          opened: () => (opened += 1),
        }));
      };
      const watches = Array.from({ length: 5 }, () => assert.rejects(watch(), /enough/));
      for (let i = 0; i < 20; i += 1) await client.get(RESOURCES.pod, KEY);
      while (opened < 5) await client.get(RESOURCES.pod, KEY);
      stop.abort(new Error('enough'));
      await Promise.all(watches);
    };
    await withClient({}, use, { connections: 1 });
  });

  test('of an election do not wait behind calls that the server is slow to answer', async () => {
    const lease = JSON.stringify({ kind: 'Lease', metadata: { name: 'l', resourceVersion: '1' } });
    serve = (request, response) => {
      if (request.url?.includes('/leases') === true) answer(200, lease)(request, response);
    };
    const use = async (client: Client): Promise<void> => {
      const stop = new AbortController();
      const { signal } = stop;
      let ended = 0;
      const patch = { type: 'merge', body: {} } as const;
      const slow = Array.from({ length: 3 }, async () => {
        await assert.rejects(client.patch(RESOURCES.pod, KEY, patch, { signal }));
        ended += 1;
      });
      const key = { namespace: 'system', name: 'l' };
      const options = { client, scheduler: realScheduler, key, identity: 'me' };
      const lock = new LeaseLock({ ...options, leaseDurationMs: 15_000 });
      const read = await lock.read(signal);
      assert.ok(read !== undefined);
      await lock.renew(read, signal);
      assert.equal(ended, 0);
      stop.abort(new Error('enough'));
      await Promise.all(slow);
    };
    await withClient({}, use, { connections: 1, responseTimeoutMs: 500 });
  });

  test('keep a path prefix of the server address', async () => {
    let path = '';
    serve = (request, response) => {
      path = request.url ?? '';
      answer()(request, response);
    };
    await withClient({ server: `${url}/k8s/clusters/c-1` }, async (client) => {
      await client.get(RESOURCES.pod, KEY);
    });
    assert.equal(path, '/k8s/clusters/c-1/api/v1/namespaces/shop/pods/p');
  });
});

test('after its end no call opens a connection', async () => {
  serve = answer();
  const credentials = fixedCredentials({});
  const transport = createUndiciTransport({ server: url, ca: authority.cert, credentials });
  const client = new Client({ transport, scheduler: realScheduler, fieldManager: 'test' });
  await client.get(RESOURCES.pod, KEY);
  await transport.close();
  connections = 0;
  await assert.rejects(client.get(RESOURCES.pod, KEY), /the transport is closed/);
  assert.equal(connections, 0);
});

describe('the identity of the client', () => {
  test('is shown by token, by certificate and by impersonation', async () => {
    const seen: unknown[] = [];
    serve = (request, response) => {
      const { authorization, ...headers } = request.headers;
      const { socket } = request;
      const peer = socket instanceof TLSSocket ? socket.getPeerCertificate().subject.CN : '';
      seen.push(authorization, headers['impersonate-group'], peer);
      answer()(request, response);
    };
    const clientCertificate = { certificate: leaf.cert, key: leaf.key };
    const credentials = fixedCredentials({ token: 'secret', clientCertificate });
    const headers = { 'impersonate-group': ['a', 'b'] };
    await withClient({ credentials, headers }, async (client) => {
      await client.get(RESOURCES.pod, KEY);
    });
    assert.deepEqual(seen, ['Bearer secret', 'a, b', 'localhost']);
  });

  test('is renewed once when the server rejects it', async () => {
    const seen: unknown[] = [];
    serve = (request, response) => {
      seen.push(request.headers.authorization);
      answer(request.headers.authorization === 'Bearer 2' ? 200 : 401)(request, response);
    };
    let token = 1;
    const credentials: CredentialSource = {
      current: () => Promise.resolve({ token: String(token) }),
      refused: () => {
        token += 1;
        return true;
      },
    };
    await withClient({ credentials }, async (client) => {
      await client.get(RESOURCES.pod, KEY);
      assert.deepEqual(seen, ['Bearer 1', 'Bearer 2']);
      token = 7;
      await assert.rejects(client.get(RESOURCES.pod, KEY), /401/);
      assert.equal(seen.length, 4);
    });
  });

  test('by a new certificate opens new connections', async () => {
    serve = answer();
    connections = 0;
    let current = leaf;
    const credentials: CredentialSource = {
      current: () =>
        Promise.resolve({ clientCertificate: { certificate: current.cert, key: current.key } }),
      refused: () => false,
    };
    await withClient({ credentials }, async (client) => {
      await client.get(RESOURCES.pod, KEY);
      const before = connections;
      current = await issueLeaf({ authority, dnsNames: ['other'], ips: [], ...validity });
      await client.get(RESOURCES.pod, KEY);
      assert.equal(connections, before + 1);
    });
  });
});

describe('a server that cannot be reached', () => {
  const refuse = (config: Partial<ConnectionConfig>, message: RegExp) => (): Promise<void> =>
    withClient(config, async (client) => {
      await assert.rejects(client.get(RESOURCES.pod, KEY), message);
    });

  test(
    'because the port is closed is reported with a hint',
    refuse(
      { server: 'https://127.0.0.1:1' },
      /https:\/\/127\.0\.0\.1:1: .*ECONNREFUSED.*; check that it is running/,
    ),
  );

  test('because another authority signed its certificate is not trusted', async () => {
    const other = await issueAuthority('another', validity);
    await refuse({ ca: other.cert }, /not signed by the configured certificate authority/)();
  });

  test('because it has another name is not trusted, unless that name is configured', async () => {
    serve = answer();
    await refuse({ tlsServerName: 'kube.example' }, /tls-server-name/)();
    await withClient({ tlsServerName: 'localhost' }, async (client) => {
      await client.get(RESOURCES.pod, KEY);
    });
  });

  test('because the client certificate is not valid PEM is reported as such', async () => {
    const clientCertificate = { certificate: 'rubbish', key: 'rubbish' };
    const credentials = fixedCredentials({ clientCertificate });
    await refuse({ credentials }, /cannot reach the API server at .*; .*client certificate/)();
  });

  test('is accepted without verification only on request', async () => {
    serve = answer();
    const other = await issueAuthority('another', validity);
    await withClient({ ca: other.cert, insecureSkipTlsVerify: true }, async (client) => {
      await client.get(RESOURCES.pod, KEY);
    });
  });
});

describe('time-outs', () => {
  test('end a call whose answer does not come, and the next one works', async () => {
    let calls = 0;
    serve = (request, response) => {
      calls += 1;
      if (calls > 1) answer()(request, response);
    };
    const use = async (client: Client): Promise<void> => {
      await assert.rejects(client.get(RESOURCES.pod, KEY), /Headers Timeout/);
      await client.get(RESOURCES.pod, KEY);
    };
    await withClient({}, use, { responseTimeoutMs: 200 });
  });

  test('do not apply to a silent watch', async () => {
    const event = JSON.stringify({ type: 'ADDED', object: { metadata: { name: 'late' } } });
    serve = (_request, response) => {
      response.writeHead(200).flushHeaders();
      setTimeout(() => response.end(`${event}\n`), 2500);
    };
    const use = async (client: Client): Promise<void> => {
      const names: string[] = [];
      const options = { resourceVersion: '1', timeoutSeconds: 290 };
      for await (const { object } of client.watch(RESOURCES.pod, options)) {
        names.push(object.metadata.name);
      }
      assert.deepEqual(names, ['late']);
    };
    await withClient({}, use, { responseTimeoutMs: 200 });
  });
});

test('a connection that breaks in the middle of a watch is an error, not an end', async () => {
  serve = (request, response) => {
    response.writeHead(200).write('{"type":"ADDED","object":{"metadata":{"name":"a"}}}\n{"ty');
    setTimeout(() => request.socket.destroy(), 20);
  };
  await withClient({}, async (client) => {
    const names: string[] = [];
    const read = async (): Promise<void> => {
      const options = { resourceVersion: '1', timeoutSeconds: 290 };
      for await (const { object } of client.watch(RESOURCES.pod, options)) {
        names.push(object.metadata.name);
      }
    };
    await assert.rejects(read(), /GET \/api\/v1\/pods\?watch=true/);
    assert.deepEqual(names, ['a']);
  });
});
