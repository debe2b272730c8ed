// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { CallFault, CallInfo } from '@altershield/sandbox';
import { Checkout } from '../support/checkout.ts';
import { addRoutes, installRoutes, RESTORED, userFields, weights } from '../support/routes.ts';

const policy = (more: object = {}): object => ({
  release: {
    strategy: 'Canary',
    canary: { pods: 2, observeSeconds: 30 },
    soakSeconds: 5,
    steps: [{ step: 1, weight: 10 }],
    ...more,
  },
});

async function start(spec: object = policy()): Promise<Checkout> {
  const checkout = await Checkout.start({ policy: spec, followsRoutes: true });
  await installRoutes(checkout);
  // Asked for every half minute.
  await checkout.scheduler.runFor(45_000);
  await addRoutes(checkout);
  return checkout;
}

const messageOf = (checkout: Checkout): string => checkout.changes.at(-1)?.status?.message ?? '';

/** The Services select pods of these versions. */
async function selected(checkout: Checkout): Promise<unknown> {
  const [stable, canary] = (await userFields(checkout)) as { selector?: object }[][];
  const hashes = [stable, canary].map((each) => {
    const { 'pod-template-hash': hash } = each?.[0]?.selector as Record<string, string>;
    const pod = checkout.sandbox
      .pods({ namespace: 'shop' })
      .find(({ metadata }) => metadata.labels?.['pod-template-hash'] === hash);
    return hash === undefined ? 'all' : JSON.stringify(pod?.spec).match(/checkout:(\w+)/)?.[1];
  });
  return hashes;
}

test('a canary gets its share of the requests while it is observed, and then requests follow the pods', async () => {
  const checkout = await start();
  assert.equal(await weights(checkout), '1/0');
  await checkout.apply('2', 20_000);
  assert.equal(checkout.pods['2'], 2);
  assert.equal(await weights(checkout), '90/10');
  assert.deepEqual(await selected(checkout), ['1', '2']);
  await checkout.scheduler.runFor(240_000);
  assert.deepEqual([checkout.story, checkout.pods], [['Success/Verified'], { '2': 10 }]);
  assert.deepEqual(await userFields(checkout), RESTORED);
});

test('a canary that fails gets no more requests, and everything is the user’s again', async () => {
  const checkout = await start();
  await checkout.apply('2', 20_000);
  assert.equal(await weights(checkout), '90/10');
  await checkout.degrade({ restartCount: 9, ready: false, version: '2' });
  await checkout.until('the rollback', () => checkout.story[0]?.startsWith('Roll') === true);
  await checkout.scheduler.runFor(1000);
  assert.equal(await weights(checkout), '1/0');
  await checkout.scheduler.runFor(120_000);
  assert.deepEqual([checkout.story, checkout.pods], [['RolledBack/RolledBack'], { '1': 10 }]);
  assert.deepEqual(await userFields(checkout), RESTORED);
});

test('each step has its own share, and a step without one none', async () => {
  const checkout = await start({
    release: {
      batches: [1, '50%', '100%'],
      soakSeconds: 10,
      steps: [
        { step: 1, weight: 5, pauseAfter: true },
        { step: 2, weight: 40, pauseAfter: true },
      ],
    },
  });
  await checkout.apply('2', 60_000);
  assert.deepEqual([await weights(checkout), checkout.pods['2']], ['95/5', 1]);
  await checkout.approve(1, { decision: 'Resume' }, { ms: 60_000 });
  assert.deepEqual([await weights(checkout), checkout.pods['2']], ['60/40', 5]);
  await checkout.approve(1, { decision: 'Resume' }, { ms: 120_000 });
  assert.deepEqual(checkout.story, ['Success/Verified']);
  assert.deepEqual(await userFields(checkout), RESTORED);
});

test('a third revision takes the share from the second before its pods go', async () => {
  const checkout = await start();
  await checkout.apply('2', 20_000);
  assert.equal(await weights(checkout), '90/10');
  await checkout.apply('3', 20_000);
  assert.equal(await weights(checkout), '90/10');
  assert.deepEqual(await selected(checkout), ['1', '3']);
  await checkout.scheduler.runFor(240_000);
  assert.deepEqual(checkout.pods, { '3': 10 });
  assert.deepEqual(await userFields(checkout), RESTORED);
});

test('the policy is deleted while a canary has its share: all ends as it is', async () => {
  const checkout = await start();
  await checkout.apply('2', 20_000);
  assert.equal(await weights(checkout), '90/10');
  const path = '/apis/altershield.io/v1alpha1/namespaces/shop/changepolicies/web';
  await checkout.play(checkout.sandbox.call('DELETE', { path }), 300_000);
  assert.deepEqual(await userFields(checkout), RESTORED);
});

test('without an HTTPRoute nothing moves, and a user may go on without shares', async () => {
  const checkout = await Checkout.start({ policy: policy(), followsRoutes: true });
  await checkout.apply('2', 60_000);
  assert.deepEqual([checkout.story, checkout.pods], [['Suspend/CannotMove'], { '1': 10 }]);
  assert.match(messageOf(checkout), /no HTTPRoute sends its requests to two Services/);
  await checkout.approve(1, { decision: 'Resume' }, { ms: 240_000 });
  assert.deepEqual([checkout.story, checkout.pods], [['Success/Verified'], { '2': 10 }]);
});

test('an HTTPRoute that its user applies again during a step gets its share again', async () => {
  const checkout = await start(policy({ canary: { pods: 2, observeSeconds: 300 } }));
  await checkout.apply('2', 20_000);
  await addRoutes(checkout);
  await checkout.scheduler.runFor(5000);
  assert.equal(await weights(checkout), '90/10');
  await checkout.scheduler.runFor(600_000);
  assert.deepEqual(checkout.story, ['Success/Verified']);
  assert.deepEqual(await userFields(checkout), RESTORED);
});

/** `after`: the answer of the write is lost. */
const CRASHES = ['before', 'after'] as const;

for (const when of CRASHES)
  for (const version of ['2', 'crash-2'])
    test(`a crash ${when} any write leaves no share and no selector behind: ${version}`, async () => {
      for (let at = 1; await crashAt(version, when, at); at += 1);
    });

/** Whether there is such a write. The operator starts again within a second. */
async function crashAt(
  version: string,
  when: (typeof CRASHES)[number],
  at: number,
): Promise<boolean> {
  let count = -1;
  const dead: number[] = [];
  const die = ({ method }: CallInfo): CallFault | undefined => {
    if (count < 0 || !['POST', 'PATCH', 'DELETE'].includes(method)) return undefined;
    count += 1;
    if (count !== at) return undefined;
    dead.push(at);
    checkout.killOperator();
    return { kind: 'reset' };
  };
  const checkout: Checkout = await Checkout.start({
    ...{ policy: policy(), followsRoutes: true },
    faults: when === 'before' ? { beforeCall: die } : { afterCall: die },
  });
  await installRoutes(checkout);
  await checkout.scheduler.runFor(45_000);
  await addRoutes(checkout);
  count = 0;
  await checkout.apply(version, 1000);
  for (let seconds = 0; seconds < 240; seconds += 1) {
    if (dead.pop() !== undefined) await checkout.startOperator();
    await checkout.scheduler.runFor(1000);
  }
  const what = `crash ${when} write ${at} of ${version}`;
  const end = version === '2' ? 'Success/Verified' : 'RolledBack/RolledBack';
  assert.deepEqual(checkout.story, [end], what);
  assert.deepEqual(await userFields(checkout), RESTORED, what);
  return count >= at;
}
