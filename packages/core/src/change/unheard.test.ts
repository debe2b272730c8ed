// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { anObservation, NOW, pods } from '../testing/builders.ts';
import { change, out, status } from '../testing/standings.ts';
import { decide } from './decide.ts';

test('a batch that is late stays so while nothing is heard of its pods', () => {
  const policy = { onInconclusive: 'Proceed', release: { soakSeconds: 30 } } as const;
  const workload = { ...out, bounds: { surge: 2, unavailable: 1 } };
  const long = NOW - 3_000_000;
  const fresh = pods('new', 1, { createdAt: long, readySince: long });
  const since = new Date(long).toISOString();
  const base = change(
    status('Running', { batch: { index: 2, of: 3, target: 3 }, phaseSince: since }),
    policy,
  );
  const spec = { ...base.spec, detectedAt: since };
  const at = (s: typeof base.status, now: number, heardAt: number) =>
    decide(
      anObservation({
        change: { ...base, spec, ...(s && { status: s }) },
        workload,
        fresh,
        now,
        heardAt,
      }),
    );
  const late = at(base.status, NOW, NOW);
  assert.equal(late.status.phase, 'TimeOutPreThreshold');
  // The next look begins with what the watches say, which is older than what the server said.
  const again = at(late.status, NOW + 1000, NOW - 2_500_000);
  assert.equal(again.unheard, true);
  assert.deepEqual(again.status, late.status);
});
