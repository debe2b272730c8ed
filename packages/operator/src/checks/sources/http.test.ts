// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { setImmediate as turn } from 'node:timers/promises';
import type { HttpRequest, HttpResponse, Scheduler } from '@altershield/kube';
import { SourceHttp } from './http.ts';
import type { SourceError } from './source-client.ts';

const LIVE = new AbortController().signal;
const BODY = { type: 'application/json', text: '{}' };

type Reply = (request: HttpRequest) => HttpResponse | Promise<HttpResponse>;

/** A source that answers as told, on a clock that moves only by `pass`. */
function aSource(reply: Reply, { maxConcurrent = 6 } = {}) {
  let now = 0;
  let timers: { at: number; run: () => void }[] = [];
  const scheduler: Scheduler = {
    now: () => now,
    elapsed: () => now,
    random: () => 0,
    after: (delayMs, run) => {
      const timer = { at: now + delayMs, run };
      timers.push(timer);
      return { cancel: () => (timers = timers.filter((each) => each !== timer)) };
    },
  };
  let calls = 0;
  const transport = {
    close: () => Promise.resolve(),
    request: async (request: HttpRequest) => {
      calls += 1;
      return await reply(request);
    },
  };
  const options = { transport, scheduler, timeoutSeconds: 10, maxConcurrent, name: 'main' };
  const http = new SourceHttp(options);
  const pass = async (ms: number): Promise<void> => {
    now += ms;
    const due = timers.filter(({ at }) => at <= now);
    timers = timers.filter(({ at }) => at > now);
    for (const { run } of due) run();
    await turn();
  };
  /** Posts, and lets as much time pass as a repetition needs. */
  const post = async () => {
    const result = http.post('/query', BODY, LIVE);
    result.catch(() => undefined);
    await turn();
    await pass(1000);
    return result;
  };
  return { http, post, pass, calls: () => calls, timers: () => timers.length };
}

async function* chunks(...parts: readonly (string | Uint8Array)[]): AsyncGenerator<Uint8Array> {
  for (const part of parts) yield await Promise.resolve(Buffer.from(part));
}

const reply = (status: number, body: string, type = 'application/json'): HttpResponse => ({
  ...{ status, headers: { 'content-type': type }, body: chunks(body) },
});

const failsWith =
  (failure: SourceError['failure'], message: RegExp) =>
  (error: SourceError): boolean => {
    assert.equal(error.failure, failure);
    assert.match(error.message, message);
    return true;
  };

test('a call that fails is repeated once', async () => {
  const answers = [() => Promise.reject(new Error('reset')), () => reply(200, '{"a":1}')];
  const source = aSource(() => (answers.shift() ?? (() => reply(500, '')))());
  assert.deepEqual(await source.post(), { status: 200, json: { a: 1 } });
  assert.deepEqual([source.calls(), source.timers()], [2, 0]);
});

test('a server that is too busy is asked twice, then it is an error with its text', async () => {
  const source = aSource(() => reply(503, '{"error":"query timed out"}'));
  await assert.rejects(source.post(), failsWith('Unavailable', /^main answered 503: query timed/));
  assert.equal(source.calls(), 2);
});

test('a query that is not accepted is answered at once', async () => {
  const source = aSource(() => reply(400, '{"status":"error"}'));
  assert.equal((await source.post()).status, 400);
  assert.equal(source.calls(), 1);
});

test('a page of a proxy is an error that does not repeat its text', async () => {
  const source = aSource(() => reply(200, '<html>secret</html>', 'text/html'));
  await assert.rejects(
    source.post(),
    failsWith('Unavailable', /^main answered 200 with text\/html in place of JSON; check its url$/),
  );
});

test('wrong credentials are not tried again', async () => {
  const source = aSource(() => reply(401, 'Unauthorized', 'text/plain'));
  await assert.rejects(source.post(), failsWith('Unauthorized', /answered 401; check the cred/));
  assert.equal(source.calls(), 1);
});

test('an endless answer is not read to its end', async () => {
  let sent = 0;
  async function* endless(): AsyncGenerator<Uint8Array> {
    for (;;) {
      sent += 1;
      yield await Promise.resolve(new Uint8Array(100_000));
    }
  }
  const source = aSource(() => ({ status: 200, headers: {}, body: endless() }));
  await assert.rejects(source.post(), failsWith('InvalidQuery', /more than 2 MB; aggregate/));
  assert.ok(sent <= 21, `${sent} chunks were read`);
});

test('a source that hangs is given up after its time-out, without a second try', async () => {
  const hang = (request: HttpRequest): Promise<HttpResponse> =>
    new Promise((_, reject) => {
      request.signal?.addEventListener('abort', () => {
        reject(new Error('aborted'));
      });
    });
  const source = aSource(hang);
  const answer = source.http.post('/query', BODY, LIVE);
  answer.catch(() => undefined);
  await turn();
  await source.pass(10_000);
  await assert.rejects(answer, failsWith('Unavailable', /did not answer within 10 s; raise/));
  assert.equal(source.calls(), 1);
});

test('a source that keeps failing is left alone, and asked again later', async () => {
  let isUp = false;
  const source = aSource(() => (isUp ? reply(200, '{}') : reply(502, '{}')));
  for (let i = 0; i < 3; i += 1) await assert.rejects(source.post());
  const calls = source.calls();
  await assert.rejects(source.post(), failsWith('Unavailable', /answered 502$/));
  assert.equal(source.calls(), calls);
  isUp = true;
  await source.pass(10_000);
  assert.equal((await source.post()).status, 200);
  assert.equal((await source.post()).status, 200);
});

test('queries beyond the limit wait for their turn', async () => {
  const pending: (() => void)[] = [];
  const source = aSource(
    () =>
      new Promise((resolve) => {
        pending.push(() => {
          resolve(reply(200, '{}'));
        });
      }),
    { maxConcurrent: 2 },
  );
  const all = [1, 2, 3].map(() => source.http.post('/query', BODY, LIVE));
  await turn();
  assert.equal(source.calls(), 2);
  for (let i = 0; i < 3; i += 1) {
    pending.shift()?.();
    await turn();
  }
  assert.equal((await Promise.all(all)).length, 3);
});

test('a query that is given up while it waits leaves the line', async () => {
  const pending: (() => void)[] = [];
  const source = aSource(
    () =>
      new Promise((resolve) =>
        pending.push(() => {
          resolve(reply(200, '{}'));
        }),
      ),
    { maxConcurrent: 1 },
  );
  const first = source.http.post('/query', BODY, LIVE);
  const stop = new AbortController();
  const second = source.http.post('/query', BODY, stop.signal);
  const third = source.http.post('/query', BODY, LIVE);
  stop.abort(new Error('stopped'));
  await assert.rejects(second, /stopped/);
  await turn();
  pending.shift()?.();
  await first;
  await turn();
  pending.shift()?.();
  assert.equal((await third).status, 200);
});
