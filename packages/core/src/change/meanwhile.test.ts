// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { fingerprint, refusalFingerprint } from '../revision/fingerprint.ts';
import {
  aDeployment,
  aHeldDeployment,
  anObservation,
  aReplicaSet,
  aTemplate,
  NOW,
  pods,
  tools,
} from '../testing/builders.ts';
import { A, B, change, crashed, out, rest, status } from '../testing/standings.ts';
import { viewDeployment } from '../workload/observe.ts';
import { decide } from './decide.ts';

const revision = (tag: string, is: string, replicas: number) => ({
  name: `web-${tag}`,
  uid: `rs-${tag}`,
  fingerprint: is,
  replicas,
});
const hour = NOW + 3_600_000;

test('a restart that fails is rolled back, and the verified template is not refused', () => {
  const template = aTemplate('a', {
    annotations: { 'kubectl.kubernetes.io/restartedAt': '2026-01-01' },
  });
  const base = change(status('Running'));
  const to = {
    ...base.spec.to,
    fingerprint: fingerprint(template),
    refusal: refusalFingerprint(template),
  };
  const workload = viewDeployment(aHeldDeployment(A, { template }), [aReplicaSet('a', 10)], tools);
  const { status: next } = decide(
    anObservation({ change: { ...base, spec: { ...base.spec, to } }, workload, fresh: crashed }),
  );
  assert.deepEqual([next.phase, next.quarantine], ['RollingBack', undefined]);
});

test('scaling lets no more of a suspended change out', () => {
  const workload = {
    ...rest,
    replicas: 40,
    revisions: [revision('a', A, 36), revision('b', B, 4)],
  };
  for (const reason of ['CheckFailed', 'CheckInconclusive', 'RollbackLimit'] as const) {
    const d = decide(
      anObservation({
        change: change(status('Suspend', { reason })),
        workload,
        fresh: pods('new', 4, { ready: false }),
        stable: pods('old', 36),
      }),
    );
    assert.deepEqual(d.action, {
      type: 'Rebalance',
      revisions: [
        { name: 'web-a', uid: 'rs-a', from: 36, to: 39 },
        { name: 'web-b', uid: 'rs-b', from: 4, to: 1 },
      ],
    });
  }
});

test('a repair that was cut short between its two writes takes the second one only', () => {
  const workload = {
    ...rest,
    replicas: 40,
    revisions: [revision('a', A, 39), revision('b', B, 4)],
  };
  const d = decide(
    anObservation({
      change: change(status('Suspend', { reason: 'CheckFailed' })),
      workload,
      fresh: pods('new', 4),
      stable: pods('old', 39),
    }),
  );
  assert.deepEqual(d.action, {
    type: 'Rebalance',
    revisions: [{ name: 'web-b', uid: 'rs-b', from: 4, to: 1 }],
  });
});

for (const policy of [{ mode: 'Audit' }, { release: { strategy: 'Rolling' } }] as const) {
  test(`no deadline runs while the owner pauses a workload under ${JSON.stringify(policy)}`, () => {
    const deployment = aDeployment({ tag: 'b', spec: { paused: true } });
    const workload = viewDeployment(deployment, [aReplicaSet('a', 10)], tools);
    const at = (parts: Parameters<typeof anObservation>[0]) =>
      decide(anObservation({ change: change(status('Running'), policy), workload, ...parts }));
    const d = at({ now: hour });
    assert.deepEqual(
      [d.status.phase, d.status.reason, d.action],
      ['Init', 'PausedByOwner', undefined],
    );
    assert.notEqual(
      at({ fresh: crashed }).status.reason,
      'PausedByOwner',
      'a failure is not hidden',
    );
  });
}

