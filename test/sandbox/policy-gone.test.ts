// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ANNOTATIONS, HELD_MIN_READY_SECONDS, type ChangeWorkload } from '@altershield/api';
import type { Deployment } from '@altershield/core';
import { silentLogger, type Logger } from '@altershield/kube';
import { VirtualScheduler } from '@altershield/sandbox';
import { Checkout } from '../support/checkout.ts';
import { deploymentManifest, policyManifest } from '../support/manifests.ts';
import { ALICE, Simulation } from '../support/simulation.ts';

async function aHeldChange() {
  const scheduler = new VirtualScheduler({ seed: 3 });
  const simulation = new Simulation({ scheduler });
  const { sandbox } = simulation;
  const play = async (promise: Promise<unknown>, ms: number): Promise<void> => {
    await scheduler.runFor(ms);
    await promise;
  };
  await play(simulation.install(), 1000);
  await play(sandbox.apply(deploymentManifest({ image: 'shop/checkout:1' })), 5000);
  await play(sandbox.apply(policyManifest({ release: { soakSeconds: 60 } })), 1000);
  simulation.startOperator();
  await scheduler.runFor(2000);
  await play(sandbox.apply(deploymentManifest({ image: 'shop/checkout:2' }), ALICE), 5000);
  const policy = '/apis/altershield.io/v1alpha1/namespaces/shop/changepolicies/web';
  await play(sandbox.call('DELETE', { path: policy }), 2000);
  const deployment = (): Deployment =>
    sandbox.get('deployments.apps', 'shop', 'checkout') as unknown as Deployment;
  const changes = (): ChangeWorkload[] =>
    sandbox.server.store.list('changeworkloads.altershield.io') as unknown as ChangeWorkload[];
  return { simulation, play, deployment, changes, scheduler };
}

test('a change goes on by the policy it began with, when that is deleted', async () => {
  const { scheduler, changes, deployment } = await aHeldChange();
  await scheduler.runFor(300_000);
  assert.deepEqual(
    changes().map((c) => c.status?.phase),
    ['Success'],
  );
  assert.equal(deployment().metadata.annotations?.[ANNOTATIONS.hold], undefined);
});

test('a held workload that nothing governs any more gets its own fields back', async () => {
  const { simulation, play, changes, deployment } = await aHeldChange();
  const next = deploymentManifest({ image: 'shop/checkout:3' });
  await play(simulation.sandbox.apply(next, ALICE), 60_000);
  assert.deepEqual(
    changes().map((c) => c.status?.phase),
    ['Superseded'],
  );
  const { metadata, spec } = deployment();
  assert.equal(metadata.annotations?.[ANNOTATIONS.hold], undefined);
  assert.equal(spec.paused ?? false, false);
  assert.deepEqual(spec.strategy?.rollingUpdate, { maxSurge: '25%', maxUnavailable: '25%' });
  const images = simulation.sandbox.pods({ namespace: 'shop' }).map((p) => JSON.stringify(p.spec));
  assert.ok(images.every((text) => text.includes('checkout:3')));
});

test('one whose own fields are not known is left as it is, and logged', async () => {
  const warnings: string[] = [];
  const log: Logger = { ...silentLogger, warn: (text) => warnings.push(text), child: () => log };
  const checkout = await Checkout.start({ log });
  const held = { minReadySeconds: HELD_MIN_READY_SECONDS, progressDeadlineSeconds: 2 ** 31 - 1 };
  await checkout.patch({ spec: { ...held, paused: true } }, 2000);
  assert.deepEqual(checkout.deployment.spec.paused, true);
  assert.match(warnings.join(), /its own fields are not known/);
});
