// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Stage } from '../support/stage.ts';

const AUDIT = { mode: 'Audit', release: { soakSeconds: 1 } };

test('what changed before any policy governed it is no change to the next leader', async () => {
  const stage = await Stage.set(undefined);
  const standby = stage.simulation.startReplica();
  await stage.scheduler.runFor(1000);
  await stage.apply('2', 60_000);
  await stage.govern({});
  stage.kill();
  standby.lead();
  await stage.scheduler.runFor(60_000);
  assert.deepEqual(stage.story(), []);
});

test('what a leader did not live to record is found by the next', async () => {
  const stage = await Stage.set(AUDIT);
  const standby = stage.simulation.startReplica();
  await stage.scheduler.runFor(1000);
  stage.kill();
  await stage.apply('2', 60_000);
  standby.lead();
  await stage.scheduler.runFor(60_000);
  assert.deepEqual(stage.story(), ['2 Success Verified']);
});
