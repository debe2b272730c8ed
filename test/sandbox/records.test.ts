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
