// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { ChangeObject } from '../objects.ts';
import { BY_TARGET, targetKey, type Caches } from '../caches/caches.ts';
import { workloadKeyString } from '../kinds/followed-kind.ts';
import { Quarantines } from './quarantines.ts';

const KEY = 'template';
const record = (kind: string): ChangeObject =>
  ({
    metadata: { name: `${kind}-checkout-1`.toLowerCase(), namespace: 'shop' },
    spec: { target: { apiVersion: 'apps/v1', kind, name: 'checkout' }, sequence: 1 },
    status: {
      phase: 'RolledBack',
      quarantine: { fingerprint: KEY, until: '2026-02-01T00:00:00Z' },
    },
  }) as unknown as ChangeObject;

test('a quarantine holds for one kind alone, whatever the workloads are called', () => {
  const records = [record('Deployment')];
  const changes = {
    byIndex: (index: string, key: string) =>
      index === BY_TARGET
        ? records.filter((change) => workloadKeyString(targetKey(change)) === key)
        : [],
  };
  const now = (): number => Date.parse('2026-01-01T00:00:00Z');
  const quarantines = new Quarantines({ changes } as unknown as Pick<Caches, 'changes'>, { now });
  const found = (kind: string) =>
    quarantines.find({ kind, namespace: 'shop', name: 'checkout' }, KEY)?.metadata.name;
  assert.equal(found('Deployment.apps'), 'deployment-checkout-1');
  assert.equal(found('StatefulSet.apps'), undefined);
  assert.equal(found('Deployment.example.com'), undefined);
});
