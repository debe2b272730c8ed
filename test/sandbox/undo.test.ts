// SPDX-License-Identifier: Apache-2.0
// `kubectl rollout undo` puts the annotations of an earlier revision back with its template: the Deployment controller copied ours there.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ANNOTATIONS } from '@altershield/api';
import { Checkout, DEPLOYMENT } from '../support/checkout.ts';

const BOB = { username: 'bob', groups: ['developers'] };
const QUICK = { release: { batches: [1, '100%'], soakSeconds: 1 } };
const REVISION = 'deployment.kubernetes.io/revision';

interface Revision {
  readonly metadata: { readonly annotations: Readonly<Record<string, string>> };
  readonly spec: { readonly template: object };
}

/** What kubectl sends, as Bob: the template and the annotations of the revision, the number of the Deployment. */
async function undo(checkout: Checkout, version: string): Promise<void> {
  const { metadata, spec } = revisionOf(checkout, version);
  const number = checkout.deployment.metadata.annotations?.[REVISION];
  const body = [
    { op: 'replace', path: '/spec/template', value: spec.template },
    {
      op: 'replace',
      path: '/metadata/annotations',
      value: { ...metadata.annotations, [REVISION]: number },
    },
  ];
  const patched = checkout.simulation
    .client(BOB)
    .raw('PATCH', DEPLOYMENT, body, { contentType: 'application/json-patch+json' });
  await checkout.play(patched, 5000);
}

function revisionOf({ sandbox }: Checkout, version: string): Revision {
  const all = sandbox.server.store.list('replicasets.apps', 'shop') as unknown as Revision[];
  const found = all.find(({ spec }) => JSON.stringify(spec).includes(`checkout:${version}`));
  assert.ok(found);
  return found;
}

/** Versions 1, 2 and 3. */
async function threeVersions(): Promise<Checkout> {
  const checkout = await Checkout.start({ policy: QUICK });
  await checkout.apply('2', 60_000);
  await checkout.apply('3', 60_000);
  assert.deepEqual(checkout.history, ['2 Success Verified', '3 Success Verified']);
  return checkout;
}

test('an undo while no operator runs is a revert; the outdated annotations that it restores are ignored', async () => {
  const checkout = await threeVersions();
  assert.ok(ANNOTATIONS.release in revisionOf(checkout, '2').metadata.annotations);
  checkout.killOperator();
  await undo(checkout, '2');
  assert.ok(
    checkout.isHeld && ANNOTATIONS.actor in (checkout.deployment.metadata.annotations ?? {}),
  );
  await checkout.startOperator();
  await checkout.scheduler.runFor(60_000);
  const [, , undone] = checkout.changes;
  assert.deepEqual(
    [undone?.spec.operation, undone?.spec.actor.stamped, undone?.status?.phase],
    ['Revert', false, 'Success'],
  );
  assert.deepEqual([checkout.isHeld, checkout.pods], [false, { 2: 10 }]);
});

test('another revision after such an undo is released from the state of the undo', async () => {
  const checkout = await threeVersions();
  checkout.killOperator();
  await undo(checkout, '2');
  await checkout.apply('4', 5000);
  assert.ok(checkout.isHeld);
  await checkout.startOperator();
  await checkout.scheduler.runFor(60_000);
  assert.equal(checkout.changes.at(-1)?.spec.from?.images?.join(), 'shop/checkout:2');
  assert.deepEqual([checkout.isHeld, checkout.pods], [false, { 4: 10 }]);
});

test('an undo seen at admission is recorded with its user', async () => {
  const checkout = await threeVersions();
  await undo(checkout, '2');
  const [, , undone] = checkout.changes;
  assert.deepEqual([undone?.spec.actor.user, undone?.spec.operation], [BOB.username, 'Revert']);
  assert.equal(checkout.isHeld, false);
});
