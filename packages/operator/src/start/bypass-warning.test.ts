// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict';
import { test } from 'node:test';
import {
  silentLogger,
  type InformerEvent,
  type KubeObject,
  type LogFields,
} from '@altershield/kube';
import type { ChangeObject } from '../objects.ts';
import { BypassWarning, unreachableHint } from './bypass-warning.ts';
import type { Caches } from '../caches/caches.ts';

type Handler = (event: InformerEvent<KubeObject>) => void;

/** A leader for whom minutes may pass, and records of changes arrive. */
class Bench {
  now = 0;
  readonly warnings: LogFields[] = [];
  readonly #handlers: Record<'changes' | 'configurations', Handler[]> = {
    changes: [],
    configurations: [],
  };
  #signed: readonly KubeObject[] = [];

  constructor() {
    const on = (what: 'changes' | 'configurations') => (handler: Handler) =>
      void this.#handlers[what].push(handler);
    const caches = {
      changes: { onEvent: on('changes'), byIndex: () => this.#signed },
      configurations: [{ onEvent: on('configurations') }],
    } as unknown as Pick<Caches, 'changes' | 'configurations'>;
    const warning = new BypassWarning(caches, {
      scheduler: { now: () => this.now },
      log: { ...silentLogger, warn: (_, fields = {}) => void this.warnings.push(fields) },
      hint: () => 'look',
    });
    void warning.whileLeading(() => new Promise(() => undefined));
  }

  register(type: 'Added' | 'Updated' | 'Deleted' = 'Added'): void {
    for (const handler of this.#handlers.configurations) {
      handler({ type, object: { metadata: {} } as KubeObject, initial: false });
    }
  }

  find(
    spec: object,
    { initial = false, isSigned = true }: { initial?: boolean; isSigned?: boolean } = {},
  ): void {
    const object = {
      metadata: { name: 'deployment-web-2', namespace: 'shop', uid: 'c' },
      spec: {
        target: { apiVersion: 'apps/v1', kind: 'Deployment', name: 'web' },
        operation: 'Update',
        ...spec,
      },
    } as unknown as ChangeObject;
    this.#signed = isSigned ? [object] : [];
    for (const handler of this.#handlers.changes) handler({ type: 'Added', object, initial });
  }
}

const WATCH = { detectedBy: 'Watch' };

test('a change that the watch found although the webhook was registered is a warning with a hint', () => {
  const bench = new Bench();
  bench.register();
  bench.now = 60_000;
  bench.find(WATCH);
  assert.deepEqual(bench.warnings, [
    { workload: 'Deployment.apps/shop/web', change: 'deployment-web-2', hint: 'look' },
  ]);
});

test('a change that admission reviewed, that is older or that is not signed causes no warning', () => {
  const bench = new Bench();
  bench.now = 60_000;
  bench.find(WATCH);
  bench.register();
  bench.now += 5000;
  bench.find(WATCH);
  bench.now += 60_000;
  bench.find({ detectedBy: 'Admission' });
  bench.find({ ...WATCH, operation: 'PreExisting' });
  bench.find(WATCH, { initial: true });
  bench.find(WATCH, { isSigned: false });
  bench.register('Deleted');
  bench.find(WATCH);
  assert.deepEqual(bench.warnings, []);
});

test('the hint names the address that is registered, and a user whose changes are not held', () => {
  const at = { namespace: 'guard', service: 'hook' };
  const operatorUser = 'system:serviceaccount:guard:altershield';
  const byUrl = unreachableHint(at, { operatorUser, url: 'https://127.0.0.1:9443' });
  assert.match(
    byUrl,
    /^the API server may not reach https:\/\/127\.0\.0\.1:9443: give --webhook-url/,
  );
  const byService = unreachableHint(at, { operatorUser: 'alice', url: undefined });
  assert.match(byService, /^the operator acts as alice, .*Service guard\/hook/);
});
