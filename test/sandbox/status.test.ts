// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Checkout } from '../support/checkout.ts';
import { commandLine, type Outcome } from '../support/command-line.ts';

const POLICY = { release: { batches: [1, '50%', '100%'], soakSeconds: 2 } };

/** What a pipeline does: writes the new image and waits for the outcome at once. */
async function deploy(checkout: Checkout, version: string, line: string): Promise<Outcome> {
  await checkout.apply(version, 20);
  return wait(checkout, line);
}

const wait = (checkout: Checkout, line: string): Promise<Outcome> =>
  checkout.scheduler.complete(commandLine(checkout, line), { maxMs: 3_600_000 });

test('a pipeline that waits right after its write learns that the change succeeded', async () => {
  const checkout = await Checkout.start({ policy: POLICY });
  const { code, out } = await deploy(checkout, '2', 'status deploy/checkout --wait --timeout 10m');
  assert.equal(code, 0, out);
  assert.match(out, /change 1 {2}Running {2}batch 1 of 3 {2}1 pod {2}Pending/);
  assert.match(out, /change 1 {2}Running {2}batch 3 of 3/);
  assert.match(out, /✔ deploy\/checkout in shop: change 1 succeeded/);
  assert.deepEqual(checkout.story, ['Success/Verified']);
});

test('a pipeline that waits right after its write learns that the change was rolled back', async () => {
  const checkout = await Checkout.start({ policy: POLICY });
  const { code, out, err } = await deploy(checkout, 'bad-2', 'status deploy/checkout --wait');
  assert.equal(code, 6, err);
  assert.match(out, /RollingBack/);
  assert.match(err, /change 1 was rolled back/);
  assert.match(err, /altershield why change\/deployment-checkout-1 -n shop/);
  assert.equal(checkout.version, '1');
});

test('the outcome of a rolled-back change can still be asked for later', async () => {
  const checkout = await Checkout.start({ policy: POLICY });
  await checkout.apply('bad-2', 60_000);
  assert.equal((await wait(checkout, 'status deploy/checkout --wait')).code, 6);
  const { code, out } = await wait(checkout, 'status deploy/checkout');
  assert.equal(code, 0);
  assert.match(out, /was rolled back/);
});

test('a suspended change ends the wait at once, with its own code', async () => {
  const checkout = await Checkout.start({ policy: { ...POLICY, onFail: 'Suspend' } });
  const { code, err } = await deploy(checkout, 'bad-2', 'status deploy/checkout --wait');
  assert.equal(code, 7, err);
  assert.match(err, /suspended/);
});

test('a wait that times out exits with 124 and prints the state of the change', async () => {
  const slow = { release: { batches: [1, '100%'], soakSeconds: 600 } };
  const checkout = await Checkout.start({ policy: slow });
  const { code, err } = await deploy(checkout, '2', 'status deploy/checkout --wait --timeout 30s');
  assert.equal(code, 124);
  assert.match(err, /did not end within 30s/);
  assert.match(err, /is being released at batch 1 of 2/);
});

test('a wait for the reverted change reports its rollback, while a wait for the revert succeeds', async () => {
  const slow = { release: { batches: [1, '100%'], soakSeconds: 60 } };
  const checkout = await Checkout.start({ policy: slow });
  await checkout.apply('2', 20_000);
  const first = commandLine(checkout, 'status deploy/checkout --wait');
  await checkout.scheduler.runFor(1000);
  const { code, err } = await deploy(checkout, '1', 'status deploy/checkout --wait');
  assert.equal(code, 0, err);
  assert.equal((await checkout.scheduler.complete(first)).code, 6);
});

test('a wait includes the creation of the record, and its time-out says that there is none', async () => {
  const checkout = await Checkout.start({ policy: POLICY });
  await checkout.apply('2', 60_000);
  checkout.killOperator();
  const { code, err } = await deploy(checkout, '3', 'status deploy/checkout --wait --timeout 1m');
  assert.equal(code, 124);
  assert.match(err, /newest template of deploy\/checkout .* has no record after 60s/);
  await checkout.startOperator();
  const back = await wait(checkout, 'status deploy/checkout --wait');
  assert.equal(back.code, 0, back.err);
  assert.match(back.out, /change 2 succeeded/);
});

test('a workload without a change, without a policy, and a missing one get different answers', async () => {
  const checkout = await Checkout.start({ policy: POLICY });
  const unchanged = await wait(checkout, 'status deploy/checkout --wait');
  assert.equal(unchanged.code, 8);
  assert.match(unchanged.err, /no change of deploy\/checkout in namespace shop is recorded/);
  const missing = await wait(checkout, 'status deploy/nothing --wait');
  assert.equal(missing.code, 3);
  assert.match(missing.err, /deploy\/nothing not found in namespace shop/);
  const free = await Checkout.start();
  const ungoverned = await deploy(free, '2', 'status deploy/checkout --wait');
  assert.equal(ungoverned.code, 8);
  assert.match(ungoverned.err, /no policy matches deploy\/checkout .* no ChangePolicy/);
});

test('a change can be waited for by name, and printed as JSON when it ends', async () => {
  const checkout = await Checkout.start({ policy: POLICY });
  await checkout.apply('2', 1000);
  const { code, out } = await wait(checkout, 'status deployment-checkout-1 --wait -o json');
  assert.equal(code, 0);
  const { status } = JSON.parse(out) as {
    status: { phase: string; conditions: { status: string }[] };
  };
  assert.deepEqual(
    [status.phase, ...status.conditions.map((c) => c.status)],
    ['Success', 'True', 'True'],
  );
});

test('a wait since a time is for a change that was seen since then, also one that has ended', async () => {
  const checkout = await Checkout.start({ policy: POLICY });
  const since = (): string => `--since-time ${new Date(checkout.scheduler.now()).toISOString()}`;
  const line = `status deploy/checkout --wait ${since()}`;
  const { code, err } = await deploy(checkout, 'bad-2', line);
  assert.equal(code, 6, err);
  await checkout.scheduler.runFor(60_000);
  assert.equal((await wait(checkout, line)).code, 6);
  const later = await wait(checkout, `status deploy/checkout --wait ${since()}`);
  assert.equal(later.code, 0, later.err);
  assert.match(
    later.out,
    /nothing to wait for: the pod template of deploy\/checkout has not changed/,
  );
});

test('a wait since a time has nothing to wait for without a policy or a record', async () => {
  const checkout = await Checkout.start({ policy: POLICY });
  const line = 'status deploy/checkout --wait --since-time 2020-01-01T00:00:00Z';
  const unchanged = await wait(checkout, line);
  assert.equal(unchanged.code, 0, unchanged.err);
  assert.match(unchanged.out, /nothing to wait for: no change of deploy\/checkout/);
  const wrong = await wait(checkout, 'status deploy/checkout --wait --since-time yesterday');
  assert.equal(wrong.code, 2);
  assert.match(wrong.err, /Must be a time with its zone/);
});
