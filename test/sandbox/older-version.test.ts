// SPDX-License-Identifier: Apache-2.0
// Versions before 0.2 held a Deployment by four fields of its spec, and kept the user's own in an annotation.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ANNOTATIONS } from '@altershield/api';
import { fingerprint } from '@altershield/core';
import { Checkout } from '../support/checkout.ts';

const POLICY = { release: { batches: [1, '100%'], soakSeconds: 5 } };
const USER_FIELDS = {
  paused: false,
  minReadySeconds: 2,
  progressDeadlineSeconds: 900,
  strategy: { type: 'RollingUpdate', rollingUpdate: { maxSurge: 2, maxUnavailable: 1 } },
};
const BORROWED = { paused: true, minReadySeconds: 2_000_000, progressDeadlineSeconds: 2 ** 31 - 1 };

/** Version 1 runs, version 2 is held as an older operator left it. */
async function heldByOlder(version: string, hold: (from: string) => string): Promise<Checkout> {
  const checkout = await Checkout.start({ policy: POLICY, isUpgrade: true });
  const from = fingerprint(checkout.deployment.spec.template);
  checkout.killOperator();
  await checkout.patch({ spec: BORROWED, metadata: { annotations: annotations(hold(from)) } }, 100);
  await checkout.apply(version, 5000);
  assert.deepEqual(checkout.pods, { '1': 10 });
  return checkout;
}

const annotations = (hold: string) => ({ [ANNOTATIONS.hold]: hold, [ANNOTATIONS.release]: null });

const fieldsOf = ({ deployment: { spec } }: Checkout): object => ({
  paused: spec.paused ?? false,
  minReadySeconds: spec.minReadySeconds,
  progressDeadlineSeconds: spec.progressDeadlineSeconds,
  strategy: spec.strategy,
});

for (const [version, end] of [
  ['2', 'Success/Verified'],
  ['bad-2', 'RolledBack/RolledBack'],
] as const) {
  test(`at start, the user’s fields of a change held by an older version are restored, and it is released in batches (${version})`, async () => {
    const checkout = await heldByOlder(version, (from) =>
      JSON.stringify({ from, own: USER_FIELDS }),
    );
    let isRolling = false;
    let most = 0;
    checkout.sandbox.onPod(() => {
      isRolling ||= checkout.changes.some(({ status }) => (status?.batch?.index ?? 0) > 1);
      if (!isRolling) most = Math.max(most, checkout.pods[version] ?? 0);
    });
    await checkout.startOperator();
    assert.deepEqual(fieldsOf(checkout), USER_FIELDS);
    assert.equal(checkout.deployment.metadata.annotations?.[ANNOTATIONS.hold], undefined);
    await checkout.scheduler.runFor(120_000);
    assert.deepEqual([checkout.story, most], [[end], 1]);
    assert.deepEqual(checkout.pods, { [version === '2' ? '2' : '1']: 10 });
    assert.deepEqual(fieldsOf(checkout), USER_FIELDS);
  });
}

test('a hold of an older version that cannot be read any more is not modified', async () => {
  const checkout = await heldByOlder('2', () => '{"own":');
  await checkout.startOperator();
  await checkout.scheduler.runFor(60_000);
  assert.equal(checkout.deployment.spec.paused, true);
  assert.deepEqual(checkout.pods, { '1': 10 });
});
