// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { FaultPlan } from '@altershield/sandbox';
import { Checkout } from '../support/checkout.ts';
import { policyManifest } from '../support/manifests.ts';
import { GITOPS } from '../support/simulation.ts';

const REGISTRATION = 'admissionregistration.k8s.io';
const OURS = '/apis/altershield.io/v1alpha1/namespaces/shop';
const QUICKLY = { batches: [1, '100%'], soakSeconds: 1 };

interface Webhook {
  readonly name: string;
  readonly objectSelector: object;
}

/** The webhooks for workloads that are registered now. */
function webhooksOf({ sandbox }: Checkout, type: 'mutating' | 'validating'): readonly Webhook[] {
  const resource = `${type}webhookconfigurations.${REGISTRATION}`;
  const { webhooks } = sandbox.get(resource, '', 'altershield') as unknown as {
    webhooks: Webhook[];
  };
  return webhooks.filter(({ name }) => /^(mutate|validate)\.[^.]+\.shop\./.test(name));
}

const forBoth = (checkout: Checkout): (readonly Webhook[])[] => [
  webhooksOf(checkout, 'mutating'),
  webhooksOf(checkout, 'validating'),
];

test('the webhooks follow the creation, update and deletion of a policy within a second', async () => {
  const checkout = await Checkout.start({ policy: { release: QUICKLY } });
  const apply = (spec: object, name: string): Promise<unknown> =>
    checkout.play(checkout.sandbox.apply(policyManifest(spec, name)), 1000);
  for (const webhooks of forBoth(checkout)) assert.equal(webhooks.length, 1);
  const selector = { matchLabels: { tier: 'db' } };
  await apply({ target: { selector } }, 'second');
  for (const [first, second] of forBoth(checkout)) {
    assert.deepEqual([first?.objectSelector, second?.objectSelector], [selector, {}]);
  }
  const other = { matchLabels: { tier: 'web' } };
  await apply({ target: { selector: other } }, 'web');
  for (const [, second] of forBoth(checkout)) assert.deepEqual(second?.objectSelector, other);
  await checkout.play(
    checkout.sandbox.call('DELETE', { path: `${OURS}/changepolicies/web` }),
    1000,
  );
  for (const webhooks of forBoth(checkout)) {
    assert.deepEqual(
      webhooks.map(({ objectSelector }) => objectSelector),
      [selector],
    );
  }
});

test('the validating webhook alone also denies a quarantined revision', async () => {
  let isBroken = false;
  const keepsAway: FaultPlan = {
    beforeCall: ({ path, write }) =>
      isBroken && write > 0 && path.includes('mutatingwebhook') ? { kind: 'reset' } : undefined,
  };
  const checkout = await Checkout.start({ policy: { release: QUICKLY }, faults: keepsAway });
  await checkout.apply('bad-2', 60_000);
  isBroken = true;
  const path = `/apis/${REGISTRATION}/v1/mutatingwebhookconfigurations/altershield`;
  await checkout.play(checkout.sandbox.call('DELETE', { path }), 1000);
  await assert.rejects(checkout.apply('bad-2', 1000, GITOPS), /validate\.web\.shop.*denies this/);
  await checkout.apply('fix-3', 1000);
  assert.equal(checkout.version, 'fix-3');
});

test('a dead operator fails no write of a user, whatever the failurePolicy', async () => {
  const checkout = await Checkout.start({ policy: { release: QUICKLY, failurePolicy: 'Fail' } });
  checkout.killOperator();
  const scale = { path: '/apis/apps/v1/namespaces/shop/deployments/checkout' };
  const body = { spec: { replicas: 12 } };
  await checkout.play(checkout.sandbox.call('PATCH', { ...scale, body }), 10_000);
  assert.deepEqual(checkout.pods, { '1': 12 });
  await checkout.apply('2', 700);
  assert.equal(checkout.version, '2');
});

test('with failurePolicy Ignore, a change passes admission and is held late', async () => {
  const checkout = await Checkout.start({ policy: { release: QUICKLY } });
  checkout.killOperator();
  await checkout.apply('bad-2', 700);
  assert.equal(checkout.isHeld, false);
  await checkout.startOperator();
  await checkout.scheduler.runFor(60_000);
  assert.deepEqual(
    checkout.changes.map(({ spec, status }) => `${spec.detectedBy} ${status?.phase ?? ''}`),
    ['Watch RolledBack'],
  );
  assert.deepEqual([checkout.version, checkout.pods], ['1', { '1': 10 }]);
});

test('a decision without a signature is carried out without a user name', async () => {
  const policy = { release: QUICKLY, onFail: 'Suspend' };
  const checkout = await Checkout.start({ policy });
  await checkout.apply('bad-2', 60_000);
  assert.deepEqual(checkout.story, ['Suspend/CheckFailed']);
  checkout.killOperator();
  await checkout.approve(1, { decision: 'RollBack', author: { user: 'the boss' } });
  await checkout.startOperator();
  await checkout.scheduler.runFor(60_000);
  const [done] = checkout.changes;
  assert.deepEqual(checkout.story, ['RolledBack/RolledBack']);
  assert.match(done?.status?.message ?? '', /^requested by an unknown user/);
  assert.equal(checkout.version, '1');
});
