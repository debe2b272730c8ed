// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { VirtualScheduler } from '@altershield/testing/kube/virtual-scheduler';
import type { ClientCall } from './rest-client.ts';
import { Client } from './client.ts';
import { KubeError, isConflict, isNotFound } from '../errors/errors.ts';
import { refusal, respond } from '@altershield/testing/kube/fake-api';
import { RESOURCES } from './object.ts';
import type { HttpRequest, HttpResponse, Transport } from './transport.ts';

interface Bench {
  readonly client: Client;
  readonly scheduler: VirtualScheduler;
  readonly requests: HttpRequest[];
  readonly calls: ClientCall[];
  /** Method, path and body of the last request. */
  readonly last: () => unknown[];
}

type Serve = (request: HttpRequest) => HttpResponse | Promise<HttpResponse>;

function aClient(serve: Serve): Bench {
  const scheduler = new VirtualScheduler();
  const requests: HttpRequest[] = [];
  const calls: ClientCall[] = [];
  const transport: Transport = {
    request: async (request) => {
      requests.push(request);
      return serve(request);
    },
    close: () => Promise.resolve(),
  };
  const observer = (call: ClientCall): unknown => calls.push(call);
  const client = new Client({ transport, scheduler, fieldManager: 'me', observer });
  const last = (): unknown[] => {
    const { method, path, body = '' } = requests.at(-1) ?? assert.fail('no request');
    return [method, path, body === '' ? undefined : JSON.parse(body)];
  };
  return { client, scheduler, requests, calls, last };
}

const POD = { kind: 'Pod', apiVersion: 'v1', metadata: { name: 'p', uid: 'u' }, spec: { x: 1 } };
const KEY = { namespace: 'shop', name: 'p' };
const echo = (): HttpResponse => respond(200, POD);

describe('requests', () => {
  test('address objects, collections and cluster-scoped resources', async () => {
    const { client, last } = aClient(echo);
    await client.get(RESOURCES.deployment, { namespace: 'shop', name: 'a/b' });
    assert.deepEqual(last(), ['GET', '/apis/apps/v1/namespaces/shop/deployments/a%2Fb', undefined]);
    await client.get(RESOURCES.node, { namespace: '', name: 'n' });
    assert.deepEqual(last(), ['GET', '/api/v1/nodes/n', undefined]);
  });

  test('reject an object without its namespace before any request is sent', async () => {
    const { client, requests } = aClient(echo);
    const get = client.get(RESOURCES.pod, { namespace: '', name: 'p' });
    await assert.rejects(get, /address Pod "p": its namespace is missing/);
    assert.equal(requests.length, 0);
  });

  test('of a list carry selectors, limit and continue token', async () => {
    const { client, last } = aClient(() => respond(200, { metadata: {}, items: null }));
    await client.list(RESOURCES.pod, {
      ...{ labelSelector: 'a in (b,c)', fieldSelector: 'spec.nodeName=n', limit: 100 },
      continue: 'abc=',
    });
    const query =
      'labelSelector=a%20in%20(b%2Cc)&fieldSelector=spec.nodeName%3Dn&limit=100&continue=abc%3D';
    assert.deepEqual(last(), ['GET', `/api/v1/pods?${query}`, undefined]);
  });

  test('of writes name the field manager, dry runs and subresources', async () => {
    const { client, last, requests } = aClient(echo);
    await client.create(RESOURCES.pod, 'shop', { spec: {} }, { dryRun: true });
    const pods = '/api/v1/namespaces/shop/pods';
    assert.deepEqual(last(), ['POST', `${pods}?fieldManager=me&dryRun=All`, { spec: {} }]);
    assert.equal(requests.at(-1)?.headers['user-agent'], 'me');
    const op = { op: 'replace', path: '/x', value: 1 } as const;
    await client.patch(RESOURCES.pod, KEY, { type: 'json', ops: [op] }, { subresource: 'status' });
    assert.deepEqual(last(), ['PATCH', `${pods}/p/status?fieldManager=me`, [op]]);
    assert.equal(requests.at(-1)?.headers['content-type'], 'application/json-patch+json');
    await client.patch(RESOURCES.pod, KEY, { type: 'apply', body: POD, force: true });
    assert.deepEqual(last(), ['PATCH', `${pods}/p?fieldManager=me&force=true`, POD]);
    assert.equal(requests.at(-1)?.headers['content-type'], 'application/apply-patch+yaml');
    await client.patch(RESOURCES.pod, KEY, { type: 'merge', body: { a: null } });
    assert.deepEqual(last(), ['PATCH', `${pods}/p?fieldManager=me`, { a: null }]);
  });

  test('of deletes carry their preconditions', async () => {
    const { client, last } = aClient(() => respond(200, { kind: 'Status', metadata: {} }));
    const options = { uid: 'u', resourceVersion: '7', propagationPolicy: 'Background' } as const;
    assert.equal(await client.delete(RESOURCES.pod, KEY, options), undefined);
    const preconditions = { uid: 'u', resourceVersion: '7' };
    const body = { apiVersion: 'v1', kind: 'DeleteOptions', preconditions };
    assert.deepEqual(last(), [
      'DELETE',
      '/api/v1/namespaces/shop/pods/p',
      { ...body, propagationPolicy: 'Background' },
    ]);
    await client.delete(RESOURCES.pod, KEY, { dryRun: true });
    const path = '/api/v1/namespaces/shop/pods/p?dryRun=All';
    assert.deepEqual(last(), ['DELETE', path, { apiVersion: 'v1', kind: 'DeleteOptions' }]);
  });
});

