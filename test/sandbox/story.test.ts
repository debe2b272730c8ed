// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { ChangeWorkload } from '@altershield/api';
import { createLogger } from '@altershield/kube';
import { VirtualScheduler } from '@altershield/sandbox';
import { deploymentManifest, policyManifest } from '../support/manifests.ts';
import { ALICE, GITOPS, Simulation } from '../support/simulation.ts';

test('a bad revision is held, checked, rolled back and denied; the next good one is released', async () => {
  const scheduler = new VirtualScheduler({ seed: 1 });
  const verbose = process.env['VERBOSE'] !== undefined;
  const log = createLogger({ level: verbose ? 'debug' : 'silent', pretty: true });
  const simulation = new Simulation({ scheduler, log });
  const { sandbox } = simulation;
  let over = 0;
  sandbox.onPod(() => {
    const bad = sandbox
      .pods({ namespace: 'shop' })
      .filter((p) => JSON.stringify(p.spec).includes(':bad'));
    over = Math.max(over, bad.length);
  });
  const script = (async () => {
    await simulation.install();
    simulation.startOperator();
    await sandbox.apply(deploymentManifest({ image: 'shop/checkout:1.0' }));
    await sandbox.apply(policyManifest({ release: { soakSeconds: 2 } }));
  })();
  await scheduler.runFor(10_000);
  await script;
  const phases = (): string[] =>
    (
      sandbox.server.store.list('changeworkloads.altershield.io') as unknown as ChangeWorkload[]
    ).map((c) => `${c.spec.to.images?.join()} ${c.status?.phase ?? ''} ${c.spec.actor.user}`);
  const good = sandbox.apply(deploymentManifest({ image: 'shop/checkout:1.1' }), ALICE);
  await scheduler.runFor(40_000);
  await good;
  assert.deepEqual(phases(), ['shop/checkout:1.1 Success alice']);
  const bad = sandbox.apply(deploymentManifest({ image: 'shop/checkout:bad' }), GITOPS);
  await scheduler.runFor(20_000);
  await bad;
  assert.deepEqual(phases().slice(1), [`shop/checkout:bad RolledBack ${GITOPS.username}`]);
  assert.equal(over, 1);
  // Ten minutes of a GitOps loop.
  for (let i = 0; i < 40; i += 1) {
    const again = sandbox.apply(deploymentManifest({ image: 'shop/checkout:bad' }), GITOPS);
    const refused = assert.rejects(again, /denies this revision/);
    await scheduler.runFor(15_000);
    await refused;
  }
  assert.equal(over, 1);
  const next = sandbox.apply(deploymentManifest({ image: 'shop/checkout:1.2' }), ALICE);
  await scheduler.runFor(40_000);
  await next;
  assert.deepEqual(phases().slice(2), ['shop/checkout:1.2 Success alice']);
});
