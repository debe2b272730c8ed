// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { setImmediate as turn } from 'node:timers/promises';
import type { CheckRequest, QueryAnswer } from '@altershield/core';
import { silentLogger } from '@altershield/kube';
import type { ChangeObject } from '../objects.ts';
import { CheckReader } from './check-reader.ts';
import { ReadError } from './read-error.ts';

const CHANGE = { metadata: { namespace: 'shop', name: 'web-2', uid: 'c-2' } } as ChangeObject;
const ANSWER: QueryAnswer = { type: 'Query', series: {} };

const request = (key: string): CheckRequest => ({
  ...{ check: 'errors', key },
  read: { type: 'Query', queries: {} },
});

function reading(answers: readonly (() => Promise<QueryAnswer>)[]) {
  const asked: string[] = [];
  const left = [...answers];
  const stop = new AbortController();
  let woken = 0;
  const reader = new CheckReader({
    read: ({ key }) => {
      asked.push(key);
      return (left.shift() ?? (() => Promise.resolve(ANSWER)))();
    },
    scheduler: { now: () => 7 },
    log: silentLogger,
  });
  const ask = (...keys: string[]) => {
    reader.request(CHANGE, keys.map(request), { signal: stop.signal, then: () => (woken += 1) });
  };
  return { reader, ask, asked, stop, woken: () => woken };
}

test('a request is read once, and the change is looked at again with the answer', async () => {
  const { reader, ask, asked, woken } = reading([]);
  ask('1', '1');
  await turn();
  ask('1');
  await turn();
  assert.deepEqual([asked, woken()], [['1'], 1]);
  assert.deepEqual(reader.readingsOf('c-2').get('errors'), {
    ...{ key: '1', read: request('1').read },
    ...{ answer: ANSWER, at: 7 },
  });
  reader.forget('c-2');
  assert.equal(reader.readingsOf('c-2').size, 0);
});

test('a slow answer delays only the next request of its check', async () => {
  const slow = Promise.withResolvers<QueryAnswer>();
  const { ask, asked } = reading([() => slow.promise]);
  ask('1');
  ask('2');
  await turn();
  assert.deepEqual(asked, ['1']);
  slow.resolve(ANSWER);
  await turn();
  ask('2');
  assert.deepEqual(asked, ['1', '2']);
});

test('an error is a reading with its reason', async () => {
  const refused = new ReadError('SourceUnavailable', 'connection refused');
  const { reader, ask } = reading([() => Promise.reject(refused)]);
  ask('1');
  await turn();
  assert.deepEqual(reader.readingsOf('c-2').get('errors')?.error, {
    reason: 'SourceUnavailable',
    message: 'connection refused',
  });
});

test('a replica that stops leading keeps no half answer, and reads again when it leads', async () => {
  const { reader, ask, asked, stop, woken } = reading([() => Promise.reject(new Error('aborted'))]);
  ask('1');
  stop.abort();
  await turn();
  assert.deepEqual([reader.readingsOf('c-2').size, woken()], [0, 0]);
  ask('1');
  assert.deepEqual(asked, ['1', '1']);
});
