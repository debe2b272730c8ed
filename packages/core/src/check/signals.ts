// SPDX-License-Identifier: Apache-2.0
import type { CheckReason } from '@altershield/api';
import type { Check, CheckInput } from './check.ts';
import { resultOf, type CheckOutcome } from './finding.ts';
import { expand } from './metric-query.ts';
import type { MetricSettings } from './metric-values.ts';
import { lookAt, metricCheck, type Look } from './metric.ts';
import type { CheckRequest } from './request.ts';
import { SIGNALS, type Signal } from './signal-list.ts';

/** Name of the check that finds out which signals there are. */
const DISCOVERY = 'signals';

/** After the observation, a source that does not answer is waited for this long. */
const GRACE_SECONDS = 180;

/**
 * The signals that need no configuration, as far as the default MetricSource has them for the
 * namespace. A metric of the policy replaces the signal of the same name.
 */
export function signalChecks(input: CheckInput): Check[] {
  const { settings, hasDefaultSource } = input;
  if (!hasDefaultSource || settings.signals.mode === 'Disabled') return [];
  const present = presentMetrics(input);
  if (present === undefined) return [discovery(input)];
  const taken = new Set(settings.metrics?.map(({ name }) => name));
  const signals = signalsOf(present).filter(({ name }) => !taken.has(name));
  const judgedTogether = signals.length + taken.size;
  return signals.map((signal) => metricCheck({ ...asMetric(signal, input), judgedTogether }));
}

/** Of the signals with the same name, the first that the source has. */
function signalsOf(present: ReadonlySet<string>): Signal[] {
  const found = new Map<string, Signal>();
  for (const signal of SIGNALS) {
    if (signal.metrics.every((metric) => present.has(metric)) && !found.has(signal.name))
      found.set(signal.name, signal);
  }
  return [...found.values()];
}

/** Names of the metrics that the namespace has; undefined until they are known. */
function presentMetrics({ readings, checked }: CheckInput): ReadonlySet<string> | undefined {
  const reading = readings.get(DISCOVERY);
  if (reading?.answer?.type !== 'Query' || !reading.key.startsWith(`${checked.batch}/`))
    return undefined;
  const series = reading.answer.series['Metrics'] ?? [];
  return new Set(series.flatMap(({ labels }) => labels['__name__'] ?? []));
}

function discovery({ settings }: CheckInput): Check {
  return {
    name: DISCOVERY,
    isRequired: settings.signals.mode === 'Required',
    evaluate: (input) => discover(input, lookAt(paceOf(settings.signals), input)),
  };
}

function discover(input: CheckInput, look: Look | undefined): CheckOutcome {
  const reading = input.readings.get(DISCOVERY);
  const why: { reason: CheckReason; message: string } =
    reading?.error === undefined
      ? { reason: 'Observing', message: 'looks for signals' }
      : { reason: 'SourceUnavailable', message: reading.error.message };
  const pending = { unhealthy: 0, result: resultOf(DISCOVERY, { verdict: 'Pending', ...why }) };
  if (look === undefined) return pending;
  if (look.isOverdue)
    return { unhealthy: 0, result: resultOf(DISCOVERY, { verdict: 'Inconclusive', ...why }) };
  const { nextAt: dueAt, passesAt, key } = look;
  if (reading?.key === key) return { ...pending, dueAt, passesAt };
  return { ...pending, dueAt, passesAt, requests: [discoveryRequest(input, look)] };
}

function discoveryRequest({ checked, pods }: CheckInput, { key }: Look): CheckRequest {
  const names = [...new Set(SIGNALS.flatMap(({ metrics }) => metrics))].join('|');
  const expression = expand(
    `count by (__name__) ({__name__=~"${names}",namespace="$namespace"})`,
    checked,
    '',
  );
  const at = Math.floor(pods.now / 1000) * 1000;
  const query = { expression, start: at, end: at, step: 1000 };
  return { check: DISCOVERY, key, read: { type: 'Query', queries: { Metrics: query } } };
}

type Settings = CheckInput['settings']['signals'];

const paceOf = ({ intervalSeconds, observeSeconds }: Settings) => ({
  ...{ intervalSeconds, observeSeconds },
  deadlineSeconds: observeSeconds + GRACE_SECONDS,
});

function asMetric(signal: Signal, { settings: { signals } }: CheckInput): MetricSettings {
  const inWindow = (query: string): string =>
    query.replaceAll('$window', `${signals.windowSeconds}s`);
  const { requests, query, name, kind, worse, minEffect } = signal;
  return {
    ...{ name, kind, worse, minEffect },
    ...paceOf(signals),
    query: inWindow(query),
    ...(requests === undefined ? {} : { requests: inWindow(requests) }),
    consecutive: 1,
    required: signals.mode === 'Required',
    isDecisive: false,
  };
}
