// SPDX-License-Identifier: Apache-2.0
import { seeded } from '@altershield/testing/noise';
import type { Judged } from './methods.ts';

export interface Interval {
  readonly value: number;
  readonly low: number;
  readonly high: number;
}

export interface Score {
  readonly precision: number;
  readonly recall: Interval;
  readonly f1: number;
  readonly falseAlarms: Interval;
  readonly medianDelay: number;
}

export function score(
  judged: readonly Judged[],
  isStopped: (j: Judged) => boolean = (j) => j.isStopped,
): Score {
  const [bad, good] = [judged.filter(isBad), judged.filter((j) => !isBad(j))];
  const hits = bad.filter(isStopped);
  const alarms = good.filter(isStopped).length;
  const precision = hits.length / (hits.length + alarms);
  const recall = share(bad, isStopped);
  const delays = hits.map(({ delay }) => delay).sort((a, b) => a - b);
  return {
    ...{ precision, recall },
    f1: (2 * precision * recall.value) / (precision + recall.value),
    falseAlarms: share(good, isStopped),
    medianDelay: delays[delays.length >> 1] ?? NaN,
  };
}

const isBad = ({ trial }: Judged): boolean => trial.isBad;

/** The threshold above which at most this share of good changes lies. */
export function thresholdFor(judged: readonly Judged[], falseAlarms: number): number {
  const good = judged
    .filter((j) => !isBad(j))
    .map(({ statistic }) => statistic)
    .sort((a, b) => a - b);
  return good[Math.ceil((1 - falseAlarms) * good.length) - 1] ?? NaN;
}

const RESAMPLES = 1000;

/**
 * A share with its 95 % interval: the wider of Wilson's, for independent trials, and of a bootstrap
 * over series, as the trials of one series are alike.
 */
export function share(judged: readonly Judged[], isHit: (j: Judged) => boolean): Interval {
  const hits = judged.filter(isHit).length;
  const value = hits / judged.length;
  const wilson = wilsonOf(value, judged.length);
  const shares = resampled(judged, isHit);
  const at = (q: number): number => shares[Math.floor(q * (shares.length - 1))] ?? NaN;
  return {
    value,
    low: Math.min(wilson.low, at(0.025)),
    high: Math.max(wilson.high, at(0.975)),
  };
}

function wilsonOf(p: number, n: number): { low: number; high: number } {
  const z = 1.96;
  const center = p + z ** 2 / (2 * n);
  const spread = z * Math.sqrt((p * (1 - p)) / n + z ** 2 / (4 * n ** 2));
  const scale = 1 + z ** 2 / n;
  return { low: Math.max(0, (center - spread) / scale), high: (center + spread) / scale };
}

function resampled(judged: readonly Judged[], isHit: (j: Judged) => boolean): number[] {
  const random = seeded(17);
  const clusters = new Map<string, { hits: number; count: number }>();
  for (const j of judged) {
    const cluster = clusters.get(j.trial.series) ?? { hits: 0, count: 0 };
    cluster.count++;
    if (isHit(j)) cluster.hits++;
    clusters.set(j.trial.series, cluster);
  }
  const list = [...clusters.values()];
  return Array.from({ length: RESAMPLES }, () => {
    let [hits, count] = [0, 0];
    for (let i = 0; i < list.length; i++) {
      const drawn = list[Math.floor(random() * list.length)];
      hits += drawn?.hits ?? 0;
      count += drawn?.count ?? 0;
    }
    return hits / count;
  }).sort((a, b) => a - b);
}
