// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer, type Server } from 'node:https';
import type { IncomingMessage } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { TLSSocket } from 'node:tls';
import { after, before, test } from 'node:test';
import type { MetricSourceSpec } from '@altershield/api';
import { realScheduler } from '@altershield/kube';
import {
  loopbackCertificate,
  type ServerCertificate,
} from '@altershield/testing/loopback-certificate';
import type { MetricSourceObject } from '../../objects.ts';
import { MetricSources } from './metric-sources.ts';

const LIVE = new AbortController().signal;
const QUERY = { expression: 'up', start: 0, end: 60_000, step: 60_000 };

interface Asked {
  readonly url: string | undefined;
  readonly authorization: string | undefined;
  readonly tenant: unknown;
  readonly hasCertificate: boolean;
}

let certificate: ServerCertificate;
let server: Server;
let asked: Asked | undefined;

/** What arrived, beside an empty answer. */
const note = ({ url, headers, socket }: IncomingMessage): Asked => ({
  url,
  authorization: headers.authorization,
  tenant: headers['x-scope-orgid'],
  hasCertificate: 'raw' in (socket as TLSSocket).getPeerCertificate(),
});

before(async () => {
  certificate = await loopbackCertificate();
  const tls = { ...certificate, requestCert: true, rejectUnauthorized: false };
  server = createServer(tls, (request, response) => {
    asked = note(request);
    response.end('{"status":"success","data":{"resultType":"matrix","result":[]}}');
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
});

after(() => {
  server.close();
  server.closeAllConnections();
});

const encode = (text: string): string => Buffer.from(text).toString('base64');

/** Asks over the real transport; each Secret has all that any source names. */
async function ask(more: object): Promise<void> {
  const { port } = server.address() as AddressInfo;
  const { ca, cert, key } = certificate;
  const data = {
    ...{ username: encode('u'), password: encode('p'), value: encode('shop') },
    ...{ 'ca.crt': encode(ca), 'tls.crt': encode(cert), 'tls.key': encode(key) },
  };
  const source = {
    metadata: { name: 'main', namespace: 'shop', uid: 'u', generation: 1 },
    spec: { prometheus: { url: `https://127.0.0.1:${port}/mimir/`, ...more } } as MetricSourceSpec,
  } as MetricSourceObject;
  const sources = new MetricSources({
    caches: { metricSources: { onEvent: () => undefined } } as never,
    client: { get: () => Promise.resolve({ data }) } as never,
    scheduler: realScheduler,
    ...{ namespace: 'altershield-system', operatorUser: 'altershield' },
  });
  await sources.query(source, QUERY, LIVE);
}

test('a source behind a path, with its own authority, is asked with all credentials', async () => {
  await ask({
    headers: [{ name: 'X-Scope-OrgID', secretRef: { name: 's', key: 'value' } }],
    auth: { basicSecretRef: { name: 's' } },
    tls: { caSecretRef: { name: 's', key: 'ca.crt' }, certSecretRef: { name: 's' } },
  });
  assert.deepEqual(asked, {
    url: '/mimir/api/v1/query_range',
    authorization: `Basic ${encode('u:p')}`,
    tenant: 'shop',
    hasCertificate: true,
  });
});

test('a source whose authority is not configured is told with a hint', async () => {
  await assert.rejects(
    () => ask({}),
    /cannot reach the metric source at https:.*not signed by the configured certificate authority/,
  );
});
