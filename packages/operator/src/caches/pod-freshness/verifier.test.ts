// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { silentLogger } from '@altershield/kube';
import type { Workload } from '../../kinds/followed-kind.ts';
import { PodCacheVerifier } from './verifier.ts';

const NONE = { currentAsOf: 0, byIndex: () => [], get: () => undefined, onEvent: () => () => {} };
const KIND = {
  objects: { ...NONE, currentAsOf: Infinity },
  ownedInformers: [],
  related: [{ informer: NONE }],
  podOwners: { kind: 'ReplicaSet', informer: NONE },
  podOwnerUids: () => new Set<string>(),
};

const deployment = (uid: string) =>
  ({
    kind: KIND,
    object: { metadata: { namespace: 'shop', name: uid, uid }, spec: {} },
  }) as never as Workload;

/** Moves when it is told to; timers run in order, with promises settled in between. */
class Clock {
  #now = 1_000_000;
  readonly #timers = new Map<() => void, number>();

  readonly now = (): number => this.#now;

  readonly after = (ms: number, run: () => void) => {
    this.#timers.set(run, this.#now + ms);
    return { cancel: () => this.#timers.delete(run) };
  };

  async pass(ms: number): Promise<void> {
    for (let left = ms; left > 0; left -= 50) {
      this.#now += 50;
      for (const [run, at] of this.#timers) {
        if (at > this.#now) continue;
        this.#timers.delete(run);
        run();
      }
      await new Promise((resolve) => setImmediate(resolve));
    }
  }
}

function aHearing(list: (signal: AbortSignal) => Promise<object>) {
  const scheduler = new Clock();
  const client = { list: (_: unknown, { signal }: { signal: AbortSignal }) => list(signal) };
  const caches = { pods: NONE, kinds: [KIND] };
  const deps = { client, caches, scheduler, log: silentLogger };
  return { scheduler, verifier: new PodCacheVerifier(deps as never) };
}

test('a few lists at a time; the others follow, and an answer that never comes is given up', async () => {
  let [open, most, asked] = [0, 0, 0];
  const { scheduler, verifier } = aHearing(
    (signal) =>
      new Promise((_, reject) => {
        asked += 1;
        most = Math.max(most, (open += 1));
        signal.addEventListener('abort', () => {
          open -= 1;
          reject(signal.reason as Error);
        });
      }),
  );
  for (let i = 0; i < 10; i += 1) verifier.request(deployment(`d-${i}`), () => undefined);
  verifier.request(deployment('d-0'), () => undefined);
  await scheduler.pass(35_000);
  assert.deepEqual([most, open, asked], [4, 0, 10]);
  assert.equal(verifier.currentAsOf('d-0'), 0);
});

test('the result of a check is remembered, and not every event starts another check', async () => {
  let [asked, told] = [0, 0];
  const { scheduler, verifier } = aHearing(() => {
    asked += 1;
    return Promise.resolve({ items: [], resourceVersion: '9' });
  });
  const startedAt = scheduler.now();
  for (let i = 0; i < 10; i += 1) {
    verifier.request(deployment('d'), () => (told += 1));
    await scheduler.pass(50);
  }
  assert.deepEqual([asked, told, verifier.currentAsOf('d')], [1, 1, startedAt]);
});
