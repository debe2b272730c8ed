// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { setImmediate as turn } from 'node:timers/promises';
import type { MetricSourceSpec } from '@altershield/api';
import { KubeError, type ConnectionConfig, type HttpRequest } from '@altershield/kube';
import type { MetricSourceObject } from '../../objects.ts';
import { MetricSources } from './metric-sources.ts';
import { QueryTrials, TRY_AGAIN_MS } from './query-trials.ts';
import { resolveSource } from './resolve.ts';

const LIVE = new AbortController().signal;
const QUERY = { expression: 'up', start: 0, end: 60_000, step: 60_000 };
const EMPTY = '{"status":"success","data":{"resultType":"matrix","result":[]}}';

type Spec = Partial<Record<keyof MetricSourceSpec, unknown>>;

const aSource = (spec: Spec = {}, name = 'main', namespace = 'shop'): MetricSourceObject => ({
  ...{ apiVersion: 'altershield.io/v1alpha1', kind: 'MetricSource' },
  metadata: {
    ...{ name, namespace, uid: `${namespace}/${name}`, resourceVersion: '1', generation: 1 },
    creationTimestamp: '2026-01-01T00:00:00Z',
  },
  spec: { prometheus: { url: 'http://prometheus:9090' }, ...spec } as MetricSourceSpec,
});

const BEARER: Spec = {
  prometheus: {
    url: 'https://prometheus:9090/prefix',
    headers: [{ name: 'X-Scope-OrgID', value: 'shop' }],
    auth: { bearerSecretRef: { name: 'token', key: 'token' } },
  },
};

interface Reply {
  readonly status: number;
  readonly body: string;
}

/** Sources with Secrets that can be changed, before a server that answers as told. */
function sourcesWith(...all: readonly MetricSourceObject[]) {
  const secrets = new Map<string, Readonly<Record<string, string>> | number>();
  const connections: ConnectionConfig[] = [];
  let elapsed = 0;
  let reads = 0;
  let reply = (_: HttpRequest, __: ConnectionConfig): Reply => ({ status: 200, body: EMPTY });
  const sources = new MetricSources({
    caches: {
      metricSources: {
        onEvent: () => undefined,
        list: (namespace: string) => all.filter((each) => each.metadata.namespace === namespace),
      },
    } as never,
    client: {
      get: (_: unknown, key: { readonly namespace: string; readonly name: string }) => {
        reads += 1;
        const data = secrets.get(`${key.namespace}/${key.name}`) ?? 404;
        if (typeof data !== 'number') return Promise.resolve({ data });
        return Promise.reject(new KubeError({ doing: 'GET secret', status: data }));
      },
    } as never,
    scheduler: {
      ...{ now: () => elapsed, elapsed: () => elapsed, random: () => 0 },
      after: () => ({ cancel: () => undefined }),
    },
    namespace: 'altershield-system',
    operatorUser: 'system:serviceaccount:altershield-system:altershield',
    transportTo: (config) => {
      connections.push(config);
      async function* body(text: string): AsyncGenerator<Uint8Array> {
        yield await Promise.resolve(Buffer.from(text));
      }
      return {
        close: () => Promise.resolve(),
        request: (request) => {
          const { status, body: text } = reply(request, config);
          return Promise.resolve({ status, headers: {}, body: body(text) });
        },
      };
    },
  });
  return {
    ...{ sources, secrets, connections, reads: () => reads },
    answer: (next: typeof reply) => (reply = next),
    pass: (ms: number) => (elapsed += ms),
  };
}

const base64 = (text: string): string => Buffer.from(text).toString('base64');

test('a source of the policy’s namespace comes before one of the operator’s', () => {
  const all = [
    aSource({ default: true }, 'z', 'altershield-system'),
    aSource({}, 'main', 'altershield-system'),
    aSource({}, 'main', 'shop'),
  ];
  const list = (namespace?: string) => all.filter((each) => each.metadata.namespace === namespace);
  const resolve = (namespace: string, name?: string): string => {
    const meant = { namespace, operatorNamespace: 'altershield-system', name };
    const found = resolveSource({ list }, meant);
    return typeof found === 'string' ? found : found.metadata.uid;
  };
  assert.equal(resolve('shop', 'main'), 'shop/main');
  assert.equal(resolve('other', 'main'), 'altershield-system/main');
  assert.equal(resolve('shop'), 'altershield-system/z');
  assert.match(resolve('shop', 'nope'), /no MetricSource nope in namespace shop or altershield-sy/);
  all.shift();
  assert.match(resolve('shop'), /no MetricSource with default: true .*; name one/);
});

test('a source is connected once, with the headers and credentials that it names', async () => {
  const source = aSource(BEARER);
  const { sources, secrets, connections, reads } = sourcesWith(source);
  secrets.set('shop/token', { token: base64('t-1\n') });
  await Promise.all([1, 2, 3].map(() => sources.query(source, QUERY, LIVE)));
  assert.equal(reads(), 1);
  assert.deepEqual(
    connections.map(({ server, headers }) => ({ server, headers })),
    [
      {
        server: 'https://prometheus:9090/prefix',
        headers: { 'x-scope-orgid': 'shop', authorization: 'Bearer t-1' },
      },
    ],
  );
});

test('a rotated credential is read when the source rejects the old one', async () => {
  const source = aSource(BEARER);
  const { sources, secrets, connections, answer } = sourcesWith(source);
  const news: unknown[] = [];
  sources.onNews = (about) => news.push(about);
  secrets.set('shop/token', { token: base64('t-1') });
  answer((_, { headers }) =>
    headers?.['authorization'] === 'Bearer t-2'
      ? { status: 200, body: EMPTY }
      : { status: 401, body: '' },
  );
  await assert.rejects(sources.query(source, QUERY, LIVE), /answered 401; check the credentials/);
  secrets.set('shop/token', { token: base64('t-2') });
  assert.deepEqual(await sources.query(source, QUERY, LIVE), []);
  assert.deepEqual([connections.length, news.length], [2, 2]);
});

