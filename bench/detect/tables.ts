// SPDX-License-Identifier: Apache-2.0
import type { Table } from '../support/table.ts';
import { judge, lookOnce, METHODS, type Judged, type Method } from './methods.ts';
import type { Sets } from './read.ts';
import { badChanges, goodChanges } from './sampling.ts';
import { score, share, thresholdFor, type Interval } from './score.ts';
import type { Release } from './changerca.ts';
import type { Trial } from './trial.ts';

interface Section {
  readonly title: string;
  readonly table: Table;
  readonly note: string;
}

/** How long a batch is watched: samples after the change. */
const WINDOWS = [15, 30];
const SIGNALS = 6;

export function measure(sets: Sets, count: number, say: (line: string) => void): Section[] {
  const runs = WINDOWS.flatMap((samples) => runAll(sets, { samples, count }, say));
  say('good changes with several signals');
  return [
    shipped(runs),
    ...(sets.labeled.size > 0 && sets.noise.size > 0 ? [transfer(runs)] : []),
    changes(sets, count),
    ...(sets.releases.length > 0 ? [staged(sets.releases)] : []),
  ];
}

interface Run {
  readonly method: Method;
  readonly set: string;
  readonly isNoise: boolean;
  readonly samples: number;
  readonly judged: readonly Judged[];
  /** Of processor time, per series and look. */
  readonly milliseconds: number;
}

function runAll(
  sets: Sets,
  { samples, count }: { samples: number; count: number },
  say: (line: string) => void,
): Run[] {
  const noise = [...sets.noise].map(([set, recorded], i) => {
    const good = goodChanges(recorded, { count, samples, seed: 100 + i });
    return { set, isNoise: true, trials: [...good, ...badChanges(good, 200 + i)] };
  });
  const labeled = [...sets.labeled].map(([set, read]) => {
    return { set, isNoise: false, trials: read(samples) };
  });
  return [...noise, ...labeled].flatMap(({ set, isNoise, trials }) =>
    METHODS.map((method) => {
      say(`${set}, ${samples} samples: ${method.name}`);
      const judged = trials.map((trial) => judge(method, trial));
      return { method, set, isNoise, samples, judged, milliseconds: costOf(method, trials) };
    }),
  );
}

/** The median over batches of one look at each, warmed up. */
function costOf(method: Method, trials: readonly Trial[]): number {
  const batch = trials.slice(0, 50);
  const times = Array.from({ length: 7 }, () => {
    const began = process.cpuUsage();
    for (const trial of batch) lookOnce(method, trial);
    const { user, system } = process.cpuUsage(began);
    return (user + system) / 1000 / batch.length;
  });
  return times.sort((a, b) => a - b)[3] ?? NaN;
}

function shipped(runs: readonly Run[]): Section {
  const rows = runs.map(({ set, samples, method, judged, milliseconds }) => {
    const { precision, recall, f1, falseAlarms, medianDelay } = score(judged);
    return [
      ...[`${set}, n = ${samples}`, method.name, percent(precision), interval(recall)],
      ...[f1.toFixed(3), interval(falseAlarms), number(medianDelay), milliseconds.toFixed(2)],
    ];
  });
  const head = ['Set', 'Method', 'Precision', 'Recall', 'F1', 'False alarms', 'Delay', 'ms'];
  return {
    title: 'As shipped, asked after every sample',
    table: { head, rows },
    note: 'Shares in percent with their 95 % intervals; the delay is the median in samples; ms is processor time per series and look.',
  };
}

const AIMS = [0.01, 0.02];