test('of a batch that is late, what there is must stay ready for the soak time before it goes on', () => {
  const policy = { onInconclusive: 'Proceed', release: { soakSeconds: 30 } } as const;
  const wide = { ...out, bounds: { surge: 2, unavailable: 1 } };
  const some = pods('new', 1, { createdAt: NOW - 3_000_000, readySince: NOW - 3_000_000 });
  const batch = { index: 2, of: 3, target: 3 };
  const since = new Date(NOW - 3_000_000).toISOString();
  const first = status('Running', { batch, phaseSince: since });
  const base = change(first, policy);
  const spec = { ...base.spec, detectedAt: since };
  const at = (s: typeof first, now: number, fresh = some) =>
    decide(anObservation({ change: { ...base, spec, status: s }, workload: wide, fresh, now }));
  const late = at(first, NOW);
  assert.deepEqual(
    [late.status.phase, late.status.reason, late.recheckAt, late.action],
    ['TimeOutPreThreshold', 'ReadyDeadlineExceeded', NOW + 30_000, undefined],
  );
  assert.deepEqual(at(late.status, NOW + 29_999).status, late.status);
  const on = at(late.status, NOW + 30_000).status;
  assert.deepEqual([on.phase, on.batch?.index], ['Running', 3]);
  const came = [...some, ...pods('new-late', 1, { ready: false, createdAt: NOW })];
  assert.equal(at(late.status, NOW + 1000, came).status.phase, 'Running', 'more pods came');
});

test('an operator that was away lets the batch out before any deadline of it counts', () => {
  const batch = { index: 2, of: 3, target: 3 };
  const since = new Date(NOW - 3_600_000).toISOString();
  const base = change(status('Running', { batch, phaseSince: since }));
  const behind = { ...base, spec: { ...base.spec, detectedAt: since } };
  const long = { createdAt: NOW - 3_600_000, readySince: NOW - 3_600_000 };
  const one = { fresh: pods('new', 1, long), stable: pods('old', 9) };
  const at = (workload: typeof rest) => decide(anObservation({ change: behind, workload, ...one }));
  assert.equal(at(rest).action?.type, 'SetBounds');
  const opened = { ...rest, paused: false, bounds: { surge: 2, unavailable: 1 } };
  assert.equal(at({ ...opened, writtenAt: NOW - 1000 }).status.phase, 'Running');
  assert.equal(at({ ...opened, writtenAt: NOW - 3_600_000 }).status.phase, 'Suspend');
});

test('what is found late, or put back, is judged and left alone, unless it was refused', () => {
  const workload = viewDeployment(aDeployment({ tag: 'b' }), [aReplicaSet('b', 10)], tools);
  for (const operation of ['Late', 'Revert'] as const) {
    const at = (parts: Parameters<typeof anObservation>[0]) => {
      const c = change(undefined, {}, { operation });
      const { status: next, action } = decide(
        anObservation({ change: c, workload, stable: [], ...parts }),
      );
      return [next.phase, next.reason, action?.type];
    };
    assert.deepEqual(at({ fresh: pods('new', 10) }), ['Success', 'Verified', undefined]);
    assert.deepEqual(at({ fresh: crashed }), ['Failed', 'CheckFailed', undefined]);
    const refused = at({ fresh: pods('new', 10), refused: true });
    assert.deepEqual(refused, ['RollingBack', 'QuarantinedRevision', 'RollBack']);
  }
});

test('a new workload is judged and left alone, also when its revision was refused', () => {
  const workload = viewDeployment(aDeployment({ tag: 'b' }), [aReplicaSet('b', 10)], tools);
  const created = change(undefined, {}, { operation: 'Create' });
  for (const refused of [false, true]) {
    const observed = anObservation({ change: created, workload, stable: [], refused });
    const at = (fresh: typeof crashed) => {
      const { status: next, action } = decide({ ...observed, fresh });
      return [next.phase, next.reason, action];
    };
    assert.deepEqual(at(pods('new', 10)), ['Success', 'Verified', undefined]);
    assert.deepEqual(at(crashed), ['Failed', 'CheckFailed', undefined]);
  }
});

test('a failure is acted on while the owner pauses a held change', () => {
  const held = aHeldDeployment(A, { tag: 'b', spec: { paused: true } });
  const workload = viewDeployment(held, [aReplicaSet('a', 9), aReplicaSet('b', 1)], tools);
  const at = (fresh: typeof crashed) =>
    decide(anObservation({ change: change(status('Running')), workload, fresh })).status;
  assert.equal(at(pods('new', 1, { ready: false })).reason, 'PausedByOwner');
  assert.equal(at(crashed).phase, 'RollingBack');
});