test('a credential that is rotated before the old one expires is read within a minute', async () => {
  const source = aSource(BEARER);
  const { sources, secrets, connections, reads, pass } = sourcesWith(source);
  secrets.set('shop/token', { token: base64('t-1') });
  await sources.query(source, QUERY, LIVE);
  secrets.set('shop/token', { token: base64('t-2') });
  await sources.query(source, QUERY, LIVE);
  assert.equal(reads(), 1);
  pass(60_000);
  await sources.query(source, QUERY, LIVE);
  pass(60_000);
  await sources.query(source, QUERY, LIVE);
  assert.deepEqual([reads(), connections.length], [3, 2]);
});

test('a Secret that is missing, lacks the key, or may not be read is told with what to do', async () => {
  const source = aSource(BEARER);
  const { sources, secrets } = sourcesWith(source);
  const ask = () => sources.query(source, QUERY, LIVE);
  await assert.rejects(ask, /^ReadError: there is no Secret shop\/token; create it/);
  secrets.set('shop/token', { password: '' });
  await assert.rejects(ask, /Secret shop\/token has no key token; its keys are: password/);
  secrets.set('shop/token', 403);
  await assert.rejects(ask, {
    reason: 'SourceUnavailable',
    message:
      'the operator may not read Secret shop/token; permit it: kubectl create role altershield-metric-source-main -n shop --verb=get --resource=secrets --resource-name=token && kubectl create rolebinding altershield-metric-source-main -n shop --role=altershield-metric-source-main --user=system:serviceaccount:altershield-system:altershield',
  });
});

test('a user and password, and a client certificate with its authority, come from Secrets', async () => {
  const source = aSource({
    prometheus: {
      url: 'https://prometheus:9090',
      auth: { basicSecretRef: { name: 'basic' } },
      tls: {
        caSecretRef: { name: 'tls', key: 'ca.crt' },
        certSecretRef: { name: 'tls' },
        serverName: 'prom',
      },
    },
  });
  const { sources, secrets, connections, reads } = sourcesWith(source);
  secrets.set('shop/basic', { username: base64('u'), password: base64('p') });
  const pem = { 'ca.crt': base64('CA'), 'tls.crt': base64('CRT'), 'tls.key': base64('KEY') };
  secrets.set('shop/tls', pem);
  await sources.probe(source, LIVE);
  const [made] = connections;
  assert.equal(made?.headers?.['authorization'], `Basic ${base64('u:p')}`);
  assert.deepEqual(
    [made.ca, made.tlsServerName, made.insecureSkipTlsVerify],
    ['CA', 'prom', false],
  );
  assert.deepEqual(await made.credentials.current(), {
    clientCertificate: { certificate: 'CRT', key: 'KEY' },
  });
  assert.equal(reads(), 2);
});

const aPolicy = (query: string) =>
  ({
    ...{ namespace: 'shop', name: 'guard', uid: 'p', generation: 1 },
    spec: { checks: { metrics: [{ name: 'errors', query, source: 'main' }] } },
  }) as never;

test('a query of a policy is tried once, and again later while it returns nothing', async () => {
  const source = aSource();
  const { sources, answer, pass } = sourcesWith(source);
  let asked = 0;
  let woken = 0;
  answer(({ body = '' }) => {
    asked += 1;
    assert.match(new URLSearchParams(body).get('query') ?? '', /^up\{pod=~"\.\+",ns="shop"\}$/);
    return { status: 200, body: EMPTY };
  });
  let now = 0;
  const trials = new QueryTrials({ sources, scheduler: { now: () => now } });
  const look = () =>
    trials.errorsFor(
      aPolicy('up{pod=~"$pods",ns="$namespace"}'),
      { namespace: 'shop', workload: 'web' },
      { signal: LIVE, then: () => (woken += 1) },
    );
  assert.deepEqual(look(), []);
  for (let i = 0; i < 5; i += 1) await turn();
  assert.deepEqual([asked, woken], [1, 1]);
  assert.match(
    look()[0]?.message ?? '',
    /^the query returned nothing for shop\/web in the last 5 min/,
  );
  now += TRY_AGAIN_MS;
  pass(TRY_AGAIN_MS);
  const result = [{ metric: {}, values: [[now / 1000, '1']] }];
  answer(() => ({
    status: 200,
    body: JSON.stringify({ status: 'success', data: { resultType: 'matrix', result } }),
  }));
  assert.equal(look().length, 1);
  for (let i = 0; i < 5; i += 1) await turn();
  assert.deepEqual([look(), woken], [[], 2]);
});

test('a query that the source does not accept, or that has no source, is a problem', async () => {
  const { sources, answer } = sourcesWith(aSource());
  answer(() => ({ status: 400, body: '{"status":"error","error":"parse error: x"}' }));
  const trials = new QueryTrials({ sources, scheduler: { now: () => 0 } });
  const look = (policy: never) =>
    trials.errorsFor(
      policy,
      { namespace: 'shop', workload: 'web' },
      { signal: LIVE, then: () => undefined },
    );
  look(aPolicy('up('));
  for (let i = 0; i < 5; i += 1) await turn();
  assert.deepEqual(
    look(aPolicy('up(')).map(({ check, isInvalid }) => [check, isInvalid]),
    [['errors', true]],
  );
  const none = { ...(aPolicy('up') as object), namespace: 'other' } as never;
  assert.match(look(none)[0]?.message ?? '', /there is no MetricSource main in namespace other/);
});
