// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { realScheduler, type Scheduler } from '../runtime/scheduler.ts';
import { RestClient } from './rest-client.ts';
import type { HttpResponse, Transport } from './transport.ts';

function answering(text: string): Transport {
  const body = async function* (): AsyncGenerator<Uint8Array> {
    yield await Promise.resolve(Buffer.from(text));
  };
  const response = (): HttpResponse => ({ status: 200, headers: {}, body: body() });
  return { request: () => Promise.resolve(response()), close: () => Promise.resolve() };
}

/** How many turns of the event loop were used for `answers` responses of this text at once. */
async function turnsFor(answers: number, text: string): Promise<number> {
  let turns = 0;
  const scheduler: Scheduler = {
    ...realScheduler,
    after: (delayMs, run) => {
      if (delayMs === 0) turns += 1;
      return realScheduler.after(delayMs, run);
    },
  };
  const deps = { scheduler, userAgent: 'test', timeoutMs: 1000, observer: () => undefined };
  const restClient = new RestClient({ ...deps, transport: answering(text) });
  const call = { method: 'GET', path: '/' } as const;
  const read = await Promise.all(Array.from({ length: answers }, () => restClient.json(call)));
  assert.deepEqual(
    read,
    Array.from({ length: answers }, () => JSON.parse(text)),
  );
  return turns;
}

test('long responses that arrive together are parsed in separate turns of the event loop', async () => {
  assert.equal(await turnsFor(3, JSON.stringify('x'.repeat(200_000))), 3);
});

test('short responses are parsed at once', async () => {
  assert.equal(await turnsFor(3, '{"kind":"Pod"}'), 0);
});
