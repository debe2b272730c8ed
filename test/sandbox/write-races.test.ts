// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { CallInfo, FaultPlan } from '@altershield/sandbox';
import { Checkout } from '../support/checkout.ts';

const POLICY = { release: { batches: [1, '50%', '100%'], soakSeconds: 1 } };
const LONGEST = 20;

type UserWrite = (checkout: Checkout) => Promise<unknown>;

/** Each write of the workload in the story of this version, and a user who is a little quicker. */
async function betweenEveryWrite(
  version: string,
  write: UserWrite,
  check: (checkout: Checkout, what: string) => void,
): Promise<number> {
  for (let count = 1; count <= LONGEST; count += 1) {
    const { checkout, met } = await quicker(version, count, write);
    if (!met) return count - 1;
    check(checkout, `before write ${count} of the workload`);
  }
  throw new Error(`the story of ${version} has more writes than ${LONGEST}`);
}

async function quicker(version: string, count: number, write: UserWrite) {
  const user: { writes?: Promise<unknown> } = {};
  let seen = 0;
  // What is written of the workload before, at rest, is no write of this change.
  let isApplied = false;
  const beforeCall: FaultPlan['beforeCall'] = (call) => {
    if (!isApplied || !isOfWorkload(call)) return undefined;
    seen += 1;
    if (seen !== count) return undefined;
    user.writes = write(checkout);
    // Long enough for the user's write to pass admission first.
    return { kind: 'delay', ms: 200 };
  };
  const checkout = await Checkout.start({ policy: POLICY, faults: { beforeCall } });
  isApplied = true;
  await checkout.apply(version, 120_000);
  await user.writes;
  return { checkout, met: user.writes !== undefined };
}

const isOfWorkload = ({ method, path }: CallInfo): boolean =>
  method === 'PATCH' && path.includes('/deployments/checkout');

const patch = (checkout: Checkout, body: object): Promise<unknown> =>
  checkout.sandbox.call('PATCH', {
    path: '/apis/apps/v1/namespaces/shop/deployments/checkout',
    body,
  });

const template = (image: string): object => ({
  spec: { template: { spec: { containers: [{ name: 'app', image: `shop/checkout:${image}` }] } } },
});

function assertReleased({ isHeld, deployment }: Checkout, what: string): void {
  const { paused = false, minReadySeconds = 0, strategy } = deployment.spec;
  assert.deepEqual([isHeld, paused, minReadySeconds], [false, false, 0], what);
  assert.deepEqual(strategy?.rollingUpdate, { maxSurge: '25%', maxUnavailable: '25%' }, what);
}

for (const version of ['2', 'bad-2']) {
  test(`a fix that races with a write of the operator is released (${version})`, async () => {
    const writes = await betweenEveryWrite(
      version,
      (checkout) => patch(checkout, template('fix-3')),
      (checkout, what) => {
        assert.equal(checkout.version, 'fix-3', what);
        assert.equal(checkout.story.at(-1), 'Success/Verified', what);
        assert.deepEqual(checkout.pods, { 'fix-3': 10 }, what);
        assertReleased(checkout, what);
      },
    );
    assert.ok(writes >= 2, `${writes} writes`);
  });

  test(`a scale that races with a write of the operator is kept (${version})`, async () => {
    const good = version === '2' ? '2' : '1';
    await betweenEveryWrite(
      version,
      (checkout) => patch(checkout, { spec: { replicas: 14 } }),
      (checkout, what) => {
        assert.deepEqual(checkout.pods, { [good]: 14 }, what);
        assertReleased(checkout, what);
      },
    );
  });

  test(`a user’s maxSurge that races with a write of the operator is kept (${version})`, async () => {
    const rollingUpdate = { maxSurge: 4 };
    await betweenEveryWrite(
      version,
      (checkout) => patch(checkout, { spec: { strategy: { rollingUpdate } } }),
      (checkout, what) => {
        const { strategy } = checkout.deployment.spec;
        assert.equal(strategy?.rollingUpdate?.maxSurge, 4, what);
        assert.equal(checkout.isHeld, false, what);
      },
    );
  });
}
