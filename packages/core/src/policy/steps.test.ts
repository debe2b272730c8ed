// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { STRATEGIES, changePolicySpec } from '@altershield/api';
import fc from 'fast-check';
import type * as z from 'zod';
import { misfit, stepsFor, type Step } from './steps.ts';
import type { Strategy } from './strategy.ts';

type Written = NonNullable<z.input<typeof changePolicySpec>['release']>;

const releaseOf = (release: Written) => changePolicySpec.parse({ release }).release;

const steps = (written: Written, size: number, strategy: Strategy = 'Batch') =>
  stepsFor(releaseOf(written), strategy, { size, isAllOrNothing: false });

const targets = (all: readonly Step[]): number[] => all.map(({ target }) => target);

test('batches are counts or percentages of the size, and the rest follows the last', () => {
  assert.deepEqual(targets(steps({}, 10)), [1, 3, 10]);
  assert.deepEqual(targets(steps({ batches: [2, '50%'] }, 10)), [2, 5, 10]);
  assert.deepEqual(targets(steps({ batches: [2, 10] }, 10)), [2, 10]);
  assert.deepEqual(targets(steps({ batches: ['1%'] }, 7)), [1, 7]);
});

test('by topology, a batch ends when only later domains have stable pods', () => {
  const zones = (...stable: readonly number[]) =>
    stable.map((count, i) => ({ name: `zone-${i}`, stable: count }));
  const by = (size: number, ...stable: readonly number[]) =>
    stepsFor(releaseOf({ topologyKey: 'zone' }), 'Batch', {
      ...{ size, isAllOrNothing: false },
      domainsOf: () => zones(...stable),
    });
  assert.deepEqual(targets(by(6, 2, 3, 1)), [2, 5, 6]);
  assert.deepEqual(targets(by(6, 0, 1, 1)), [4, 5, 6]);
  assert.deepEqual(targets(by(6, 0, 5, 1)), [0, 5, 6]);
  assert.deepEqual(
    by(3, 2, 1).map(({ domain }) => domain),
    ['zone-0', 'zone-1'],
  );
  const many = by(30, ...Array.from({ length: 30 }, () => 1));
  assert.deepEqual([many.length, many.at(-2)?.target, many.at(-1)?.target], [21, 20, 30]);
});

test('without a node that has its label, a release by topology is a misfit', () => {
  const release = releaseOf({ topologyKey: 'zone' });
  const of = (...names: readonly string[]) =>
    misfit(release, 'Batch', {
      ...{ size: 3, isAllOrNothing: false },
      domainsOf: () => names.map((name) => ({ name, stable: 1 })),
    });
  assert.equal(of('a', ''), undefined);
  assert.match(of('') ?? '', /no node has the label zone/);
  assert.equal(misfit(release, 'Batch', { size: 3, isAllOrNothing: false }), undefined);
});

test('a step that releases nothing more has the number that its user gave it', () => {
  const all = steps({}, 2);
  assert.deepEqual(targets(all), [1, 1, 2]);
  assert.deepEqual(
    steps({}, 1).map(({ isLast }) => isLast),
    [true, true, true],
  );
});

test('Canary is a small step, then all; Rolling is one', () => {
  const canary = { pods: '10%', observeSeconds: 600 };
  const [first, second] = steps({ strategy: 'Canary', canary }, 30, 'Canary');
  assert.deepEqual([first?.target, first?.soakSeconds, first?.isLast], [3, 600, false]);
  assert.deepEqual([second?.target, second?.soakSeconds, second?.isLast], [30, 10, true]);
  assert.deepEqual(targets(steps({ strategy: 'Canary' }, 5, 'Canary')), [1, 5]);
  assert.deepEqual(targets(steps({}, 5, 'Rolling')), [5]);
});

test('BlueGreen is all pods beside the stable ones, then the switch', () => {
  const [beside, last] = steps({ strategy: 'BlueGreen', soakSeconds: 5 }, 4, 'BlueGreen');
  assert.deepEqual([beside?.target, beside?.traffic, beside?.isLast], [4, 'Stable', false]);
  assert.deepEqual([last?.target, last?.traffic, last?.isLast], [4, 'Updated', true]);
  assert.deepEqual([beside?.soakSeconds, last?.soakSeconds], [5, 300]);
});

test('each step has its own settings, or those of the release', () => {
  const [first, second, third] = steps(
    {
      soakSeconds: 30,
      deadlineSeconds: 900,
      steps: [{ step: 2, soakSeconds: 60, deadlineSeconds: 120, pauseAfter: true }],
    },
    10,
  );
  const settings = (step: Step | undefined) => [
    step?.soakSeconds,
    step?.deadlineSeconds,
    step?.pauseAfter,
  ];
  assert.deepEqual(settings(first), [30, 900, false]);
  assert.deepEqual(settings(second), [60, 120, true]);
  assert.deepEqual(settings(third), [30, 900, false]);
});

