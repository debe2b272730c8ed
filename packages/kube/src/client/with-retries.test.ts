// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { silentLogger } from '../runtime/logger.ts';
import { VirtualScheduler } from '@altershield/testing/kube/virtual-scheduler';
import { ConfigError } from './connection.ts';
import { KubeError } from '../errors/errors.ts';
import { withRetries } from './with-retries.ts';

const refused = (status: number, more: object = {}): KubeError =>
  new KubeError({ doing: 'GET /x', status, ...more });

/** The result of a call that fails with these errors before it succeeds, and its duration. */
function aTry(...failures: Error[]) {
  const scheduler = new VirtualScheduler();
  const began = scheduler.elapsed();
  const stop = new AbortController();
  const tried: number[] = [];
  const run = (): Promise<string> => {
    tried.push(scheduler.elapsed() - began);
    const failure = failures.shift();
    return failure === undefined ? Promise.resolve('done') : Promise.reject(failure);
  };
  const retryOptions = { scheduler, log: silentLogger, signal: stop.signal };
  const ended = withRetries('ask', run, retryOptions).catch((error: unknown) => error);
  return { scheduler, stop, tried, ended };
}

test('a call to a server that starts is retried, no earlier than its Retry-After', async () => {
  const it = aTry(refused(0), refused(503), refused(429, { retryAfterMs: 20_000 }));
  await it.scheduler.advance(60_000);
  assert.equal(await it.ended, 'done');
  assert.equal(it.tried.length, 4);
  const [, , third = 0, fourth = 0] = it.tried;
  assert.ok(fourth - third >= 20_000);
});

test('after six retries the last error is thrown', async () => {
  const it = aTry(...Array.from({ length: 500 }, () => refused(503)));
  await it.scheduler.advance(24_000);
  assert.match(String(await it.ended), /GET \/x: 503/);
  assert.equal(it.tried.length, 7);
});

test('an error that a retry cannot fix is thrown at once', async () => {
  const config = refused(0, { cause: new ConfigError('log in first') });
  for (const error of [refused(403), refused(404), config, new Error('ours')]) {
    const it = aTry(error);
    assert.equal(await it.ended, error);
    assert.equal(it.tried.length, 1);
  }
});

test('an abort ends the wait', async () => {
  const it = aTry(refused(429, { retryAfterMs: 50_000 }));
  await it.scheduler.advance(10);
  it.stop.abort(new Error('enough'));
  await it.scheduler.advance(1);
  assert.match(String(await it.ended), /enough/);
  assert.equal(it.scheduler.timers, 0);
});
