// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict';
import { createHmac } from 'node:crypto';
import { once } from 'node:events';
import { createServer, type IncomingHttpHeaders, type RequestListener } from 'node:http';
import type { AddressInfo } from 'node:net';
import { test, type TestContext } from 'node:test';
import type { WebhookRead } from '@altershield/core';
import { KubeError, realScheduler } from '@altershield/kube';
import type { ChangeObject } from '../objects.ts';
import { Webhooks } from './webhook.ts';

const LIVE = new AbortController().signal;
const ID = 'uid-1/slo/1/0/0';
const CHANGE = {
  metadata: { name: 'web-2', namespace: 'shop', uid: 'uid-1' },
  spec: { policy: { namespace: 'shop' } },
} as ChangeObject;

/** Asks a real server that answers as told. */
async function asking(t: TestContext, listener: RequestListener) {
  const server = createServer(listener).listen(0, '127.0.0.1');
  await once(server, 'listening');
  t.after(() => {
    server.closeAllConnections();
    server.close();
  });
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/check?a=1`;
  return (read: Partial<WebhookRead> = {}, secret: object | number = { key: 'c2VjcmV0' }) => {
    const get = () =>
      typeof secret === 'number'
        ? Promise.reject(new KubeError({ doing: 'GET secret', status: secret }))
        : Promise.resolve({ data: secret });
    const webhooks = new Webhooks({
      client: { get } as never,
      ...{ scheduler: realScheduler, operatorUser: 'operator' },
    });
    const question = { apiVersion: 'checks.altershield.io/v1', change: { name: 'web-2' } };
    const whole: WebhookRead = { type: 'Webhook', url, timeoutSeconds: 30, question, ...read };
    return webhooks.ask({ read: whole, change: CHANGE, id: ID }, LIVE);
  };
}

const answering =
  (status: number, body: string, headers: Record<string, string> = {}): RequestListener =>
  (request, response) => {
    request.resume();
    response.writeHead(status, headers).end(body);
  };

test('a question is signed over its timestamp and raw body, and has its id', async (t) => {
  let sent: { headers: IncomingHttpHeaders; body: string; url?: string | undefined } | undefined;
  const ask = await asking(t, (request, response) => {
    const chunks: Buffer[] = [];
    request.on('data', (chunk: Buffer) => chunks.push(chunk));
    request.on('end', () => {
      const { headers, url } = request;
      sent = { headers, url, body: Buffer.concat(chunks).toString() };
      response.end(JSON.stringify({ id: ID, verdict: 'Pass', reason: 'WithinBudget' }));
    });
  });
  const answer = await ask({ secretRef: { name: 'slo', key: 'key' } });
  assert.deepEqual(answer, { type: 'Webhook', verdict: 'Pass', reason: 'WithinBudget' });
  assert.ok(sent !== undefined);
  assert.equal(sent.url, '/check?a=1');
  const { change, id } = JSON.parse(sent.body) as Record<string, unknown>;
  assert.deepEqual([change, id], [{ name: 'web-2', uid: 'uid-1' }, ID]);
  assert.equal(sent.headers['idempotency-key'], ID);
  const signed = `${String(sent.headers['altershield-timestamp'])}.${sent.body}`;
  const hmac = createHmac('sha256', 'secret').update(signed).digest('hex');
  assert.equal(sent.headers['altershield-signature'], `v1=${hmac}`);
});

test('202 means that the plug-in is to be asked again, as late as it says', async (t) => {
  const ask = await asking(t, answering(202, 'later', { 'retry-after': '30' }));
  const { verdict, retryAfterSeconds } = await ask();
  assert.deepEqual([verdict, retryAfterSeconds], ['Pending', 30]);
});

test('what is not an answer to the question is an error that says why', async (t) => {
  const cases: readonly [RequestListener, RegExp][] = [
    [answering(200, '<html>'), /its answer is not a JSON object$/],
    [answering(200, '{"id":"other","verdict":"Pass"}'), /id of another question/],
    [answering(200, 'x'.repeat(10_000_000)), /answered with more than 64 KiB$/],
    [answering(500, '{"verdict":"Fail"}'), /answered 500$/],
    [answering(302, '', { location: 'http://127.0.0.1/' }), /answered 302$/],
    [answering(401, ''), /answered 401; check that both sides have the same key$/],
    [(request) => request.socket.destroy(), /^cannot reach http/],
  ];
  for (const [listener, message] of cases) {
    const ask = await asking(t, listener);
    await assert.rejects(ask(), { reason: 'PluginUnavailable', message });
  }
});

test('a plug-in that hangs, also in mid-answer, is given up after its time-out', async (t) => {
  const hang = await asking(t, () => undefined);
  await assert.rejects(hang({ timeoutSeconds: 1 }), { message: /did not answer within 1 s$/ });
  const stall = await asking(t, (_, response) => response.writeHead(200).write('{'));
  await assert.rejects(stall({ timeoutSeconds: 1 }), { message: /did not answer within 1 s$/ });
});

test('without its key nothing is sent, and the message says how to permit it', async (t) => {
  let calls = 0;
  const ask = await asking(t, (_, response) => {
    calls += 1;
    response.end();
  });
  const read = { secretRef: { name: 'slo', key: 'key' } };
  await assert.rejects(ask(read, 403), {
    message: /permit it: kubectl create role altershield-webhook-slo -n shop .*--user=operator$/,
  });
  await assert.rejects(ask(read, 404), { message: /^cannot read Secret shop\/slo: / });
  await assert.rejects(ask(read, { other: '' }), { message: /has no key key/ });
  assert.equal(calls, 0);
});
