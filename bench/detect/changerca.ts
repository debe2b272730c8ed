// SPDX-License-Identifier: Apache-2.0
/**
 * IntelligentDDS/ChangeRCA: staged releases of a demo shop, one pod first, with the metrics of each
 * pod. It has no license: read from a path. Its CSV header names the columns in another order than the
 * values have: a latency in seconds is last.
 */
import type { DetectorInput, Series } from '@altershield/core';
import { globSync, readFileSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';

/** One release with all signals of its first batch. */
export interface Release {
  readonly name: string;
  readonly isBad: boolean;
  readonly signals: readonly DetectorInput[];
}

interface Batch {
  readonly release_pod: readonly string[];
  readonly release_complete_timestamp: number;
}

interface Case {
  readonly plan?: Readonly<
    Record<
      string,
      { readonly release_time: number; readonly process: Readonly<Record<string, Batch>> }
    >
  >;
  readonly fault_release_service?: string;
}

const STEP = 60;
/** The first batch is watched so long at most. */
const MAX_SAMPLES = 10;

type Signal = Pick<DetectorInput, 'kind' | 'worse'> & {
  readonly column: number;
  /** Samples of a pod that has just started are not like others. */
  readonly warmUp: number;
  readonly minEffect: { readonly absolute: number; readonly relative: number };
};

const SIGNALS: readonly Signal[] = [
  { ...{ column: 2, kind: 'Traffic', worse: 'Lower', warmUp: 1 }, minEffect: effect(5, 0) },
  { ...{ column: 7, kind: 'Service', worse: 'Higher', warmUp: 2 }, minEffect: effect(0.01, 1) },
  { ...{ column: 3, kind: 'Resource', worse: 'Higher', warmUp: 2 }, minEffect: effect(10, 1) },
  { ...{ column: 4, kind: 'Resource', worse: 'Higher', warmUp: 2 }, minEffect: effect(3, 0.3) },
];

function effect(absolute: number, relative: number): Signal['minEffect'] {
  return { absolute, relative };
}

export function readChangeRca(path: string): Release[] {
  return globSync(join(path, 'data/*/*/*.json')).sort().flatMap(releasesOf);
}

function releasesOf(file: string): Release[] {
  const { plan, fault_release_service: faulty }: Case = JSON.parse(readFileSync(file, 'utf8'));
  const csv = globSync(join(dirname(file), '*.csv'));
  return Object.entries(plan ?? {}).map(([service, { release_time: start, process }]) => {
    const [first, second] = Object.values(process).sort(
      (a, b) => a.release_complete_timestamp - b.release_complete_timestamp,
    );
    const from = first?.release_complete_timestamp ?? 0;
    const until = Math.min(
      second?.release_complete_timestamp ?? Infinity,
      from + MAX_SAMPLES * STEP,
    );
    const files = csv.filter((name) => basename(name).startsWith(`${service}-`));
    const span = { start, from, until, updated: first?.release_pod ?? [] };
    return {
      name: `${basename(file, '.json')} ${service}`,
      isBad: service === faulty,
      signals: signalsOf(files, span),
    };
  });
}

interface Span {
  /** When the release started, and when its first pods were ready. */
  readonly start: number;
  readonly from: number;
  readonly until: number;
  readonly updated: readonly string[];
}

interface Pod {
  readonly name: string;
  /** The call whose metrics these are. */
  readonly edge: string;
  readonly rows: readonly (readonly number[])[];
}

function signalsOf(files: readonly string[], span: Span): DetectorInput[] {
  const pods = files.map(readPod);
  const edges = [...new Set(pods.map(({ edge }) => edge))];
  return edges.flatMap((edge) =>
    SIGNALS.map((signal) =>
      inputOf(
        pods.filter((pod) => pod.edge === edge),
        signal,
        span,
      ),
    ),
  );
}

function readPod(file: string): Pod {
  const [name = '', ...edge] = basename(file, '.csv').split('_');
  const rows = readFileSync(file, 'utf8').trim().split('\n').slice(1);
  return { name, edge: edge.join('_'), rows: rows.map((row) => row.split(',').map(Number)) };
}

function inputOf(pods: readonly Pod[], signal: Signal, span: Span): DetectorInput {
  const { kind, worse, column, warmUp, minEffect } = signal;
  const stable = pods.filter(({ name }) => /-v1-/.test(name));
  const during = { from: span.from + warmUp * STEP, until: span.until, column };
  const updated = span.updated.map(
    (name) => pods.find((pod) => pod.name === name) ?? { name, edge: '', rows: [] },
  );
  return {
    ...{ kind, worse, stepSeconds: STEP, minEffect, isScraped: true, signals: SIGNALS.length },
    plannedSamples: MAX_SAMPLES,
    updated: updated.map((pod) => cut(pod, during)),
    stable: stable.map((pod) => cut(pod, during)),
    before: stable.map((pod) =>
      cut(pod, { from: span.start - 40 * STEP, until: span.start, column }),
    ),
  };
}

function cut(pod: Pod, span: { from: number; until: number; column: number }): Series {
  const length = Math.max(0, Math.ceil((span.until - span.from) / STEP));
  const values = new Float64Array(length).fill(NaN);
  for (const row of pod.rows) {
    const at = Math.floor(((row[1] ?? NaN) - span.from) / STEP);
    if (at >= 0 && at < length) values[at] = row[span.column] ?? NaN;
  }
  return { name: pod.name, values };
}
