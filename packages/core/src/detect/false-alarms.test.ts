// SPDX-License-Identifier: Apache-2.0
/**
 * Changes without any effect, on noise whose samples depend on each other, asked for a verdict after
 * every sample: the first failure stops the change.
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { autoregressive, seeded, type Random } from '@altershield/testing/noise';
import { comparison } from './comparison.ts';
import type { Detector, DetectorInput, Series } from './detector.ts';
import { kSigma } from './k-sigma.ts';

const PHIS = [0, 0.3, 0.6, 0.8, 0.9];

interface Plan {
  readonly history: number;
  readonly samples: number;
  readonly stable?: number;
}

/** A good change: one series of noise, cut where the change would be. */
function goodChange({ history, samples, stable = 0 }: Plan, phi: number, random: Random) {
  const noise = (length: number): Float64Array =>
    autoregressive(length, phi, random).map((x) => 100 + x);
  const all = noise(history + samples);
  const pods = Array.from({ length: stable }, () => noise(samples));
  return (looked: number): DetectorInput => ({
    ...{ kind: 'Service', worse: 'Both', stepSeconds: 60, plannedSamples: samples },
    minEffect: { absolute: 0, relative: 0 },
    before: series(all.subarray(0, history)),
    updated: series(all.subarray(history, history + looked)),
    stable: pods.map((values) => ({ name: 'stable', values: values.subarray(0, looked) })),
  });
}

const series = (values: Float64Array): Series[] =>
  values.length === 0 ? [] : [{ name: 'updated', values }];

const isStopped = (detector: Detector, at: (looked: number) => DetectorInput, samples: number) =>
  Array.from({ length: samples }, (_, i) => i + 1).some(
    (looked) => detector.judge(at(looked)).verdict === 'Fail',
  );

function stopped(detector: Detector, plan: Plan, phi: number, trials: number): number {
  const random = seeded(1000 * phi + plan.history);
  return Array.from({ length: trials }, () => goodChange(plan, phi, random)).filter((change) =>
    isStopped(detector, change, plan.samples),
  ).length;
}

/** The upper end of Wilson's 95 % interval for a share. */
function upperBound(hits: number, trials: number): number {
  const [z, p] = [1.96, hits / trials];
  const spread = z * Math.sqrt((p * (1 - p)) / trials + z ** 2 / (4 * trials ** 2));
  return (p + z ** 2 / (2 * trials) + spread) / (1 + z ** 2 / trials);
}

const PLANS: readonly (readonly [string, Plan, trials: number])[] = [
  ['an hour of history', { history: 60, samples: 20 }, 400],
  ['a day of history', { history: 1500, samples: 10 }, 200],
  ['four stable pods and no history', { history: 0, samples: 20, stable: 4 }, 400],
];

for (const [name, plan, trials] of PLANS) {
  test(`with ${name}, looking after every sample stops at most 1 % of good changes`, () => {
    const hits = PHIS.map((phi) => stopped(comparison, plan, phi, trials));
    const sum = hits.reduce((a, b) => a + b, 0);
    assert.ok(upperBound(sum, trials * PHIS.length) <= 0.01, `${hits.join()} of ${trials} each`);
    assert.ok(
      hits.every((n) => n <= 0.02 * trials),
      `${hits.join()} of ${trials} each`,
    );
  });
}

test('the three-sigma rule, asked after every sample, stops more', () => {
  const hits = stopped(kSigma({ sigmas: 3, inARow: 2 }), { history: 60, samples: 20 }, 0.9, 200);
  assert.ok(hits > 0.05 * 200, `${hits} of 200`);
});

test('a later look never takes a statistic or a failure back', () => {
  const random = seeded(3);
  for (const phi of PHIS) {
    for (const history of [0, 60, 700]) {
      const plan = { history, samples: 20, stable: 4 };
      const change = goodChange(plan, phi, random);
      const looks = Array.from({ length: 20 }, (_, i) => comparison.judge(change(i + 1)));
      const statistics = looks.map(({ statistic }) => statistic);
      assert.deepEqual(
        statistics,
        statistics.toSorted((a, b) => a - b),
      );
    }
  }
});
