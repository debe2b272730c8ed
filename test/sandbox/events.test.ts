// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Checkout, DEPLOYMENT } from '../support/checkout.ts';
import { deploymentManifest } from '../support/manifests.ts';
import { GITOPS } from '../support/simulation.ts';

interface Event {
  readonly type: string;
  readonly reason: string;
  readonly message: string;
  readonly count?: number;
  readonly involvedObject: { readonly kind: string; readonly name: string; readonly uid: string };
}

/** What `kubectl describe deployment checkout` lists of ours, in order. */
function eventsOf({ sandbox, deployment }: Checkout): Event[] {
  const events = sandbox.server.store.list('events.', 'shop') as unknown as Event[];
  const { uid } = deployment.metadata;
  return events.filter(({ involvedObject }) => involvedObject.uid === uid);
}

const reasons = (checkout: Checkout): string[] =>
  eventsOf(checkout).map(({ type, reason }) => `${type} ${reason}`);

test('events of the workload report a good change, a bad change, and the reason', async () => {
  const checkout = await Checkout.start({ policy: { release: { batches: [1, '100%'] } } });
  await checkout.apply('2', 120_000);
  assert.deepEqual(reasons(checkout), ['Normal ChangeStarted', 'Normal ChangeSucceeded']);
  await checkout.apply('bad-3', 60_000);
  assert.deepEqual(reasons(checkout).slice(2), [
    'Normal ChangeStarted',
    'Warning ChangeRollingBack',
    'Warning ChangeRolledBack',
  ]);
  const [started, rollingBack, rolledBack] = eventsOf(checkout).slice(2);
  assert.match(started?.message ?? '', /releasing shop\/checkout:bad-3 by alice/);
  assert.match(rollingBack?.message ?? '', /shop\/checkout:bad-3: .*ImagePullBackOff/);
  assert.match(rolledBack?.message ?? '', /^deployment-checkout-2: shop\/checkout:2 runs again/);
});

test('repeated denials are counted in one event that names the denied user', async () => {
  const checkout = await Checkout.start({ policy: { release: { batches: [1, '100%'] } } });
  await checkout.apply('bad-2', 60_000);
  for (let i = 0; i < 3; i += 1) {
    await assert.rejects(checkout.apply('bad-2', 10_000, GITOPS), /denies this revision/);
  }
  const denied = eventsOf(checkout).filter(({ reason }) => reason === 'RevisionDenied');
  assert.equal(denied.length, 1);
  assert.ok((denied[0]?.count ?? 0) >= 3);
  assert.match(denied[0]?.message ?? '', new RegExp(`by ${GITOPS.username}: .*denies`));
});

test('a dry run of a quarantined revision is denied, and leaves no trace', async () => {
  const checkout = await Checkout.start({ policy: { release: { batches: [1, '100%'] } } });
  await checkout.apply('bad-2', 60_000);
  const told = reasons(checkout);
  const { template } = deploymentManifest({ image: 'shop/checkout:bad-2' }).spec;
  const path = `${DEPLOYMENT}?dryRun=All`;
  const contentType = 'application/merge-patch+json';
  const body = { spec: { template } };
  const client = checkout.simulation.client(GITOPS);
  const dry = client.raw('PATCH', path, body, { contentType });
  await assert.rejects(checkout.play(dry, 10_000), /denies this revision/);
  assert.deepEqual(reasons(checkout), told);
  assert.equal(checkout.changes[0]?.status?.deniedAttempts, undefined);
});

test('a failed change and a superseded change are reported by events', async () => {
  const policy = { mode: 'Audit', release: { batches: ['100%'], soakSeconds: 30 } };
  const checkout = await Checkout.start({ policy });
  await checkout.apply('2', 5000);
  await checkout.apply('bad-3', 60_000);
  assert.deepEqual(reasons(checkout), [
    'Normal ChangeStarted',
    'Normal ChangeSuperseded',
    'Normal ChangeStarted',
    'Warning ChangeFailed',
  ]);
});

test('a change that is suspended for a user is reported by an event', async () => {
  const policy = { release: { batches: [1, '100%'] }, onFail: 'Suspend' };
  const checkout = await Checkout.start({ policy });
  await checkout.apply('bad-2', 60_000);
  assert.deepEqual(reasons(checkout), ['Normal ChangeStarted', 'Warning ChangeSuspended']);
});
