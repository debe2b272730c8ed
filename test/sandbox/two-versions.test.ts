// SPDX-License-Identifier: Apache-2.0
// During an update, replicas of two versions run: one reads what the other has written.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ANNOTATIONS, type ChangeWorkload } from '@altershield/api';
import { signWith } from '@altershield/core';
import type { Sandbox } from '@altershield/sandbox';
import { Checkout } from '../support/checkout.ts';
import { recordSignature } from '../../packages/operator/src/records/signature.ts';

const POLICY = { release: { batches: [1, '100%'], soakSeconds: 30 } };
const HOUR_MS = 3_600_000;
/** Replicas share their key, of whichever version they are. */
const OPERATOR_SIGN = signWith(new Uint8Array(32).fill(7));
const RECORDS = 'changeworkloads.altershield.io';

type StoredObject = Parameters<Sandbox['server']['store']['put']>[1];

/** The newer version's schema: it knows more values and fields than this one's. */
function openSchema({ sandbox }: Checkout): void {
  const type = 'customresourcedefinitions.apiextensions.k8s.io';
  for (const definition of sandbox.server.store.list(type)) {
    const text = JSON.stringify(definition, (key, value: object) => {
      if (key === 'enum') return undefined;
      return key === 'spec' || key === 'status'
        ? { ...value, 'x-kubernetes-preserve-unknown-fields': true }
        : value;
    });
    sandbox.server.store.put(type, JSON.parse(text) as StoredObject);
  }
}

/** Another version's types are not this one's. */
type Edit = (record: ChangeWorkload) => { readonly spec: object; readonly status?: unknown };

/** What another version wrote of a record, by its own schema, in the place of the one that there is. */
function rewrite(checkout: Checkout, edit: Edit, sign = OPERATOR_SIGN): void {
  const { sandbox } = checkout;
  openSchema(checkout);
  const [record] = sandbox.server.store.list(RECORDS) as unknown as ChangeWorkload[];
  assert.ok(record);
  const { spec, status } = edit(record);
  const { namespace = '', name } = record.metadata;
  const seal = recordSignature(namespace, name, spec as ChangeWorkload['spec'], sign);
  const metadata = { ...record.metadata, annotations: { [ANNOTATIONS.signature]: seal } };
  const next: unknown = { ...record, spec, status, metadata };
  sandbox.server.store.put(RECORDS, next as StoredObject);
}

/** Version 2 is in its first batch when the operator that released it is gone. */
async function inFirstBatch(version = '2'): Promise<Checkout> {
  const checkout = await Checkout.start({ policy: POLICY });
  await checkout.apply(version, 100);
  await checkout.until('the first batch', () => checkout.pods[version] === 1);
  // Before a bad pod shows what it is: the change would be rolled back already.
  await checkout.scheduler.runFor(200);
  checkout.killOperator();
  return checkout;
}

const NEWER: readonly (readonly [what: string, edit: Edit])[] = [
  ['is in a phase', ({ spec, status }) => ({ spec, status: { ...status, phase: 'Probing' } })],
  [
    'is of an operation',
    ({ spec, status }) => ({ spec: { ...spec, operation: 'Resize' }, status }),
  ],
  [
    'is released by a strategy',
    ({ spec, status }) => {
      const { policy } = spec;
      const release = { ...policy.spec.release, strategy: 'Mirror' };
      const next = { ...policy, spec: { ...policy.spec, release } };
      return { spec: { ...spec, policy: next }, status };
    },
  ],
];

for (const [what, edit] of NEWER) {
  test(`a change that ${what} of a newer version is not modified until that version completes it`, async () => {
    const checkout = await inFirstBatch();
    const [known] = checkout.changes;
    assert.ok(known);
    rewrite(checkout, edit);
    const before = [checkout.changes, checkout.release, checkout.deployment.spec];
    await checkout.startOperator();
    await checkout.scheduler.runFor(HOUR_MS);
    await checkout.patch({ metadata: { labels: { touched: 'yes' } } }, HOUR_MS);
    assert.deepEqual([checkout.changes, checkout.release, checkout.deployment.spec], before);
    assert.equal(checkout.pods['2'], 1);
    assert.ok(checkout.events.includes('UnknownVersion'));
    rewrite(checkout, () => known);
    await checkout.scheduler.runFor(HOUR_MS);
    assert.deepEqual([checkout.story, checkout.pods], [['Success/Verified'], { '2': 10 }]);
  });
}

