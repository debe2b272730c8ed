// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ANNOTATIONS } from '@altershield/api';
import { valueAt } from '@altershield/core';
import { Checkout } from '../support/checkout.ts';
import { KINDS, type KindUnderTest } from '../support/kinds.ts';

const REPLICAS = 5;

const policyFor = ({ readyDeadlineSeconds }: KindUnderTest) => ({
  release: { batches: [1, '60%', '100%'], soakSeconds: 5 },
  checks: { podHealth: { readyDeadlineSeconds } },
});

const FORGERIES = {
  removed: null,
  garbled: '{',
  forged: JSON.stringify({ v: 2, from: 'x', userFields: {}, sig: '0' }),
} as const;

/** A change of this version in mid-batch: its first pod runs. */
async function inBatch(kind: KindUnderTest, strategy: object, version: string): Promise<Checkout> {
  const checkout = await Checkout.start({ kind, policy: policyFor(kind), replicas: REPLICAS });
  await checkout.patch({ spec: strategy }, 1000);
  await setImage(checkout, version, 1000);
  await checkout.until('a batch is released', () => checkout.pods[version] === 1);
  return checkout;
}

const setImage = (checkout: Checkout, version: string, ms = 60_000): Promise<unknown> => {
  const containers = [{ name: 'app', image: `shop/checkout:${version}` }];
  return checkout.patch({ spec: { template: { spec: { containers } } } }, ms);
};

const annotate = (value: string | null) => ({
  metadata: { annotations: { [ANNOTATIONS.hold]: value } },
});

const borrowed = ({ kind, workload }: Checkout): unknown[] =>
  kind.adapter.descriptor.borrowedFields.map((path) => valueAt(workload, path));

/** The fields as the API server stores them when a user writes them. */
async function asWritten(kind: KindUnderTest, strategy: object): Promise<unknown[]> {
  const checkout = await Checkout.start({ kind, replicas: REPLICAS });
  await checkout.patch({ spec: strategy }, 1000);
  return borrowed(checkout);
}

const borrowing = KINDS.filter(({ adapter }) => adapter.descriptor.borrowedFields.length > 0);

for (const kind of borrowing) {
  const { kind: name } = kind.adapter.descriptor.resource;

  for (const [what, value] of Object.entries(FORGERIES)) {
    test(`${name}: a hold annotation that is ${what} costs no field of the user`, async () => {
      for (const strategy of kind.strategies) {
        const checkout = await inBatch(kind, strategy, '2');
        checkout.killOperator();
        await checkout.patch(annotate(value), 1000);
        await checkout.startOperator();
        await checkout.scheduler.runFor(3000);
        assert.ok((checkout.pods['2'] ?? 0) <= 3, 'the batch is still held');
        await checkout.until('it ends', () => checkout.story.at(-1) === 'Success/Verified');
        await checkout.scheduler.runFor(5000);
        assert.deepEqual(borrowed(checkout), await asWritten(kind, strategy));
        assert.equal(checkout.isHeld, false);
        assert.equal(checkout.changes.at(-1)?.status?.hold, undefined);
      }
    });

    test(`${name}: a rollback restores the user's fields from the record when the annotation is ${what}`, async () => {
      for (const strategy of kind.strategies) {
        const checkout = await inBatch(kind, strategy, 'noready2');
        checkout.killOperator();
        await checkout.patch(annotate(value), 1000);
        await checkout.startOperator();
        await checkout.until('it ends', () => checkout.story.at(-1) === 'RolledBack/RolledBack');
        await checkout.scheduler.runFor(5000);
        assert.deepEqual(borrowed(checkout), await asWritten(kind, strategy));
        assert.equal(checkout.isHeld, false);
        assert.deepEqual(checkout.pods, { '1': REPLICAS });
      }
    });
  }

  test(`${name}: a third revision that is applied without the annotation keeps the user's fields`, async () => {
    for (const strategy of kind.strategies) {
      const checkout = await inBatch(kind, strategy, '2');
      checkout.killOperator();
      await checkout.patch(annotate(null), 1000);
      await setImage(checkout, '3', 1000);
      await checkout.startOperator();
      await checkout.until('it ends', () => checkout.history.at(-1) === '3 Success Verified');
      await checkout.scheduler.runFor(5000);
      assert.deepEqual(borrowed(checkout), await asWritten(kind, strategy));
      assert.equal(checkout.isHeld, false);
    }
  });

  test(`${name}: a revert without the annotation restores the user's fields`, async () => {
    for (const strategy of kind.strategies) {
      const checkout = await inBatch(kind, strategy, '2');
      checkout.killOperator();
      await checkout.patch(annotate(null), 1000);
      await setImage(checkout, '1', 1000);
      await checkout.startOperator();
      await checkout.until('it ends', () => checkout.story.at(-1) === 'RolledBack/RevertedByUser');
      await checkout.scheduler.runFor(5000);
      assert.deepEqual(borrowed(checkout), await asWritten(kind, strategy));
      assert.equal(checkout.isHeld, false);
    }
  });

  test(`${name}: a webhook that finds the annotation removed holds the next change by the record`, async () => {
    const [strategy = {}] = kind.strategies;
    const checkout = await inBatch(kind, strategy, '2');
    checkout.killOperator();
    await checkout.patch(annotate(null), 1000);
    // It answers reviews, and does not lead.
    checkout.simulation.startReplica({ identity: 'standby' });
    await checkout.scheduler.runFor(1000);
    await setImage(checkout, '3', 20_000);
    assert.equal(checkout.isHeld, true);
    assert.equal(checkout.pods['3'], undefined);
    await checkout.startOperator();
    await checkout.until('it ends', () => checkout.history.at(-1) === '3 Success Verified');
    await checkout.scheduler.runFor(5000);
    assert.deepEqual(borrowed(checkout), await asWritten(kind, strategy));
  });

  test(`${name}: what a user edits after a rollback restored the fields stays as it is`, async () => {
    const [strategy = {}, edited = {}] = kind.strategies;
    const checkout = await inBatch(kind, strategy, 'noready2');
    await checkout.until(
      'it rolls back',
      () => checkout.story.at(-1) === 'RollingBack/CheckFailed',
      5,
    );
    await checkout.until('nothing is borrowed', () => !checkout.isHeld);
    await checkout.scheduler.runFor(100);
    await checkout.patch({ spec: edited }, 1000);
    await checkout.until('it ends', () => checkout.story.at(-1) === 'RolledBack/RolledBack');
    await checkout.scheduler.runFor(5000);
    assert.deepEqual(borrowed(checkout), await asWritten(kind, edited));
  });
}