test('the pause and the soak of a skipped step are kept', () => {
  const own = { steps: [{ step: 2, soakSeconds: 600, pauseAfter: true }] };
  const [first] = steps(own, 2);
  assert.deepEqual([first?.soakSeconds, first?.pauseAfter], [600, true]);
  const rest = { batches: [1, 5], steps: [{ step: 3, pauseAfter: true }] };
  assert.deepEqual(
    steps(rest, 5).map(({ pauseAfter }) => pauseAfter),
    [false, true],
  );
  const [only] = stepsFor(releaseOf(own), 'Batch', { size: 9, isAllOrNothing: true });
  assert.deepEqual([only?.target, only?.total, only?.pauseAfter], [9, 1, true]);
});

test('a step has its weight while stable pods are left, and the smallest of those done at once', () => {
  const settings = {
    batches: [1, '30%', '100%'],
    steps: [10, 50].map((weight, i) => ({ step: i + 1, weight })),
  };
  const weights = (size: number) => steps(settings, size).map(({ weight }) => weight);
  assert.deepEqual(weights(10), [10, 50, undefined]);
  assert.deepEqual(weights(2), [10, 50, undefined]);
  assert.deepEqual(weights(1), [undefined, undefined, undefined]);
  const [only] = stepsFor(releaseOf(settings), 'Batch', { size: 9, isAllOrNothing: true });
  assert.equal(only?.weight, undefined);
});

test('weights need what can split requests', () => {
  const release = releaseOf({ steps: [{ step: 1, weight: 10 }] });
  const of = (workload: object): string | undefined =>
    misfit(release, 'Batch', { size: 5, isAllOrNothing: false, ...workload });
  assert.equal(of({ weightProblem: () => undefined }), undefined);
  assert.equal(of({ weightProblem: () => 'no route' }), 'no route');
  assert.match(of({}) ?? '', /its kind cannot be split/);
  assert.match(of({ isAllOrNothing: true }) ?? '', /replaced at once/);
  assert.equal(misfit(releaseOf({}), 'Batch', { size: 5, isAllOrNothing: true }), undefined);
});

test('a change that is not held neither pauses nor waits for approval', () => {
  const own = { step: 1, pauseAfter: true, approval: {} };
  const [only] = steps({ steps: [own], approval: {} }, 5, 'Rolling');
  assert.deepEqual([only?.pauseAfter, only?.approval], [false, undefined]);
});

test('a step has its own approval, or that of the release', () => {
  const from = (group: string) => ({ from: [{ group }] });
  const settings = { approval: from('sre'), steps: [{ step: 3, approval: from('security') }] };
  const groups = (size: number) =>
    steps(settings, size).map(({ approval }) => approval?.from?.map(({ group }) => group));
  assert.deepEqual(groups(10), [['sre'], ['sre'], ['security']]);
  assert.deepEqual(groups(1)[0], ['sre', 'security']);
});

test('steps that are done at once need the approval of each of them', () => {
  const rules = [
    { from: [{ group: 'sre', count: 2 }], expiresSeconds: 60, allowAuthor: true },
    { from: [{ group: 'sre' }, { group: 'security' }], expiresSeconds: 600, allowAuthor: false },
  ];
  const own = rules.map((approval, i) => ({ step: i + 1, approval }));
  const [first] = steps({ steps: own }, 2);
  assert.deepEqual(first?.approval, {
    before: 'Batch',
    from: [
      { group: 'sre', count: 2 },
      { group: 'security', count: 1 },
    ],
    expiresSeconds: 60,
    allowAuthor: false,
  });
  assert.equal(first.number, 2);
});

test('steps of any strategy ascend, end with all pods, and are numbered without a gap', () => {
  const batch = fc.oneof(
    fc.integer({ min: 1, max: 200 }),
    fc.integer({ min: 1, max: 100 }).map((n) => `${n}%`),
  );
  const input = fc.record({
    batches: fc.array(batch, { minLength: 1, maxLength: 20 }),
    size: fc.nat(300),
    isAllOrNothing: fc.boolean(),
    strategy: fc.constantFrom(...STRATEGIES),
  });
  fc.assert(
    fc.property(input, ({ batches, strategy, ...workload }) => {
      const all = stepsFor(releaseOf({ batches }), strategy, workload);
      assert.equal(all.at(-1)?.target, workload.size);
      assert.equal(all.at(-1)?.isLast, true);
      all.forEach((step, i) => {
        assert.deepEqual([step.index, step.total], [i + 1, all.length]);
        assert.equal(step.previous, all[i - 1]?.target ?? 0);
        assert.ok(step.target >= step.previous);
        const { traffic = 'Updated' } = step;
        assert.equal(step.isLast, step.target === workload.size && traffic === 'Updated');
      });
    }),
  );
});

test('a canary that would be the whole workload is no canary', () => {
  const of = (pods: number | string, size: number, isAllOrNothing = false) =>
    misfit(releaseOf({ strategy: 'Canary', canary: { pods } }), 'Canary', { size, isAllOrNothing });
  assert.equal(of(1, 2), undefined);
  assert.match(of(1, 1) ?? '', /canary of 1 would be the whole workload \(1\).*scale/);
  assert.match(of('60%', 1) ?? '', /whole workload/);
  assert.match(of(1, 5, true) ?? '', /all pods are replaced at once/);
});
