// SPDX-License-Identifier: Apache-2.0
/** The cases of Kayenta's own tests (Apache-2.0), with its data and its answers. */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import {
  classify,
  KAYENTA_DEFAULTS,
  kayentaScore,
  type Classification,
  type KayentaSettings,
} from './kayenta.ts';
import { shiftInterval } from './mann-whitney.ts';

interface Recorded {
  readonly classifications: readonly {
    readonly name: string;
    readonly experiment: readonly (number | null)[];
    readonly control: readonly (number | null)[];
    readonly settings: Partial<KayentaSettings>;
    readonly classification: Classification;
    readonly isCritical?: boolean;
  }[];
  readonly intervals: readonly {
    readonly name: string;
    readonly experiment: readonly number[];
    readonly control: readonly number[];
    readonly confidence: number;
    readonly interval: readonly [number, number];
    readonly estimate: number;
  }[];
}

const recorded: Recorded = JSON.parse(
  readFileSync(new URL('kayenta.recorded.json', import.meta.url), 'utf8'),
);

const samples = (values: readonly (number | null)[]): Float64Array =>
  Float64Array.from(values, (value) => value ?? NaN);

for (const { name, experiment, control, settings, ...expected } of recorded.classifications) {
  test(`Kayenta classifies "${name}" as ${expected.classification}`, () => {
    const all = { ...KAYENTA_DEFAULTS, ...settings };
    const result = classify(samples(experiment), samples(control), all);
    assert.deepEqual({ ...result, ...expected }, result);
  });
}

const TOLERANCE = 1e-6;

for (const { name, experiment, control, confidence, interval, estimate } of recorded.intervals) {
  test(`the interval of "${name}" is that of R`, () => {
    const quantile = confidence === 0.98 ? 2.3263478740408408 : 1.959963984540054;
    const result = shiftInterval(samples(experiment), samples(control), quantile);
    const distances = [
      Math.abs((result?.low ?? NaN) - interval[0]),
      Math.abs((result?.high ?? NaN) - interval[1]),
      // Kayenta's own tests allow as much for the estimate.
      Math.abs((result?.estimate ?? NaN) - estimate) / 100,
    ];
    assert.ok(
      distances.every((d) => d <= TOLERANCE),
      JSON.stringify({ result, interval, estimate }),
    );
  });
}

const results = (...list: readonly [group: string, classification: Classification][]) =>
  list.map(([group, classification]) => ({ group, classification, isCritical: false }));

const SCORES: readonly (readonly [string, ReturnType<typeof results>, number, object?])[] = [
  ['a metric that passes', results(['a', 'Pass']), 100],
  ['a metric that is high', results(['a', 'High']), 0],
  ['a metric without data', results(['a', 'Nodata']), 0],
  ['a group without data', results(['a', 'Pass'], ['a', 'Pass'], ['b', 'Nodata']), 100],
  ['half of a group', results(['a', 'Pass'], ['a', 'High']), 50],
  ['a third of a group', results(['a', 'High'], ['a', 'Low'], ['a', 'Pass']), 33.33],
  ['two groups', results(['a', 'Pass'], ['b', 'High']), 50],
  ['weighted groups', results(['a', 'Pass'], ['b', 'High']), 75, { a: 75, b: 25 }],
  ['the rest of the weight', results(['a', 'High'], ['b', 'Pass'], ['c', 'Pass']), 40, { a: 60 }],
];

for (const [name, list, score, weights] of SCORES) {
  test(`Kayenta's score of ${name} is ${score}`, () => {
    assert.equal(kayentaScore(list, { ...weights }), score);
  });
}

test("a critical failure makes Kayenta's score zero", () => {
  const list = [
    ...results(['a', 'Pass']),
    { group: 'a', classification: 'High', isCritical: true } as const,
  ];
  assert.equal(kayentaScore(list), 0);
});