/** The threshold of each method from one kind of data, and its score on the other. */
function transfer(runs: readonly Run[]): Section {
  const rows = WINDOWS.flatMap((samples) =>
    METHODS.filter(({ isTunable }) => isTunable).flatMap((method) => {
      const of = (isNoise: boolean): Judged[] =>
        runs
          .filter((r) => r.isNoise === isNoise && r.samples === samples && r.method === method)
          .flatMap(({ judged }) => judged);
      return [
        transferRow(`noise to labeled, n = ${samples}`, method.name, of(true), of(false)),
        transferRow(`labeled to noise, n = ${samples}`, method.name, of(false), of(true)),
      ];
    }),
  );
  const columns = AIMS.flatMap((aim) => [`F1 at ${aim * 100} %`, 'Recall', 'False alarms']);
  return {
    title: 'Thresholds chosen on other data than scored',
    table: { head: ['From and to', 'Method', ...columns], rows },
    note: 'The threshold is the one that stops 1 % or 2 % of the good changes of the first kind of data; the score is on the second.',
  };
}

function transferRow(
  name: string,
  method: string,
  from: readonly Judged[],
  to: readonly Judged[],
): string[] {
  const cells = AIMS.flatMap((aim) => {
    const threshold = thresholdFor(from, aim);
    const { f1, recall, falseAlarms } = score(to, (j) => j.statistic > threshold);
    return [f1.toFixed(3), interval(recall), interval(falseAlarms)];
  });
  return [name, method, ...cells];
}

/** Good changes that are judged on several signals at once: any of them stops the change. */
function changes(sets: Sets, count: number): Section {
  const recorded = [...sets.noise.values()].flat();
  const rows = WINDOWS.flatMap((samples) => {
    const trials = goodChanges(recorded, { count: count * SIGNALS, samples, seed: 300 });
    const groups = Array.from({ length: Math.floor(trials.length / SIGNALS) }, (_, i) =>
      trials.slice(i * SIGNALS, (i + 1) * SIGNALS),
    );
    return METHODS.filter(({ isMonotone }) => isMonotone).map((method) => {
      const judged = groups.map((group) => worst(group.map((t) => judge(method, t, SIGNALS))));
      return [
        `n = ${samples}`,
        method.name,
        String(judged.length),
        interval(share(judged, stopped)),
      ];
    });
  });
  return {
    title: `Good changes with ${SIGNALS} signals each`,
    table: { head: ['Samples', 'Method', 'Changes', 'Stopped'], rows },
    note: 'Each signal is another series of recorded noise at another time; the first signal that fails at any look stops the change.',
  };
}

/** Releases of which every signal of the first batch is judged, once. */
function staged(releases: readonly Release[]): Section {
  const rows = METHODS.map((method) => {
    const judged = releases.map((release) => judgeRelease(method, release));
    const { precision, recall, f1, falseAlarms } = score(judged);
    return [
      method.name,
      percent(precision),
      interval(recall),
      f1.toFixed(3),
      interval(falseAlarms),
    ];
  });
  return {
    title: 'ChangeRCA: releases with updated and stable pods, at most ten samples, one look',
    table: { head: ['Method', 'Precision', 'Recall', 'F1', 'False alarms'], rows },
    note: 'Success rate, latency, CPU and memory of every call, against the time before and the stable pods; any failure stops the release.',
  };
}

function judgeRelease({ detector }: Method, { name, isBad, signals }: Release): Judged {
  const isStopped = signals.some((signal) => detector.judge(signal).verdict === 'Fail');
  const none = new Float64Array();
  const trial = { series: name, isBad, stepSeconds: 60, before: none, after: none };
  return { trial, isStopped, statistic: NaN, delay: NaN };
}

const stopped = (j: Judged): boolean => j.isStopped;

/** A change has no series of its own: each is independent of the others. */
function worst(judged: readonly Judged[]): Judged {
  const found = judged.find(stopped) ?? judged[0];
  if (found === undefined) throw new Error('a change without signals');
  return found;
}

const percent = (value: number): string => (Number.isNaN(value) ? '–' : (100 * value).toFixed(1));
const number = (value: number): string => (Number.isNaN(value) ? '–' : String(value));
const interval = ({ value, low, high }: Interval): string =>
  `${percent(value)} (${percent(low)}–${percent(high)})`;
