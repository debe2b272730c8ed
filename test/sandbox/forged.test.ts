// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ANNOTATIONS } from '@altershield/api';
import { PATHS, contentOf, fingerprint, type Template } from '@altershield/core';
import { reviewAdmission } from '@altershield/kube';
import { Checkout } from '../support/checkout.ts';

const QUICK = { release: { batches: [1, '100%'], soakSeconds: 1 } };

/** What someone writes by hand while the webhook is down: another way back, under a high number. */
function forgery(checkout: Checkout, name: string, sequence: number): object {
  const [real] = checkout.changes;
  assert.ok(real?.spec.from !== undefined);
  const template = JSON.parse(
    JSON.stringify(contentOf(real.spec.from)).replace(/checkout:\d/, 'checkout:evil'),
  ) as Template;
  const content = { '/spec/template': template };
  const from = { ...real.spec.from, content, fingerprint: fingerprint(template), verified: true };
  const { apiVersion, kind, spec, metadata } = real;
  const { [ANNOTATIONS.signature]: seal = '' } = metadata.annotations ?? {};
  return {
    ...{ apiVersion, kind, spec: { ...spec, sequence, from } },
    metadata: { namespace: 'shop', name, annotations: { [ANNOTATIONS.signature]: seal } },
  };
}

test('a bad change is never rolled back to a revision from a forged record', async () => {
  const checkout = await Checkout.start({ policy: QUICK });
  await checkout.apply('2', 60_000);
  checkout.killOperator();
  await checkout.record('POST', { body: forgery(checkout, 'by-hand', 50) });
  await checkout.startOperator();
  await checkout.apply('bad3', 60_000);
  assert.deepEqual(Object.keys(checkout.pods).sort(), ['2']);
  assert.deepEqual(checkout.history, [
    '2 Success Verified',
    'bad3 RolledBack RolledBack',
    // Still there for everybody to see, and nobody has looked at it.
    '2  ',
  ]);
});

test('a forged record under the next name is skipped', async () => {
  const checkout = await Checkout.start({ policy: QUICK });
  await checkout.apply('2', 60_000);
  checkout.killOperator();
  await checkout.record('POST', { body: forgery(checkout, 'deployment-checkout-2', 2) });
  await checkout.startOperator();
  await checkout.apply('3', 60_000);
  assert.deepEqual(checkout.history, ['2 Success Verified', '2  ', '3 Success Verified']);
  assert.equal(checkout.changes.at(-1)?.metadata.name, 'deployment-checkout-3');
});

test('a client that does not know the webhook’s secret paths gets no answer and no signature', async () => {
  const { simulation } = await Checkout.start({ policy: {} });
  const { handlers } = simulation.startOperator().operator;
  const known = [...handlers.keys()];
  assert.equal(known.length, Object.keys(PATHS).length);
  for (const path of Object.values(PATHS)) {
    assert.ok(known.some((secret) => secret.endsWith(path)));
    const { status, body } = await reviewAdmission(Buffer.from('{}'), handlers, path);
    assert.equal(status, 404);
    assert.ok(!known.some((secret) => body.includes(secret)));
  }
});
