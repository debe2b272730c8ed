// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ANNOTATIONS } from '@altershield/api';
import { Stage } from '../support/stage.ts';

test('a change whose record is deleted while it is held is found anew and brought to its end', async () => {
  const stage = await Stage.set({ release: { soakSeconds: 30 } });
  await stage.apply('2', 5000);
  await stage.record('DELETE', { sequence: 1 }, 200_000);
  assert.deepEqual(stage.story(), ['2 Success Verified']);
  const { metadata, spec } = stage.deployment();
  assert.equal(metadata.annotations?.[ANNOTATIONS.hold], undefined);
  assert.equal(spec.paused ?? false, false);
});

test('a record that loses its seal while the webhook is down is replaced by a new one', async () => {
  const stage = await Stage.set({ release: { soakSeconds: 30 } });
  await stage.apply('2', 5000);
  stage.kill();
  const body = { metadata: { annotations: { [ANNOTATIONS.seal]: null } } };
  await stage.record('PATCH', { sequence: 1, body });
  stage.start();
  await stage.scheduler.runFor(200_000);
  assert.equal(stage.records().at(-1)?.status?.reason, 'Verified');
  assert.equal(stage.deployment().metadata.annotations?.[ANNOTATIONS.hold], undefined);
});

test('our marks on a record can’t be taken off or altered; others may be put there', async () => {
  const stage = await Stage.set({});
  await stage.apply('2', 5000);
  const edits = [
    { annotations: { [ANNOTATIONS.seal]: null } },
    { labels: { 'altershield.io/target-uid': 'another' } },
  ];
  for (const metadata of edits) {
    const edit = stage.record('PATCH', { sequence: 1, body: { metadata } });
    await assert.rejects(edit, /only spec.decision can be edited, and labels/);
  }
  await stage.record('PATCH', { sequence: 1, body: { metadata: { labels: { team: 'a' } } } });
});

test('a revision that is applied again and again is not rolled back without end', async () => {
  const limits = { records: 1, quarantineSeconds: 0, rollbacksPerHour: 3 };
  const stage = await Stage.set({ release: { batches: [1, '100%'], soakSeconds: 1 }, limits });
  for (let i = 0; i < 6; i += 1) await stage.apply('bad', 60_000);
  assert.equal(stage.story().at(-1), 'bad Suspend RollbackLimit');
  assert.equal(stage.story().length, 4);
});

test('records of a workload that is gone go when their time is over', async () => {
  const limits = { recordSeconds: 60 };
  const stage = await Stage.set({ release: { batches: ['100%'], soakSeconds: 1 }, limits });
  await stage.apply('2', 60_000);
  assert.deepEqual(stage.story(), ['2 Success Verified']);
  const path = '/apis/apps/v1/namespaces/shop/deployments/checkout';
  await stage.play(stage.sandbox.call('DELETE', { path }), 120_000);
  assert.deepEqual(stage.story(), []);
});
