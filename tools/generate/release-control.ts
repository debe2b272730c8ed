// SPDX-License-Identifier: Apache-2.0
import { ADAPTERS, type KindDescriptor, type WorkloadAdapter } from '@altershield/core';

type Cell = (adapter: WorkloadAdapter) => string;

const code = (text: string): string => `\`${text}\``;

const isSupported = (supported: true | string): string =>
  supported === true ? 'yes' : `no: ${supported}`;

const sentences = (texts: readonly string[]): string =>
  texts.length === 0 ? 'none' : texts.join('; ');

const WITHOUT_OPERATOR: Readonly<Record<KindDescriptor['holdsWithoutOperator'], string>> = {
  Marks: 'admitted; none of its pods starts',
  Webhook: 'denied by the webhook',
};

/** What the operator does with the objects of a kind, beside listing and watching them. */
function writesOf({ resource, verbs, relatedResources }: KindDescriptor): string {
  const own = Object.entries(verbs).map(([subresource, more]) => ({
    name: subresource === '' ? resource.plural : `${resource.plural}/${subresource}`,
    more,
  }));
  const related = Object.values(relatedResources).map((each) => ({
    name: each.resource.plural,
    more: each.verbs,
  }));
  return [...own, ...related]
    .filter(({ more }) => more.length > 0)
    .map(({ name, more }) => `${code(name)}: ${more.join(', ')}`)
    .join('; ');
}

/** Rows of the table; the words are those of the adapters. */
const ROWS: Readonly<Record<string, Cell>> = {
  '`strategy: Batch`': ({ descriptor }) => isSupported(descriptor.strategies.Batch),
  '`strategy: Canary`': ({ descriptor }) => isSupported(descriptor.strategies.Canary),
  '`strategy: BlueGreen`': ({ descriptor }) => isSupported(descriptor.strategies.BlueGreen),
  '`strategy: Rolling`': ({ descriptor }) => isSupported(descriptor.strategies.Rolling),
  'batches by `topologyKey`': ({ descriptor }) => isSupported(descriptor.byTopology),
  '`weight` of a step': ({ descriptor }) => (descriptor.splitsRequests === true ? 'yes' : 'no'),
  'matched by a policy without `target.kinds`': ({ descriptor }) =>
    descriptor.isOptIn === true ? 'no' : 'yes',
  'a change is': ({ descriptor: { isImmutable, revisionPath, resource } }) =>
    isImmutable === true
      ? `the creation of a ${resource.kind}: ${code(revisionPath)} cannot be changed`
      : `a difference in ${code(revisionPath)}`,
  'a hold writes the annotation': ({ admission }) => admission.annotations.map(code).join(', '),
  'your fields that AlterShield writes during a change': ({ descriptor }) =>
    sentences(descriptor.borrowedFields.map(code)),
  'a rollback writes': ({ descriptor: { revisionPath, borrowedFields, noRollback } }) =>
    noRollback === undefined
      ? [revisionPath, ...borrowedFields].map(code).join(', ')
      : `no rollback: ${noRollback}`,
  'a change that is pushed while no operator is alive, with `failurePolicy: Fail`': ({
    descriptor,
  }) => WITHOUT_OPERATOR[descriptor.holdsWithoutOperator],
  'updated pods that a hold does not stop': ({ descriptor }) => sentences(descriptor.leaks),
  'pods that AlterShield deletes': ({ descriptor }) => sentences(descriptor.deletes),
  'permissions beside list and watch': ({ descriptor }) => writesOf(descriptor),
  'names on the command line': ({ descriptor }) => descriptor.cliNames.map(code).join(', '),
};

const row = (cells: readonly string[]): string =>
  `| ${cells.map((cell) => cell.replaceAll('|', '\\|')).join(' | ')} |`;

/** What AlterShield can do with each kind: one column for each adapter. */
export function supportTable(): string {
  const kinds = ADAPTERS.map(({ descriptor }) => descriptor.resource.kind);
  return [
    row(['', ...kinds]),
    row(['---', ...kinds.map(() => '---')]),
    ...Object.entries(ROWS).map(([name, cell]) => row([name, ...ADAPTERS.map(cell)])),
  ].join('\n');
}

/** What `npm run e2e -- --write e2e/kinds` measured. */
export interface KindFigures {
  readonly kubernetes: string;
  readonly date: string;
  readonly machine: string;
  readonly replicas: number;
  readonly rows: readonly {
    readonly kind: string;
    readonly scenario: string;
    readonly end: string;
    readonly seconds: number;
    readonly mostUpdated: number;
    readonly leastReady: number;
  }[];
}

/** Each kind with each scenario of a change: its end and what it cost the pods. */
export function scenarioTable({ rows, ...run }: KindFigures): string {
  const head = ['Kind', 'The change', 'Ends', 'Seconds', 'Most updated pods', 'Fewest ready pods'];
  const table = [
    row(head),
    row(head.map(() => '---')),
    ...rows.map(({ kind, scenario, end, seconds, mostUpdated, leastReady }) =>
      row([
        ...[kind, scenario, code(end), seconds.toFixed(1)],
        ...[`${mostUpdated} of ${run.replicas}`, `${leastReady} of ${run.replicas}`],
      ]),
    ),
  ].join('\n');
  return `${table}\n\n*${run.date}: \`npm run e2e -- --write e2e/kinds\`; Kubernetes ${run.kubernetes}; ${run.machine}.*`;
}

/** What `npm run e2e -- --write e2e/runs` measured. */
export interface RunFigures {
  readonly kubernetes: string;
  readonly date: string;
  readonly machine: string;
  readonly pods: number;
  readonly rows: readonly {
    readonly kind: string;
    readonly scenario: string;
    readonly end: string;
    readonly seconds: number;
    readonly mostPods: number;
    readonly podsLeft: number;
  }[];
}

/** Each kind whose pods run to completion, with each scenario of a run. */
export function runTable({ rows, ...run }: RunFigures): string {
  const head = ['Kind', 'The change', 'Ends', 'Seconds', 'Most pods at a time', 'Pods that stay'];
  const table = [
    row(head),
    row(head.map(() => '---')),
    ...rows.map(({ kind, scenario, end, seconds, mostPods, podsLeft }) =>
      row([
        ...[kind, scenario, code(end), seconds.toFixed(1)],
        ...[`${mostPods} of ${run.pods}`, String(podsLeft)],
      ]),
    ),
  ].join('\n');
  return `${table}\n\n*${run.date}: \`npm run e2e -- --write e2e/runs\`; Kubernetes ${run.kubernetes}; ${run.machine}.*`;
}

/** The page with this text between the marks of this name. */
export function withGenerated(page: string, name: string, text: string): string {
  const [begin, end] = [`<!-- generated:${name} -->`, `<!-- /generated:${name} -->`];
  const [from, to] = [page.indexOf(begin), page.indexOf(end)];
  if (from < 0 || to < from) {
    throw new Error(`write the table ${name}: the page lacks the marks ${begin} and ${end}`);
  }
  return `${page.slice(0, from + begin.length)}\n${text}\n${page.slice(to)}`;
}
