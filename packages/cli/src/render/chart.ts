// SPDX-License-Identifier: Apache-2.0
import type { CheckResult } from '@altershield/api';
import { truncate } from './table.ts';
import type { View } from './style.ts';

type Metric = NonNullable<CheckResult['metric']>;
type Chart = Metric['charts'][number];

const BARS = '▁▂▃▄▅▆▇█';
/** Where the change begins. */
const CHANGE = '│';

/**
 * The series of a check: a line for the updated and one for the stable pods, each after the time
 * before the change and on the same scale.
 *
 * @example before ▁▁▂▁▁│▆▇█ 3.1 updated
 */
export function chartLines(metric: Metric, { paint, columns }: Pick<View, 'paint' | 'columns'>) {
  const of = (name: Chart['of']): readonly number[] =>
    metric.charts.find((chart) => chart.of === name)?.values ?? [];
  const [before, updated, stable] = [of('Before'), of('Updated'), of('Stable')];
  const all = [...before, ...updated, ...stable];
  if (all.length === 0) return [];
  const bars = barsFor(Math.min(...all), Math.max(...all));
  const width = Math.max(updated.length, stable.length);
  const line = (name: string, values: readonly number[]): string[] =>
    values.length === 0
      ? []
      : [
          `${name.padEnd(7)} ${paint('dim', `${bars(before.slice(-BEFORE_BARS))}${CHANGE}`)}${bars(values).padEnd(width)}  ${number(values.at(-1))}`,
        ];
  return [
    ...line('updated', updated),
    ...line('stable', stable),
    ...thresholdLine(metric, before, columns),
  ];
}

/** Both sides of the change fit in a terminal of 80 columns. */
const BEFORE_BARS = 24;

function thresholdLine(
  { threshold, from }: Metric,
  before: readonly number[],
  columns: number | undefined,
): string[] {
  const earlier = before.length === 0 ? '' : `before ${number(mean(before))}`;
  const limit =
    threshold === undefined
      ? ''
      : `threshold ${number(threshold)}${from === undefined ? '' : ` from ${from}`}`;
  const text = [earlier, limit].filter((part) => part !== '').join('; ');
  return text === '' ? [] : [columns === undefined ? text : truncate(text, columns * 2)];
}

const barsFor =
  (least: number, most: number) =>
  (values: readonly number[]): string =>
    values.map((value) => BARS[levelOf(value, least, most)]).join('');

const levelOf = (value: number, least: number, most: number): number =>
  most === least
    ? 0
    : Math.min(BARS.length - 1, Math.floor(((value - least) / (most - least)) * BARS.length));

const mean = (values: readonly number[]): number =>
  values.reduce((sum, value) => sum + value, 0) / values.length;

const UNITS: readonly (readonly [number, string])[] = [
  [1e12, 'T'],
  [1e9, 'G'],
  [1e6, 'M'],
  [1e4, 'k'],
];

/** Three significant digits. */
export function number(value: number | undefined): string {
  if (value === undefined) return '';
  const [unit = 1, suffix = ''] = UNITS.find(([size]) => Math.abs(value) >= size) ?? [];
  const scaled = suffix === 'k' ? value / 1000 : value / unit;
  return `${Number(scaled.toPrecision(3))}${suffix}`;
}
