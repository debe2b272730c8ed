// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { anObservation, aWorkload, NOW, pods } from '../testing/builders.ts';
import { change, rest, status } from '../testing/standings.ts';
import { decide } from './decide.ts';
import type { Observation } from './model.ts';
import { timeText } from './status.ts';

const HOUR = 3_600_000;
const running = change(status('Running'));
const at = (o: Partial<Observation>) => decide(anObservation({ change: running, ...o })).action;

test('a batch rests paused while it soaks', () => {
  const fresh = pods('new', 1, { readySince: NOW });
  const workload = { ...rest, paused: false };
  assert.deepEqual(at({ fresh, stable: pods('old', 9), workload }), { type: 'Pause' });
  assert.equal(at({ fresh, stable: pods('old', 9), workload: rest }), undefined);
});

test('what surged stays while the batch soaks', () => {
  const fresh = pods('new', 1, { readySince: NOW });
  const workload = aWorkload({ paused: false, bounds: { surge: 1, unavailable: 0 } });
  assert.deepEqual(at({ fresh, stable: pods('old', 10), workload }), { type: 'Pause' });
  const paused = { ...workload, paused: true };
  assert.equal(at({ fresh, stable: pods('old', 10), workload: paused }), undefined);
  const surplus = at({ fresh, stable: pods('old', 11), workload });
  assert.deepEqual(surplus, { type: 'SetBounds', bounds: { surge: 0, unavailable: 1 } });
});

test('what surged goes when the workload is scaled down and its owner’s surge with it', () => {
  const fresh = pods('new', 1, { readySince: NOW });
  const workload = aWorkload({ replicas: 4, bounds: { surge: 2, unavailable: 0 } });
  const scaled = (surge: number) =>
    at({
      fresh,
      stable: pods('old', 5),
      workload: { ...workload, user: { surge, unavailable: 1 } },
    });
  assert.equal(scaled(2), undefined);
  assert.deepEqual(scaled(1), { type: 'SetBounds', bounds: { surge: 0, unavailable: 1 } });
});

test('no more is let out while pods are still to go that the controller counts', () => {
  const revisions = [{ name: 'a', uid: 'a', fingerprint: 'a', replicas: 9 }];
  const stands = (surplus: number) =>
    at({
      fresh: [],
      workload: aWorkload({ revisions: revisions.map((r) => ({ ...r, surplus })) }),
    });
  assert.deepEqual([stands(0)?.type, stands(1)], ['SetBounds', undefined]);
});

test('bounds left from more replicas are closed before they let out more than the batch', () => {
  for (const bounds of [
    { surge: 2, unavailable: 0 },
    { surge: 0, unavailable: 2 },
    { surge: 1, unavailable: 1 },
  ]) {
    const workload = aWorkload({ paused: false, bounds });
    assert.deepEqual(at({ fresh: [], workload }), { type: 'Pause' }, JSON.stringify(bounds));
  }
  const exact = aWorkload({ paused: false, bounds: { surge: 1, unavailable: 0 } });
  assert.equal(at({ fresh: [], workload: exact }), undefined);
});

test('the deadline of a batch begins with the batch, however long the one before soaked', () => {
  const begun = timeText(NOW - HOUR);
  const soaked = pods('new', 1, { createdAt: NOW - HOUR, readySince: NOW - HOUR });
  const early = (s: ReturnType<typeof status>) => change(s, {}, { detectedAt: begun });
  const pace = { fresh: soaked, stable: pods('old', 9), workload: rest };
  const first = early(status('Running', { phaseSince: begun }));
  const moved = decide(anObservation({ ...pace, change: first })).status;
  assert.deepEqual([moved.batch?.index, moved.phaseSince], [2, timeText(NOW)]);
  const second = decide(anObservation({ ...pace, change: early(moved), now: NOW + 1000 }));
  assert.deepEqual([second.status.phase, second.action?.type], ['Running', 'SetBounds']);
});
