// SPDX-License-Identifier: Apache-2.0
import type { ChangePolicy, PolicyReason } from '@altershield/api';
import { ADAPTERS, strategyFor } from '@altershield/core';
import { age } from './age.ts';
import { stepTexts } from './steps.ts';
import type { Tone, View } from './style.ts';
import { table, type Row } from './table.ts';

export interface PoliciesOptions {
  readonly allNamespaces: boolean;
  readonly wide: boolean;
}

/** The policies; below a policy that is not ready or matches no workload, the reason. */
export function renderPolicies(
  policies: readonly ChangePolicy[],
  options: PoliciesOptions,
  view: View,
): string {
  const rows = policies.toSorted(byReadiness).map((policy) => policyRow(policy, options, view));
  return table(headings(options), rows, view.paint, view.columns).join('\n');
}

const headings = ({ allNamespaces, wide }: PoliciesOptions): string[] => [
  '  POLICY',
  ...(allNamespaces ? ['NAMESPACE'] : []),
  'MODE',
  'STRATEGY',
  'STEPS',
  'ON FAIL',
  'ON INCONCLUSIVE',
  ...(wide ? ['SOAK', 'FAILURE POLICY', 'SELECTOR'] : []),
  'READY',
  'WORKLOADS',
  'AGE',
];

function policyRow(policy: ChangePolicy, options: PoliciesOptions, view: View): Row {
  const { metadata, spec, status } = policy;
  const ready = readiness(policy);
  return {
    cells: [
      { text: `${ready.symbol} ${metadata.name}`, tone: ready.tone },
      ...(options.allNamespaces ? [metadata.namespace ?? ''] : []),
      spec.mode,
      strategies(spec),
      stepTexts(spec.release).join(',') || '-',
      spec.onFail ?? 'RollBack',
      spec.onInconclusive,
      ...(options.wide ? wideCells(policy) : []),
      { text: ready.text, tone: ready.tone },
      status?.matchedWorkloads === undefined ? '-' : String(status.matchedWorkloads),
      age(metadata.creationTimestamp, view.now),
    ],
    below: ready.notes.map((note) => `    ${view.paint(ready.tone, note)}`),
  };
}

/** How the kinds that are followed are released by it. */
const strategies = ({ release }: ChangePolicy['spec']): string =>
  [...new Set(ADAPTERS.map((kind) => strategyFor(release, kind.descriptor).strategy))].join('/');

const wideCells = ({ spec }: ChangePolicy): string[] => [
  `${spec.release.soakSeconds}s`,
  spec.failurePolicy,
  selectorText(spec.target.selector),
];

type Selector = NonNullable<ChangePolicy['spec']['target']['selector']>;

function selectorText(selector: Selector | undefined): string {
  const labels = Object.entries(selector?.matchLabels ?? {}).map(
    ([key, value]) => `${key}=${value}`,
  );
  const others = (selector?.matchExpressions ?? []).map(
    ({ key, operator, values = [] }) => `${key} ${operator} (${values.join(',')})`,
  );
  return [...labels, ...others].join(',') || '(all)';
}

interface Readiness {
  readonly text: string;
  readonly tone: Tone;
  readonly symbol: string;
  /** The text below the row. */
  readonly notes: readonly string[];
}

function readiness({ status }: ChangePolicy): Readiness {
  const condition = status?.conditions?.find(({ type }) => type === 'Ready');
  switch (condition?.status) {
    case 'True':
      if (condition.reason === ('NoMatchingWorkloads' satisfies PolicyReason)) {
        return { symbol: '✔', tone: 'warn', text: 'True', notes: [condition.message] };
      }
      return { symbol: '✔', tone: 'good', text: 'True', notes: [] };
    case 'False':
      return { symbol: '✖', tone: 'bad', text: 'False', notes: [condition.message] };
    case 'Unknown':
    case undefined:
      return { symbol: '?', tone: 'warn', text: 'Unknown', notes: [] };
  }
}

const byReadiness = (a: ChangePolicy, b: ChangePolicy): number =>
  rank(a) - rank(b) ||
  (a.metadata.namespace ?? '').localeCompare(b.metadata.namespace ?? '') ||
  a.metadata.name.localeCompare(b.metadata.name);

const rank = (policy: ChangePolicy): number => ['✖', '?', '✔'].indexOf(readiness(policy).symbol);
