// SPDX-License-Identifier: Apache-2.0

import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { sharedCluster, type SharedCluster } from './support/cluster.ts';
import { prepareCluster, startOperator, type OperatorProcess } from './support/operator.ts';
import { anApp, activeOf, mostBefore, untilGuarded, type App } from './support/story.ts';
import { stopAll } from './support/stop-all.ts';

const ROLLOUTS = 14;
const SEED = Number(process.env['ALTERSHIELD_SEED'] ?? Date.now() % 1_000_000);
/** Policy: the limit on rollbacks is another test's. */
const POLICY = {
  release: { batches: [1, '50%', '100%'], soakSeconds: 1 },
  limits: { rollbacksPerHour: 100 },
};

let cluster: SharedCluster;
let operator: OperatorProcess;
let app: App;
let kills = 0;

before(async () => {
  cluster = await sharedCluster();
  await prepareCluster(cluster);
  operator = await startOperator(cluster);
  app = await anApp(cluster, { replicas: 6, policy: POLICY });
});

after(() =>
  stopAll(
    () => app.close(),
    () => operator.stop(),
    () => cluster.stop(),
  ),
);

test(`a bad rollout has the same end whenever the operator is killed (ALTERSHIELD_SEED=${SEED})`, async (t) => {
  const random = generator(SEED);
  const { spec } = await app.get();
  for (let rollout = 1; rollout <= ROLLOUTS; rollout += 1) {
    const image = `checkout:bad-${rollout}`;
    const since = performance.now();
    await app.setImage(image);
    // From before the first record to after the last one: a rollout takes about two seconds.
    const delays = Array.from({ length: 1 + (rollout % 2) }, () => Math.round(random() * 2200));
    for (const delay of delays) await killAfter(delay);
    const change = await app.until(image, 'RolledBack');
    const seen = `rollout ${rollout}, killed after ${delays.join(' and ')} ms`;
    t.diagnostic(seen);
    assert.equal(app.timeline.everCreated(image), 1, seen);
    assert.ok(app.timeline.minReady(since) >= 5, seen);
    assert.equal(change.status?.reason, 'RolledBack', seen);
    assert.equal(change.status.verdict, 'Fail', seen);
    assert.ok(change.status.quarantine, seen);
    await app.assertAtRest(spec);
    assert.equal(activeOf(app.timeline.pods, image), 0, seen);
    await untilGuarded(app);
    await assert.rejects(app.setImage(image), /denies this revision/);
  }
  assert.ok(kills >= 20, `${kills} kills`);
  assert.equal(app.pods.gaps, 0);
  t.diagnostic(`${kills} kills`);
});

test('a good rollout ends well whenever the operator is killed, and no batch is exceeded', async (t) => {
  const random = generator(SEED + 1);
  const { spec } = await app.get();
  const since = performance.now();
  await app.setImage('checkout:v2');
  for (let kill = 1; kill <= 6; kill += 1) await killAfter(Math.round(random() * 2000));
  const change = await app.until('checkout:v2', 'Success', 90_000);
  const released = (await app.batches())
    .filter((batch) => batch.spec.change.name === change.metadata.name)
    .map((batch) => Date.parse(batch.spec.releasedAt));
  const most = released.slice(1).map((at) => mostBefore(app.timeline, 'checkout:v2', at));
  t.diagnostic(`new pods before each next batch: ${most.join(', ')}`);
  assert.deepEqual(most, [1, 3]);
  assert.equal(app.timeline.everCreated('checkout:v2'), 6);
  assert.ok(app.timeline.minReady(since) >= 5);
  assert.equal(app.pods.gaps, 0);
  await app.assertAtRest(spec, (await app.get()).spec.template);
});

async function killAfter(ms: number): Promise<void> {
  await sleep(ms);
  await operator.kill();
  kills += 1;
  operator = await startOperator(cluster);
}

/** Numbers from 0 to 1, always the same for a seed (mulberry32). */
function generator(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}
