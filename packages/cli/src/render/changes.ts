// SPDX-License-Identifier: Apache-2.0
import type { ChangePod, ChangeWorkload } from '@altershield/api';
import { mostUrgentFirst, phaseOf, targetName, type Change } from '../change.ts';
import { age } from './age.ts';
import { phaseSign, standing } from './signs.ts';
import type { View } from './style.ts';
import { cut, table, type Cell, type Row } from './table.ts';
import { finding, plural } from './text.ts';

export interface ChangesOptions {
  /** Adds the namespace to each row. */
  readonly allNamespaces: boolean;
  /** Adds images, policy and how the change was seen, and cuts nothing off. */
  readonly wide: boolean;
}

/** The changes, most urgent first, each with its batches as a tree. */
export function renderChanges(
  changes: readonly Change[],
  options: ChangesOptions,
  view: View,
): string {
  const sorted = changes.toSorted((a, b) => mostUrgentFirst(a.record, b.record));
  const columns = options.wide ? undefined : view.columns;
  const rows = sorted.map((change) => changeRow(change, options, { ...view, columns }));
  const lines = table(headings(options), rows, view.paint, columns);
  return [...attention(sorted, view), ...lines].join('\n');
}

/** The sentence that matters first: what waits for a person. */
function attention(changes: readonly Change[], { paint }: View): string[] {
  const waiting = changes.filter(({ record }) => phaseOf(record) === 'Suspend');
  const [first] = waiting;
  if (first === undefined) return [];
  const { spec, metadata } = first.record;
  const what =
    waiting.length === 1
      ? 'A change waits for a person'
      : `${waiting.length} changes wait for a person`;
  const command = `altershield why ${targetName(spec.target)} -n ${metadata.namespace ?? ''}`;
  return [paint('warn', `▲ ${what}: ${command}`), ''];
}

const headings = ({ allNamespaces, wide }: ChangesOptions): string[] => [
  '  CHANGE',
  ...(allNamespaces ? ['NAMESPACE'] : []),
  'PHASE',
  'BATCH',
  'ACTOR',
  'AGE',
  ...(wide ? ['SEEN BY', 'POLICY', 'IMAGES'] : []),
  'WHY',
];

function changeRow({ record, batches }: Change, options: ChangesOptions, view: View): Row {
  const { spec, status, metadata } = record;
  const phase = phaseOf(record);
  const sign = phaseSign(phase);
  const name = `${sign.symbol} ${targetName(spec.target)} #${spec.sequence}`;
  return {
    cells: [
      { text: name, tone: sign.tone },
      ...(options.allNamespaces ? [metadata.namespace ?? ''] : []),
      { text: phase, tone: sign.tone },
      status?.batch === undefined ? '-' : `${status.batch.index}/${status.batch.of}`,
      actorCell(record),
      age(spec.detectedAt, view.now),
      ...(options.wide ? wideCells(record) : []),
      status === undefined ? '' : finding(status),
    ],
    below: batches.map((batch, index) =>
      batchLine(batch, record, { ...view, isLast: index === batches.length - 1 }),
    ),
  };
}

const wideCells = ({ spec }: ChangeWorkload): string[] => [
  spec.detectedBy,
  `${spec.policy.namespace}/${spec.policy.name}`,
  spec.to.images.join(','),
];

function actorCell({ spec: { actor } }: ChangeWorkload): Cell {
  if (actor.user !== '') return { text: actor.user };
  return { text: actor.fieldManager === undefined ? '?' : `(${actor.fieldManager})`, tone: 'dim' };
}

function batchLine(
  batch: ChangePod,
  change: ChangeWorkload,
  { paint, columns, isLast }: View & { readonly isLast: boolean },
): string {
  const { spec, status } = batch;
  const sign = standing(batch, change);
  const branch = isLast ? '└─' : '├─';
  const check = decisiveCheck(status);
  const head = `batch ${spec.batch}/${spec.of}  ${plural(spec.pods, 'pod')}  ${sign.text}`;
  const found = check === undefined ? '' : `  ${finding(check)}`;
  const room = (columns ?? Number.POSITIVE_INFINITY) - 7;
  return `  ${paint('dim', branch)} ${paint(sign.tone, sign.symbol)} ${cut(head + found, room)}`;
}

/** The check that decided against a batch; none when it passed. */
function decisiveCheck(status: ChangePod['status']) {
  if (status === undefined || status.verdict === 'Pass') return undefined;
  return status.checks.find(({ verdict }) => verdict === status.verdict);
}
