// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { KubeObject } from '@altershield/kube';
import type { FaultPlan } from '@altershield/sandbox';
import { Checkout } from '../support/checkout.ts';

const GROUP = 'admissionregistration.k8s.io';
const PLURALS = ['mutatingwebhookconfigurations', 'validatingwebhookconfigurations'] as const;

interface Webhook {
  readonly name: string;
  readonly clientConfig: { readonly caBundle?: string };
  readonly objectSelector?: object;
}
type Configuration = KubeObject & { readonly webhooks: readonly Webhook[] };

const stored = (checkout: Checkout, plural: string): Configuration | undefined =>
  checkout.sandbox.get(`${plural}.${GROUP}`, '', 'altershield');

const webhooks = (checkout: Checkout): Webhook[] =>
  PLURALS.flatMap((plural) => stored(checkout, plural)?.webhooks ?? []);

const bundles = (checkout: Checkout): string[] => [
  ...new Set(webhooks(checkout).map((w) => w.clientConfig.caBundle ?? '')),
];

/** Its writes of webhook configurations arrive late. */
const SLOW: FaultPlan = {
  beforeCall: ({ method, path }) =>
    method === 'PATCH' && path.includes(GROUP) ? { kind: 'delay', ms: 300 } : undefined,
};

test('a late publisher removes no policy’s webhook and restores no old certificate', async () => {
  let bundle = 'old';
  const caBundle = (): Promise<string> => Promise.resolve(bundle);
  const checkout = await Checkout.start({ caBundle });
  const slow = checkout.simulation.startReplica({ faults: SLOW, caBundle });
  await checkout.scheduler.runFor(1000);
  bundle = 'newer';
  const late = slow.operator.publishWebhooks(new AbortController().signal);
  await checkout.scheduler.runFor(50);
  bundle = 'newest';
  await checkout.govern({}, 100);
  assert.deepEqual(bundles(checkout), ['newest']);
  const before = webhooks(checkout);
  assert.ok(before.some(({ name }) => name.startsWith('mutate.web.shop.')));
  assert.ok(before.some(({ name }) => name.startsWith('validate.web.shop.')));
  checkout.sandbox.server.store.subscribe(({ type }) => {
    if (type.endsWith(GROUP))
      assert.deepEqual(webhooks(checkout), before, 'at no moment otherwise');
  });
  await checkout.play(late, 3000);
  assert.deepEqual(webhooks(checkout), before);
});

test('a webhook configuration that another client edits or deletes is restored within a second', async () => {
  const checkout = await Checkout.start({ policy: {} });
  const before = webhooks(checkout);
  for (const plural of PLURALS) {
    const path = `/apis/${GROUP}/v1/${plural}/altershield`;
    const blind = before
      .filter(
        ({ name }) => stored(checkout, plural)?.webhooks.some((w) => w.name === name) === true,
      )
      .map((webhook) => ({ ...webhook, objectSelector: { matchLabels: { never: 'there' } } }));
    const merge = { contentType: 'application/merge-patch+json' };
    const admin = checkout.simulation.client();
    await checkout.play(admin.raw('PATCH', path, { webhooks: blind }, merge), 1000);
    assert.deepEqual(webhooks(checkout), before);
    await checkout.play(admin.raw('DELETE', path), 1000);
    assert.deepEqual(webhooks(checkout), before);
  }
});

test('policies created in quick succession do not delay drift correction', async () => {
  const checkout = await Checkout.start({ policy: {} });
  for (let i = 0; i < 12; i += 1) {
    const selector = i % 2 === 0 ? { matchLabels: { app: 'checkout' } } : {};
    await checkout.govern({ target: { selector } });
  }
  const before = webhooks(checkout);
  const path = `/apis/${GROUP}/v1/${PLURALS[0]}/altershield`;
  await checkout.play(checkout.simulation.client().raw('DELETE', path), 1000);
  assert.deepEqual(webhooks(checkout), before);
});

test('a correct webhook configuration is not written again', async () => {
  const writes: string[] = [];
  const faults: FaultPlan = {
    beforeCall: ({ write, path, method }) => {
      if (write > 0 && path.includes(GROUP)) writes.push(method);
      return undefined;
    },
  };
  const checkout = await Checkout.start({ policy: {}, faults });
  await checkout.apply('2', 60_000);
  await checkout.govern({ onFail: 'Suspend' });
  assert.deepEqual(writes, ['POST', 'POST']);
});
