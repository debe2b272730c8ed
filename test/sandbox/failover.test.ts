// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { CallInfo } from '@altershield/sandbox';
import { Checkout } from '../support/checkout.ts';

const POLICY = { release: { batches: [1, '100%'] } };
const AUDIT = { mode: 'Audit', release: { soakSeconds: 1 } };

test('the next leader records no change for a template that changed before a policy matched', async () => {
  const checkout = await Checkout.start();
  const standby = checkout.simulation.startReplica();
  await checkout.scheduler.runFor(1000);
  await checkout.apply('2', 60_000);
  await checkout.govern({});
  checkout.killOperator();
  standby.lead();
  await checkout.scheduler.runFor(60_000);
  assert.deepEqual(checkout.history, []);
});

test('the next leader finds a change that the previous one crashed before recording', async () => {
  const checkout = await Checkout.start({ policy: AUDIT });
  const standby = checkout.simulation.startReplica();
  await checkout.scheduler.runFor(1000);
  checkout.killOperator();
  await checkout.apply('2', 60_000);
  standby.lead();
  await checkout.scheduler.runFor(60_000);
  assert.deepEqual(checkout.history, ['2 Success Verified']);
});

test('a leader that loses its lease starts no further write, and the next leader continues', async () => {
  let write = 1;
  while (await losesOfficeAt(write)) write += 1;
  assert.ok(write > 5, `${write} writes`);
});

/** At this write of its own, events aside. False when the change is over before. */
async function losesOfficeAt(write: number): Promise<boolean> {
  const office = new AbortController();
  let toGo = write;
  const late: string[] = [];
  const beforeCall = ({ write: number, method, path }: CallInfo): undefined => {
    if (number === 0 || path.includes('/events')) return;
    if (office.signal.aborted) late.push(`${method} ${path}`);
    toGo -= 1;
    if (toGo === 0) office.abort(new Error('the lease is lost'));
  };
  const checkout = await Checkout.start({ policy: POLICY });
  checkout.killOperator();
  const leader = checkout.simulation.startReplica({ faults: { beforeCall } });
  const standby = checkout.simulation.startReplica({ identity: 'replica-2' });
  void leader.operator.runAsLeader(office.signal).catch(() => undefined);
  await checkout.scheduler.runFor(2000);
  await checkout.apply('bad-2', 30_000);
  const isLost = office.signal.aborted;
  if (isLost) {
    assert.deepEqual(late, [], `after write ${write}`);
    standby.lead();
    await checkout.scheduler.runFor(60_000);
  }
  assert.deepEqual([checkout.version, checkout.story], ['1', ['RolledBack/RolledBack']]);
  return isLost;
}
