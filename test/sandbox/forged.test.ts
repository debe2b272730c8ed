// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ANNOTATIONS } from '@altershield/api';
import { PATHS, fingerprint } from '@altershield/core';
import { reviewAdmission } from '@altershield/kube';
import { Stage } from '../support/stage.ts';

const QUICK = { release: { batches: [1, '100%'], soakSeconds: 1 } };

/** What someone writes by hand while the webhook is down: another way back, under a high number. */
function forgery(stage: Stage, name: string, sequence: number): object {
  const [real] = stage.records();
  assert.ok(real?.spec.from !== undefined);
  const template = JSON.parse(
    JSON.stringify(real.spec.from.template).replace(/checkout:\d/, 'checkout:evil'),
  ) as typeof real.spec.from.template;
  const from = { ...real.spec.from, template, fingerprint: fingerprint(template), verified: true };
  const { apiVersion, kind, spec, metadata } = real;
  const { [ANNOTATIONS.seal]: seal = '' } = metadata.annotations ?? {};
  return {
    ...{ apiVersion, kind, spec: { ...spec, sequence, from } },
    metadata: { namespace: 'shop', name, annotations: { [ANNOTATIONS.seal]: seal } },
  };
}

test('a record made by hand is never the revision that a bad change is taken back to', async () => {
  const stage = await Stage.set(QUICK);
  await stage.apply('2', 60_000);
  stage.kill();
  await stage.record('POST', { body: forgery(stage, 'by-hand', 50) });
  stage.start();
  await stage.apply('bad3', 60_000);
  assert.deepEqual(stage.podTags(), ['2']);
  assert.deepEqual(stage.story(), [
    '2 Success Verified',
    'bad3 RolledBack RolledBack',
    // Still there for everybody to see, and nobody has looked at it.
    '2  ',
  ]);
});

test('a record made by hand under the next name is passed over', async () => {
  const stage = await Stage.set(QUICK);
  await stage.apply('2', 60_000);
  stage.kill();
  await stage.record('POST', { body: forgery(stage, 'deployment-checkout-2', 2) });
  stage.start();
  await stage.apply('3', 60_000);
  assert.deepEqual(stage.story(), ['2 Success Verified', '2  ', '3 Success Verified']);
  assert.equal(stage.records().at(-1)?.metadata.name, 'deployment-checkout-3');
});

test('who does not know the webhook’s paths gets no answer, and so no stamp of ours', async () => {
  const { simulation } = await Stage.set({});
  const { handlers } = simulation.startOperator().operator;
  const known = [...handlers.keys()];
  assert.equal(known.length, Object.keys(PATHS).length);
  for (const path of Object.values(PATHS)) {
    assert.ok(known.some((secret) => secret.endsWith(path)));
    const { status, body } = reviewAdmission(Buffer.from('{}'), handlers, path);
    assert.equal(status, 404);
    assert.ok(!known.some((secret) => body.includes(secret)));
  }
});
