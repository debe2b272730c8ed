// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { KubeError } from '../errors/errors.ts';
import { silentLogger } from '../runtime/logger.ts';
import { VirtualScheduler } from '@altershield/testing/kube/virtual-scheduler';
import { Candidate } from '@altershield/testing/kube/candidate';
import { LeaderElector } from './elector.ts';
import { FakeLeaseServer, LeaseLine } from '@altershield/testing/kube/fake-lease-server';

function pair(): {
  clock: VirtualScheduler;
  server: FakeLeaseServer;
  a: Candidate;
  b: Candidate;
} {
  const clock = new VirtualScheduler();
  const server = new FakeLeaseServer();
  return {
    clock,
    server,
    a: new Candidate('a', server, clock),
    b: new Candidate('b', server, clock),
  };
}

test('the first candidate creates the lease and leads, the second stands by', async () => {
  const { clock, server, a, b } = pair();
  a.start();
  await clock.advance(10);
  b.start();
  await clock.advance(60_000);
  assert.equal(a.writes, true);
  assert.equal(b.writes, false);
  assert.deepEqual(b.history, ['sees a']);
  assert.equal(server.lease?.spec?.holderIdentity, 'a');
  assert.equal(server.lease.spec.leaseDurationSeconds, 15);
  assert.match(server.lease.spec.renewTime ?? '', /^2026-01-01T00:0[01]:\d\d\.\d{6}Z$/);
});

test('of two that start at once exactly one leads', async () => {
  const { clock, a, b } = pair();
  a.start();
  b.start();
  await clock.advance(5_000);
  assert.equal(Number(a.writes) + Number(b.writes), 1);
});

test('a clean stop hands over within the retry period', async () => {
  const { clock, server, a, b } = pair();
  a.start();
  await clock.advance(10);
  b.start();
  await clock.advance(30_000);
  a.stop();
  await clock.advance(10);
  assert.equal(a.ended, true);
  assert.equal(server.writes.at(-1), '');
  await clock.advance(2_500);
  assert.equal(b.writes, true);
  assert.equal(server.lease?.spec?.leaseTransitions, 1);
  assert.match(server.lease.spec.acquireTime ?? '', /^2026-01-01T00:00:3/);
});

test('the lease is kept while the work stops, and released after it', async () => {
  const { clock, server, a, b } = pair();
  a.windDownMs = 20_000;
  a.start();
  await clock.advance(10);
  b.start();
  await clock.advance(1_000);
  a.stop();
  await clock.advance(19_000);
  assert.equal(a.writes, false);
  assert.equal(b.writes, false);
  assert.equal(server.lease?.spec?.holderIdentity, 'a');
  await clock.advance(4_000);
  assert.equal(a.ended, true);
  assert.equal(b.writes, true);
});

test('a leader that is cut off stops 10 s after its last renewal, and its successor waits for 15', async () => {
  const { clock, a, b } = pair();
  a.start();
  await clock.advance(10);
  b.start();
  await clock.advance(30_000);
  a.line.weather.cut = true;
  await clock.advance(10_500);
  assert.equal(a.writes, false, 'stopped');
  assert.equal(b.writes, false, 'not yet');
  await clock.advance(8_000);
  assert.equal(b.writes, true);
  a.line.weather.cut = false;
  await clock.advance(60_000);
  assert.equal(a.writes, false, 'stands by again');
  assert.equal(a.history.at(-1), 'sees b');
});

test('a leader survives single lost renewals and a slow API server', async () => {
  const { clock, a } = pair();
  a.line.weather.maxDelayMs = 400;
  a.start();
  for (let i = 0; i < 20; i += 1) {
    await clock.advance(11_000);
    a.line.weather.cut = true;
    await clock.advance(2_400);
    a.line.weather.cut = false;
  }
  assert.equal(a.history.filter((line) => line.startsWith('leads')).length, 1);
  assert.equal(a.writes, true);
});

test('a response slower than the renew deadline does not elect a leader', async () => {
  const { clock, server, a } = pair();
  a.line.weather.maxDelayMs = 100_000;
  a.start();
  await clock.advance(600_000);
  assert.ok(server.writes.includes('a'), 'its requests did arrive');
  assert.deepEqual(
    a.history.filter((line) => line.startsWith('leads')),
    [],
  );
});

test('an edit of the lease by another client does not end the leadership', async () => {
  const { clock, server, a } = pair();
  a.start();
  await clock.advance(5_000);
  server.touch();
  await clock.advance(30_000);
  assert.equal(a.writes, true);
  assert.deepEqual(a.history, ['sees a', 'leads at 0 s']);
});

test('a leader whose lease is deleted stops at its next renewal and stands again', async () => {
  const { clock, server, a } = pair();
  a.start();
  await clock.advance(5_000);
  const first = a.work;
  server.remove();
  await clock.advance(2_500);
  assert.equal(first?.aborted, true);
  await clock.advance(5_000);
  assert.equal(a.writes, true);
});

test('a restarted process with the same identity acquires its lease at once', async () => {
  const { clock, server, a } = pair();
  a.start();
  await clock.advance(5_000);
  a.crash();
  const again = new Candidate('a', server, clock).start();
  await clock.advance(100);
  assert.equal(again.writes, true);
});

test("a failure of the leader's work releases the lease and ends the election with that error", async () => {
  const clock = new VirtualScheduler();
  const server = new FakeLeaseServer();
  const observed: boolean[] = [];
  const elector = new LeaderElector({
    client: new LeaseLine(server, clock),
    scheduler: clock,
    log: silentLogger,
    namespace: 'system',
    name: 'lock',
    identity: 'a',
    onStartedLeading: () => Promise.reject(new Error('no such table')),
    observe: (leading) => observed.push(leading),
  });
  const run = assert.rejects(elector.start(new AbortController().signal), /no such table/);
  await clock.advance(10_000);
  await run;
  assert.equal(server.lease?.spec?.holderIdentity, '');
  assert.deepEqual(observed, [false, true, false]);
});

test('a forbidden lease is logged with the missing permissions', async () => {
  const clock = new VirtualScheduler();
  const logged: unknown[] = [];
  const deny = (): Promise<never> =>
    Promise.reject(new KubeError({ doing: 'GET lease', status: 403 }));
  const elector = new LeaderElector({
    client: { get: deny, create: deny, patch: deny },
    scheduler: clock,
    log: { ...silentLogger, error: (message, fields) => logged.push([message, fields?.['hint']]) },
    namespace: 'system',
    name: 'lock',
    identity: 'a',
    onStartedLeading: () => assert.fail('leads'),
  });
  void elector.start(new AbortController().signal);
  await clock.advance(1000);
  assert.deepEqual(logged, [
    ['failed to use the lease', 'allow get, create and patch of leases in namespace system'],
  ]);
});

test('durations without a margin are rejected with the broken rule', () => {
  const options = {
    client: new LeaseLine(new FakeLeaseServer(), new VirtualScheduler()),
    scheduler: new VirtualScheduler(),
    log: silentLogger,
    namespace: 'system',
    name: 'lock',
    identity: 'a',
    onStartedLeading: () => Promise.resolve(),
  };
  assert.throws(() => new LeaderElector({ ...options, renewDeadlineMs: 15_000 }), /must exceed/);
  assert.throws(() => new LeaderElector({ ...options, retryPeriodMs: 9_000 }), /must exceed/);
  assert.throws(() => new LeaderElector({ ...options, identity: '' }), /identity/);
});
