// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { KubeObject } from '@altershield/kube';
import type { FaultPlan } from '@altershield/sandbox';
import { Stage } from '../support/stage.ts';

const GROUP = 'admissionregistration.k8s.io';
const PLURALS = ['mutatingwebhookconfigurations', 'validatingwebhookconfigurations'] as const;

interface Webhook {
  readonly name: string;
  readonly clientConfig: { readonly caBundle?: string };
  readonly objectSelector?: object;
}
type Configuration = KubeObject & { readonly webhooks: readonly Webhook[] };

const stored = (stage: Stage, plural: string): Configuration | undefined =>
  stage.sandbox.get(`${plural}.${GROUP}`, '', 'altershield');

const webhooks = (stage: Stage): Webhook[] =>
  PLURALS.flatMap((plural) => stored(stage, plural)?.webhooks ?? []);

const bundles = (stage: Stage): string[] => [
  ...new Set(webhooks(stage).map((w) => w.clientConfig.caBundle ?? '')),
];

/** Its writes of webhook configurations arrive late. */
const SLOW: FaultPlan = {
  beforeCall: ({ method, path }) =>
    method === 'PATCH' && path.includes(GROUP) ? { kind: 'delay', ms: 300 } : undefined,
};

test('a late publisher takes no policy’s webhook away, and brings no old certificate back', async () => {
  let bundle = 'old';
  const caBundle = (): Promise<string> => Promise.resolve(bundle);
  const stage = await Stage.set(undefined, { caBundle });
  const slow = stage.simulation.startReplica({ faults: SLOW, caBundle });
  await stage.scheduler.runFor(1000);
  bundle = 'newer';
  const late = slow.operator.publishWebhooks(new AbortController().signal);
  await stage.scheduler.runFor(50);
  bundle = 'newest';
  await stage.govern({}, 100);
  assert.deepEqual(bundles(stage), ['newest']);
  const before = webhooks(stage);
  assert.ok(before.some(({ name }) => name.startsWith('mutate.web.shop.')));
  assert.ok(before.some(({ name }) => name.startsWith('validate.web.shop.')));
  stage.sandbox.server.store.subscribe(({ type }) => {
    if (type.endsWith(GROUP)) assert.deepEqual(webhooks(stage), before, 'at no moment otherwise');
  });
  await stage.play(late, 3000);
  assert.deepEqual(webhooks(stage), before);
});

test('a configuration that somebody edits or deletes is as it was within a second', async () => {
  const stage = await Stage.set({});
  const before = webhooks(stage);
  for (const plural of PLURALS) {
    const path = `/apis/${GROUP}/v1/${plural}/altershield`;
    const blind = before
      .filter(({ name }) => stored(stage, plural)?.webhooks.some((w) => w.name === name) === true)
      .map((webhook) => ({ ...webhook, objectSelector: { matchLabels: { never: 'there' } } }));
    const merge = { contentType: 'application/merge-patch+json' };
    const admin = stage.simulation.client();
    await stage.play(admin.raw('PATCH', path, { webhooks: blind }, merge), 1000);
    assert.deepEqual(webhooks(stage), before);
    await stage.play(admin.raw('DELETE', path), 1000);
    assert.deepEqual(webhooks(stage), before);
  }
});

test('a configuration that is right is not written again', async () => {
  const writes: string[] = [];
  const faults: FaultPlan = {
    beforeCall: ({ write, path, method }) => {
      if (write > 0 && path.includes(GROUP)) writes.push(method);
      return undefined;
    },
  };
  const stage = await Stage.set({}, { faults });
  await stage.apply('2', 60_000);
  await stage.govern({ onFail: 'Suspend' });
  assert.deepEqual(writes, ['POST', 'POST']);
});
