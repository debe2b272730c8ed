// SPDX-License-Identifier: Apache-2.0
/**
 * Reads the public data sets from copies of their repositories. Kontrast and ChangeRCA have no
 * license: they are read from a path and are not part of this repository.
 */
import { existsSync, globSync, readFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { historySamples, type RecordedSeries, type Trial } from './trial.ts';

const rowsOf = (file: string): string[][] =>
  readFileSync(file, 'utf8')
    .trim()
    .split(/\r?\n/)
    .slice(1)
    .map((line) => line.replaceAll('"', '').split(','));

/** The sets write UTC as `2018-07-03 14:00:00`, or with a T and a Z. */
const secondsOf = (time: string): number =>
  Date.parse(`${time.replace(' ', 'T').replace(/Z$/, '')}Z`) / 1000;

/** On a regular grid; a time without a sample is NaN. */
function onGrid(points: ReadonlyMap<number, number>, step: number): Float64Array {
  const times = [...points.keys()].sort((a, b) => a - b);
  const first = times[0] ?? 0;
  const length = Math.round(((times.at(-1) ?? first) - first) / step) + 1;
  const values = new Float64Array(length).fill(NaN);
  for (const [time, value] of points) values[Math.round((time - first) / step)] = value;
  return values;
}

function stepOf(times: readonly number[]): number {
  const steps = times.slice(1).map((time, i) => time - (times[i] ?? NaN));
  return steps.sort((a, b) => a - b)[steps.length >> 1] ?? 60;
}

function recorded(
  name: string,
  rows: readonly (readonly [time: number, value: number, isAnomaly: boolean])[],
): RecordedSeries {
  const stepSeconds = stepOf(rows.map(([time]) => time));
  const values = onGrid(new Map(rows.map(([time, value]) => [time, value])), stepSeconds);
  const labels = onGrid(new Map(rows.map(([time, , bad]) => [time, bad ? 1 : 0])), stepSeconds);
  return { name, stepSeconds, values, isAnomaly: Uint8Array.from(labels, (x) => (x > 0 ? 1 : 0)) };
}

/** microsoft/cloud-monitoring-dataset (MIT): the series with a sample a minute. */
export function readMicrosoft(path: string): RecordedSeries[] {
  return globSync(join(path, 'data/*/*.csv'))
    .sort()
    .map((file) =>
      recorded(
        basename(file, '.csv'),
        rowsOf(file).map(
          ([time = '', value = '', label = '']) =>
            [...[secondsOf(time), Number(value)], label === '1'] as [number, number, boolean],
        ),
      ),
    )
    .filter(({ stepSeconds }) => stepSeconds === 60);
}

/** numenta/NAB (MIT): metrics of AWS CloudWatch, a sample every five minutes. */
export function readNab(path: string): RecordedSeries[] {
  const windows: Record<string, [string, string][]> = JSON.parse(
    readFileSync(join(path, 'labels/combined_windows.json'), 'utf8'),
  );
  return globSync(join(path, 'data/realAWSCloudwatch/*.csv'))
    .sort()
    .map((file) => {
      const spans = (windows[`realAWSCloudwatch/${basename(file)}`] ?? []).map(
        ([from, to]) => [secondsOf(from), secondsOf(to)] as const,
      );
      return recorded(
        basename(file, '.csv'),
        rowsOf(file).map(([at = '', value = '']) => {
          const time = secondsOf(at);
          return [time, Number(value), spans.some(([from, to]) => time >= from && time <= to)];
        }),
      );
    });
}

/** NetManAIOps/kontrast: 368 changes of one metric each, half of them bad. */
export function readKontrast(path: string, samples: number): Trial[] {
  return rowsOf(join(path, 'dataset/config/aiops2018.csv')).flatMap((row) => {
    const [instance = '', metric = '', , end = '', label = ''] = row;
    const file = join(path, `dataset/data/aiops2018/${instance}$${metric}.csv`);
    if (!existsSync(file)) return [];
    const points = new Map(rowsOf(file).map(([time, value]) => [Number(time), Number(value)]));
    const values = onGrid(points, 60);
    const first = Math.min(...points.keys());
    const at = Math.ceil((Number(end) - first) / 60);
    return [
      {
        ...{ series: metric, isBad: label === '1', stepSeconds: 60 },
        before: values.subarray(Math.max(0, at - historySamples(60)), at),
        after: values.subarray(at, at + samples),
      },
    ];
  });
}

/** The samples in this repository; see samples/README.md. */
export function readSamples(): RecordedSeries[] {
  return globSync(join(import.meta.dirname, 'samples/*.csv'))
    .sort()
    .map((file) => {
      const [name = '', step = ''] = basename(file, 's.csv').split('.');
      const rows = rowsOf(file);
      return {
        ...{ name, stepSeconds: Number(step) },
        values: Float64Array.from(rows, ([value]) => Number(value)),
        isAnomaly: Uint8Array.from(rows, ([, label]) => (label === '1' ? 1 : 0)),
      };
    });
}
