// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createMetrics, realScheduler, type Metrics } from '@altershield/kube';
import { Checkout } from '../support/checkout.ts';

const POLICY = { release: { batches: [1, '100%'], soakSeconds: 5 } };

/** The series about changes that have a value other than 0, as Prometheus reads them. */
async function seriesOf(metrics: Metrics): Promise<string[]> {
  const { text } = await metrics.render();
  const lines = text.split('\n').filter((line) => /^altershield_(?!.*_bucket)/.test(line));
  return lines.filter((line) => !line.endsWith(' 0')).sort();
}

test('a standby reports no metrics, and counts from zero when it becomes the leader', async () => {
  const [first, second] = [1, 2].map(() => createMetrics({ scheduler: realScheduler }));
  assert.ok(first !== undefined && second !== undefined);
  const checkout = await Checkout.start({ policy: POLICY, metrics: first });
  const standby = checkout.simulation.startReplica({ identity: 'standby', metrics: second });
  await checkout.apply('2', 120_000);
  assert.deepEqual(await seriesOf(second), []);
  assert.ok((await seriesOf(first)).some((line) => line.includes('outcome="Success"} 1')));
  checkout.killOperator();
  standby.lead();
  await checkout.apply('bad-3', 60_000);
  const ended = (await seriesOf(second)).filter((line) =>
    line.includes('altershield_changes_total'),
  );
  assert.deepEqual(ended, ['altershield_changes_total{namespace="shop",outcome="RolledBack"} 1']);
});

test('the time from evidence to action has a value for each bad change and none for good ones', async () => {
  const metrics = createMetrics({ scheduler: realScheduler });
  const checkout = await Checkout.start({ policy: POLICY, metrics });
  const reactions = async (): Promise<string[]> =>
    (await seriesOf(metrics)).filter((line) => line.includes('evidence_to_action_seconds_count'));
  await checkout.apply('2', 120_000);
  assert.deepEqual(await reactions(), []);
  await checkout.apply('bad-3', 60_000);
  assert.deepEqual(await reactions(), [
    'altershield_evidence_to_action_seconds_count{action="RollBack"} 1',
  ]);
});
