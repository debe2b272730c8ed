// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { silentLogger, type Scheduler } from '@altershield/kube';
import {
  DeniedAttemptRecorder,
  type DeniedWrite,
  type DeniedAttemptRecorderDeps,
} from './denied-attempts.ts';

interface Step extends Partial<DeniedWrite> {
  /** Milliseconds since the first review. */
  readonly at: number;
}

interface Written {
  readonly body: { readonly status: { readonly deniedAttempts: { readonly count: number } } };
}

/** Reviews the writes in order, flushes once, and gives what was counted and written. */
async function count(steps: readonly Step[]): Promise<{ counted: boolean[]; written: number[] }> {
  const written: number[] = [];
  const stop = new AbortController();
  let now = 0;
  let flush = (): void => undefined;
  const scheduler = {
    now: () => now,
    after: (_: number, run: () => void) => {
      flush = run;
      return { cancel: () => undefined };
    },
  } as unknown as Scheduler;
  const client = {
    patch: (...[, , { body }]: [unknown, unknown, Written]) => {
      written.push(body.status.deniedAttempts.count);
      stop.abort();
      flush();
      return Promise.resolve();
    },
  };
  const caches = { changes: { get: () => ({ metadata: { name: 'c', uid: 'u' } }) } };
  const deps = {
    client,
    caches,
    scheduler,
    log: silentLogger,
  } as unknown as DeniedAttemptRecorderDeps;
  const deniedAttempts = new DeniedAttemptRecorder(deps);
  const running = deniedAttempts.start(stop.signal);
  const counted = steps.map(({ at, ...step }) => {
    now = at;
    return deniedAttempts.add({ change: 'shop/c', user: 'ann', resourceVersion: '7', ...step });
  });
  flush();
  await running;
  return { counted, written };
}

test('every attempt on an unchanged object is counted, even in quick succession', async () => {
  const { counted, written } = await count([{ at: 0 }, { at: 1 }, { at: 2 }]);
  assert.deepEqual(counted, [true, true, true]);
  assert.deepEqual(written, [3]);
});

test('a review that the server repeats on the newer object is one attempt, a third one another', async () => {
  const { counted, written } = await count([
    { at: 0 },
    { at: 5, resourceVersion: '10' },
    { at: 10, resourceVersion: '11' },
  ]);
  assert.deepEqual(counted, [true, false, true]);
  assert.deepEqual(written, [2]);
});

test('a repeated review is told although another user or tool is denied in between', async () => {
  const { counted } = await count([
    { at: 0 },
    { at: 1, user: 'bob', resourceVersion: '8' },
    { at: 2, fieldManager: 'helm', resourceVersion: '8' },
    { at: 5, resourceVersion: '8' },
  ]);
  assert.deepEqual(counted, [true, true, true, false]);
});

test('an attempt long after the first is another one, though the object is newer', async () => {
  const { counted } = await count([{ at: 0 }, { at: 100, resourceVersion: '8' }]);
  assert.deepEqual(counted, [true, true]);
});
