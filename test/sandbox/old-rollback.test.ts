// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Stage } from '../support/stage.ts';

test('the rollback of an older change is our own write, and no change that anybody made', async () => {
  const stage = await Stage.set({ release: { batches: ['50%', '100%'], soakSeconds: 10 } });
  await stage.apply('2', 90_000);
  await stage.apply('bad3', 60_000);
  assert.deepEqual(stage.story(), ['2 Success Verified', 'bad3 RolledBack RolledBack']);
  const before = stage.deployment().metadata.generation ?? 0;
  const body = { spec: { decision: { action: 'RollBack', reason: 'it leaks' } } };
  await stage.record('PATCH', { sequence: 1, body }, 10_000);
  const writes = (stage.deployment().metadata.generation ?? 0) - before;
  assert.ok(writes < 10, `${writes} writes in ten seconds`);
  await stage.scheduler.runFor(60_000);
  assert.equal(stage.story().length, 2);
  await stage.apply('4', 60_000);
  assert.deepEqual([stage.story().at(-1), stage.story().length], ['4 Success Verified', 3]);
});
