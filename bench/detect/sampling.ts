// SPDX-License-Identifier: Apache-2.0
/** Good and bad changes made of recorded noise, with a fixed seed. */
import { seeded, type Random } from '@altershield/testing/noise';
import { historySamples, type RecordedSeries, type Trial } from './trial.ts';

const MIN_HISTORY = 300;

/**
 * Times at which nothing was changed and no expert saw an anomaly shortly before or after, as many of
 * each series.
 */
export function goodChanges(
  recorded: readonly RecordedSeries[],
  { count, samples, seed }: { count: number; samples: number; seed: number },
): Trial[] {
  const random = seeded(seed);
  return Array.from({ length: count }, (_, i) => recorded[i % recorded.length]).flatMap((series) =>
    series === undefined ? [] : (pick(series, samples, random) ?? []),
  );
}

function pick(series: RecordedSeries, samples: number, random: Random): Trial | undefined {
  const { values, stepSeconds, name } = series;
  for (let attempt = 0; attempt < 200; attempt++) {
    const room = values.length - samples - MIN_HISTORY;
    const at = MIN_HISTORY + Math.floor(random() * room);
    if (!isQuiet(series, at - 60, at + samples)) continue;
    const before = values.subarray(Math.max(0, at - historySamples(stepSeconds)), at);
    return {
      series: name,
      isBad: false,
      stepSeconds,
      before,
      after: values.subarray(at, at + samples),
    };
  }
  return undefined;
}

const isQuiet = ({ isAnomaly, values }: RecordedSeries, from: number, to: number): boolean =>
  !isAnomaly.subarray(from, to).includes(1) &&
  values.subarray(from, to).filter(Number.isFinite).length > 0.9 * (to - from);

/**
 * The same changes with a fault in them: from a random sample on, the level shifts by three to ten
 * robust deviations, or by half to four times the level, whichever is more.
 */
export function badChanges(good: readonly Trial[], seed: number): Trial[] {
  const random = seeded(seed);
  return good.map((trial) => {
    const start = Math.floor((random() * trial.after.length) / 3);
    const shift = sizeOf(trial, random) * (random() < 0.8 ? 1 : -1);
    const after = trial.after.map((value, i) => (i < start ? value : value + shift));
    return { ...trial, isBad: true, after };
  });
}

function sizeOf({ before }: Trial, random: Random): number {
  const recent = before.subarray(-60).filter(Number.isFinite).toSorted();
  const at = (q: number): number => recent[Math.floor(q * (recent.length - 1))] ?? 0;
  const deviation = (at(0.84) - at(0.16)) / 2;
  return Math.max((3 + 7 * random()) * deviation, 0.5 * random() * Math.abs(at(0.5)), 1e-6);
}