test('a user can revert a change that only a newer version knows', async () => {
  const checkout = await inFirstBatch();
  rewrite(checkout, ({ spec, status }) => ({
    spec,
    status: { ...status, phase: 'Probing' },
  }));
  await checkout.startOperator();
  await checkout.apply('1', 30_000);
  assert.deepEqual([checkout.pods, checkout.isHeld], [{ '1': 10 }, false]);
});

test('a finished change of a newer version does not block a later change', async () => {
  const checkout = await Checkout.start({ policy: POLICY });
  await checkout.apply('2', 200_000);
  rewrite(checkout, ({ spec, status }) => ({
    spec: { ...spec, operation: 'Resize' },
    status,
  }));
  await checkout.apply('bad-3', 200_000);
  assert.deepEqual([checkout.pods, checkout.story[1]], [{ '2': 10 }, 'RolledBack/RolledBack']);
});

for (const version of ['2', 'bad-2']) {
  test(`a record of an older version without the new fields is completed (${version})`, async () => {
    const checkout = await inFirstBatch(version);
    rewrite(checkout, ({ spec: { from, ...spec }, status }) => {
      const { ownership: _, ...older } = from ?? {};
      const { phase, reason, message, verdict, batch } = status ?? {};
      return {
        spec: { ...spec, from: older },
        status: { phase, reason, message, verdict, batch },
      };
    });
    await checkout.startOperator();
    await checkout.scheduler.runFor(200_000);
    const isGood = version === '2';
    assert.deepEqual(checkout.story, [isGood ? 'Success/Verified' : 'RolledBack/RolledBack']);
    assert.deepEqual(checkout.pods, { [isGood ? '2' : '1']: 10 });
  });

  test(`unknown fields of a newer version are kept in the record (${version})`, async () => {
    const checkout = await inFirstBatch(version);
    rewrite(checkout, ({ spec, status }) => ({
      spec: { ...spec, ticket: 'A-1' },
      status: { ...status, probe: { seen: 3 } },
    }));
    await checkout.startOperator();
    await checkout.scheduler.runFor(200_000);
    const [change] = checkout.changes;
    assert.match(checkout.story[0] ?? '', /^(Success|RolledBack)/);
    assert.deepEqual(
      [change?.spec, change?.status].map((part) => JSON.parse(JSON.stringify(part)) as object),
      [
        { ...change?.spec, ticket: 'A-1' },
        { ...change?.status, probe: { seen: 3 } },
      ],
    );
  });

  test(`an annotation of a newer version releases nothing, and is rewritten from the record (${version})`, async () => {
    const checkout = await inFirstBatch(version);
    const newer = `v2:${checkout.release ?? ''}/10/surge`;
    let most = 0;
    checkout.sandbox.onPod(() => (most = Math.max(most, checkout.pods[version] ?? 0)));
    await checkout.editRelease(newer, 1000);
    for (const set of checkout.sandbox.server.store.list('replicasets.apps', 'shop')) {
      const { name } = set.metadata;
      const path = `/apis/apps/v1/namespaces/shop/replicasets/${name}`;
      const body = { metadata: { annotations: { [ANNOTATIONS.release]: newer } } };
      await checkout.play(checkout.sandbox.call('PATCH', { path, body }), 1000);
    }
    await checkout.patch({ spec: { replicas: 12 } }, HOUR_MS);
    assert.equal(most, 1);
    await checkout.startOperator();
    await checkout.scheduler.runFor(200_000);
    const isGood = version === '2';
    assert.deepEqual(checkout.story, [isGood ? 'Success/Verified' : 'RolledBack/RolledBack']);
    assert.deepEqual(checkout.pods, { [isGood ? '2' : '1']: 12 });
  });

  test(`a record written by another identity is ignored, and the change in flight is recorded again (${version})`, async () => {
    const checkout = await inFirstBatch(version);
    rewrite(
      checkout,
      ({ spec, status }) => ({
        spec,
        status: { ...status, phase: 'Success', reason: 'Verified', verdict: 'Pass' },
      }),
      signWith(new Uint8Array(32).fill(9)),
    );
    let most = 0;
    checkout.sandbox.onPod(() => (most = Math.max(most, checkout.pods[version] ?? 0)));
    await checkout.startOperator();
    await checkout.scheduler.runFor(10_000);
    assert.equal(most, 1);
    await checkout.scheduler.runFor(200_000);
    const isGood = version === '2';
    assert.deepEqual(checkout.story, [
      'Success/Verified',
      isGood ? 'Success/Verified' : 'RolledBack/RolledBack',
    ]);
    assert.deepEqual(checkout.pods, { [isGood ? '2' : '1']: 10 });
  });
}