describe('answers', () => {
  test('keep every field, known or not', async () => {
    const sent = { ...POD, future: { deep: [1, { x: null }] } };
    const { client } = aClient(() => respond(200, sent));
    assert.deepEqual(await client.get(RESOURCES.pod, KEY), sent);
  });

  test('of lists give each item the kind that the list left out, and the next token', async () => {
    const metadata = { resourceVersion: '9', continue: 'more' };
    const { client } = aClient(() =>
      respond(200, { metadata, items: [{ metadata: { name: 'a' } }] }),
    );
    assert.deepEqual(await client.list(RESOURCES.deployment), {
      items: [{ apiVersion: 'apps/v1', kind: 'Deployment', metadata: { name: 'a' } }],
      resourceVersion: '9',
      continue: 'more',
    });
  });

  test('to a delete that only marked the object give the object', async () => {
    const { client } = aClient(echo);
    assert.deepEqual(await client.delete(RESOURCES.pod, KEY), POD);
  });

  for (const body of ['<html>', '[]', '', '{"a":1}', 'null']) {
    test(`that are no object (${JSON.stringify(body)}) are rejected with the address`, async () => {
      const { client } = aClient(() => respond(200, body));
      await assert.rejects(client.get(RESOURCES.pod, KEY), (error) => {
        assert.ok(error instanceof KubeError);
        assert.match(error.message, /^GET \/api\/v1\/namespaces\/shop\/pods\/p: the answer is not/);
        return true;
      });
    });
  }
});

const rejection = async (promise: Promise<unknown>): Promise<KubeError> => {
  const error: unknown = await promise.then(
    () => assert.fail('did not reject'),
    (thrown: unknown) => thrown,
  );
  assert.ok(error instanceof KubeError, String(error));
  return error;
};

describe('failures', () => {
  test('carry the status, reason and message of the server', async () => {
    const { client } = aClient(() => refusal(409, 'Conflict'));
    const error = await rejection(client.get(RESOURCES.pod, KEY));
    assert.equal(isConflict(error), true);
    assert.equal(error.reason, 'Conflict');
    assert.match(error.message, /^GET \S+: 409 Conflict it is$/);
  });

  test('of another server than Kubernetes quote its answer', async () => {
    const { client } = aClient(() => respond(502, '<html>Bad gateway</html>'));
    const error = await rejection(client.get(RESOURCES.pod, KEY));
    assert.match(error.message, /502 <html>Bad gateway/);
  });

  test('read how long to wait: seconds, a date, or the details of the Status', async () => {
    const { client, scheduler } = aClient(() => refusal(429, 'Slow', { 'retry-after': '7' }));
    assert.equal((await rejection(client.raw('GET', '/x'))).retryAfterMs, 7000);
    const at = new Date(scheduler.now() + 9000).toUTCString();
    const dated = aClient(() => refusal(503, 'Slow', { 'retry-after': at }));
    assert.equal((await rejection(dated.client.raw('GET', '/x'))).retryAfterMs, 9000);
    const status = { kind: 'Status', code: 429, details: { retryAfterSeconds: 3 } };
    const detailed = aClient(() => respond(429, status));
    assert.equal((await rejection(detailed.client.raw('GET', '/x'))).retryAfterMs, 3000);
    const long = aClient(() => refusal(503, 'Slow', { 'retry-after': '3600' }));
    assert.equal((await rejection(long.client.raw('GET', '/x'))).retryAfterMs, 60_000);
    assert.equal(isNotFound(undefined), false);
  });

  test('of the transport keep its message', async () => {
    const { client, calls } = aClient(() => Promise.reject(new Error('cannot reach it')));
    const error = await rejection(client.get(RESOURCES.pod, KEY));
    assert.equal(error.status, 0);
    assert.match(error.message, /pods\/p: cannot reach it$/);
    assert.equal(calls[0]?.status, 0);
  });

  test('come after the deadline when no response does, even when the transport ignores its signal', async () => {
    const { client, scheduler } = aClient(() => new Promise(() => undefined));
    const get = rejection(client.get(RESOURCES.pod, KEY));
    await scheduler.advance(60_000);
    assert.match((await get).message, /no answer within 60 s/);
    assert.equal(scheduler.timers, 0);
  });

  test('come after the deadline when the body stalls half way', async () => {
    async function* stalling(): AsyncGenerator<Uint8Array> {
      yield Buffer.from('{"metadata"');
      await new Promise(() => undefined);
    }
    const { client, scheduler } = aClient(() => ({ status: 200, headers: {}, body: stalling() }));
    const get = rejection(client.get(RESOURCES.pod, KEY));
    await scheduler.advance(60_000);
    assert.match((await get).message, /no answer within 60 s/);
  });

  test('are the reason of the signal when the caller aborted', async () => {
    const { client, scheduler } = aClient(() => new Promise(() => undefined));
    const stop = new AbortController();
    const get = client.get(RESOURCES.pod, KEY, { signal: stop.signal });
    const reason = new Error('enough');
    stop.abort(reason);
    await assert.rejects(get, (error) => error === reason);
    await assert.rejects(client.raw('GET', '/x', undefined, { signal: stop.signal }), reason);
    assert.equal(scheduler.timers, 0);
  });
});

