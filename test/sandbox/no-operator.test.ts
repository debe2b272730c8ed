// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ANNOTATIONS } from '@altershield/api';
import { parseReleaseCap } from '@altershield/core';
import type { CallInfo, FaultPlan } from '@altershield/sandbox';
import { Checkout } from '../support/checkout.ts';

const POLICY = { release: { batches: [1, '50%', '100%'], soakSeconds: 5 } };
/** Longer than a pod has to become ready. */
const AWAY_MS = 3_600_000;

const ENDS = [
  ['2', { version: '2', story: ['Success/Verified'] }],
  ['bad-2', { version: '1', story: ['RolledBack/RolledBack'] }],
] as const;

for (const moment of ['beforeCall', 'afterCall'] as const) {
  for (const [version, end] of ENDS) {
    test(`no further pod is released while no operator runs for an hour (${moment}, ${version})`, async () => {
      let write = 1;
      while (await diesAt({ moment, write, version }, end)) write += 1;
      assert.ok(write > 5, `${write} writes`);
    });
  }
}

for (const replicas of [3, 20]) {
  test(`scaling a Deployment to ${replicas} while no operator runs releases no revision without pods`, async () => {
    let isStuck = false;
    const beforeCall: FaultPlan['beforeCall'] = ({ method, path }) =>
      isStuck && method === 'PATCH' && path.includes('/deployments/')
        ? { kind: 'answer', status: 500 }
        : undefined;
    const checkout = await Checkout.start({ policy: POLICY, faults: { beforeCall } });
    isStuck = true;
    await checkout.apply('2', 5000);
    checkout.killOperator();
    assert.deepEqual([checkout.isHeld, checkout.pods], [true, { '1': 10 }]);
    await checkout.patch({ spec: { replicas } }, AWAY_MS);
    assert.deepEqual(checkout.pods, { '1': replicas });
  });
}

interface Death {
  readonly moment: 'beforeCall' | 'afterCall';
  /** Counted from the change on. */
  readonly write: number;
  readonly version: string;
}

/** False when the change is over before so many writes. */
async function diesAt({ moment, write, version }: Death, end: object): Promise<boolean> {
  let toGo = Infinity;
  let allowed = Infinity;
  const die = ({ write: number }: CallInfo) => {
    if (number === 0 || --toGo !== 0) return undefined;
    checkout.killOperator();
    allowed = allowedBy(checkout);
    return { kind: 'reset' } as const;
  };
  const faults: FaultPlan = { [moment]: die };
  const checkout = await Checkout.start({ policy: POLICY, faults });
  let most = 0;
  checkout.sandbox.onPod(() => {
    if (toGo <= 0) most = Math.max(most, checkout.pods[version] ?? 0);
  });
  toGo = write;
  await checkout.apply(version, 60_000);
  if (toGo > 0) return false;
  await checkout.scheduler.runFor(AWAY_MS);
  const what = `${moment} ${write}`;
  assert.ok(most <= allowed, `${what}: ${most} pods, ${allowed} let out`);
  await checkout.startOperator();
  await checkout.scheduler.runFor(120_000);
  const { version: runs, story, isHeld } = checkout;
  assert.deepEqual({ version: runs, story, isHeld }, { ...end, isHeld: false }, what);
  return true;
}

/** New pods that the annotation lets the Deployment controller make. */
function allowedBy({ isHeld, deployment }: Checkout): number {
  const cap = parseReleaseCap(deployment.metadata.annotations?.[ANNOTATIONS.release]);
  if (!isHeld || cap === undefined || cap === 'Invalid') return Infinity;
  return cap.released;
}

test('while no operator runs, scaling keeps the share of each revision, and a revert still works', async () => {
  const checkout = await Checkout.start({
    policy: { release: { batches: [3, '100%'], soakSeconds: 600 } },
  });
  await checkout.apply('2', 20_000);
  const { '1': before, '2': released } = checkout.pods;
  assert.deepEqual([before, released], [10, 3]);
  checkout.killOperator();
  for (const replicas of [20, 5, 10]) {
    await checkout.patch({ spec: { replicas } }, 60_000);
    const { '1': stable = 0, '2': updated = 0 } = checkout.pods;
    assert.ok(stable + updated >= replicas, `${stable} + ${updated} of ${replicas}`);
    assert.ok(updated <= Math.ceil(replicas / 3), `${updated} updated of ${replicas}`);
  }
  await checkout.apply('1', 60_000);
  assert.deepEqual(checkout.pods, { '1': 10 });
});