test('the observer gets every call with its status and duration', async () => {
  const bench = aClient(async () => {
    await bench.scheduler.advance(25);
    return echo();
  });
  await bench.client.get(RESOURCES.pod, KEY);
  assert.deepEqual(bench.calls, [{ method: 'GET', resource: 'pods', status: 200, durationMs: 25 }]);
});

describe('discovery', () => {
  const aggregated = (path: string): HttpResponse =>
    respond(200, {
      kind: 'APIGroupDiscoveryList',
      items:
        path === '/api'
          ? []
          : [
              {
                metadata: { name: 'apps' },
                versions: [
                  {
                    version: 'v1',
                    resources: [
                      {
                        ...{ resource: 'deployments', singularResource: 'deployment' },
                        ...{ scope: 'Namespaced', responseKind: { kind: 'Deployment' } },
                        ...{ verbs: ['get'], shortNames: ['deploy'], categories: ['all'] },
                        subresources: [{ subresource: 'scale' }],
                      },
                    ],
                  },
                ],
              },
            ],
    });

  test('finds a resource by any of its names, with two requests for all lookups', async () => {
    const { client, requests } = aClient(({ path }) => aggregated(path));
    for (const name of ['deploy', 'Deployment', 'deployments']) {
      const [found] = await client.discover({ name });
      assert.equal(found?.plural, 'deployments');
      assert.deepEqual([found.group, found.version, found.namespaced], ['apps', 'v1', true]);
      assert.deepEqual(found.subresources, ['scale']);
    }
    assert.equal(requests.length, 2);
  });

  test('two lookups that miss at the same time share the newer response', async () => {
    let isInstalled = false;
    const { client, requests, scheduler } = aClient(({ path }) =>
      isInstalled ? aggregated(path) : respond(200, { kind: 'APIGroupDiscoveryList', items: [] }),
    );
    assert.deepEqual(await client.discover({ name: 'deploy' }), []);
    isInstalled = true;
    await scheduler.advance(10_000);
    const both = [client.discover({ name: 'deploy' }), client.discover({ kind: 'Deployment' })];
    for (const found of await Promise.all(both)) assert.equal(found[0]?.plural, 'deployments');
    assert.equal(requests.length, 4);
  });

  test('sends a new request on a miss, at a bounded rate', async () => {
    const { client, requests, scheduler } = aClient(({ path }) => aggregated(path));
    assert.deepEqual(await client.discover({ kind: 'Nope' }), []);
    assert.deepEqual(await client.discover({ kind: 'Nope' }), []);
    assert.equal(requests.length, 2);
    await scheduler.advance(10_000);
    assert.deepEqual(await client.discover({ kind: 'Nope' }), []);
    assert.equal(requests.length, 4);
  });

  test('requests group by group where the server has no aggregated discovery, and skips a broken group', async () => {
    const { client } = aClient(({ path }) => {
      if (path === '/api') return respond(200, { kind: 'APIVersions', versions: ['v1'] });
      if (path === '/apis') {
        const versions = [{ version: 'v1' }];
        const groups = ['apps', 'broken'].map((name) => ({ name, versions }));
        return respond(200, { kind: 'APIGroupList', groups });
      }
      if (path === '/apis/broken/v1') return refusal(503, 'ServiceUnavailable');
      const resources = [
        { name: 'things', singularName: 'thing', kind: 'Thing', namespaced: true, verbs: ['get'] },
        { name: 'things/status', kind: 'Thing' },
      ];
      return respond(200, { kind: 'APIResourceList', resources });
    });
    const found = await client.discover({ name: 'thing' });
    assert.deepEqual(
      found.map(({ group, plural, subresources }) => [group, plural, subresources]),
      [
        ['', 'things', ['status']],
        ['apps', 'things', ['status']],
      ],
    );
  });

  test('is tried again after a failure', async () => {
    let failed = false;
    const { client } = aClient(({ path }) => {
      if (failed) return aggregated(path);
      failed = true;
      return refusal(500, 'InternalError');
    });
    await rejection(client.discover({ name: 'deploy' }));
    assert.equal((await client.discover({ name: 'deploy' })).length, 1);
  });
});
