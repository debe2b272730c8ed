// SPDX-License-Identifier: Apache-2.0
import type { ChangePod, ChangeWorkload } from '@altershield/api';
import { phaseOf } from '@altershield/core';
import { newestFirst, targetName, type Change } from '../change.ts';
import { age } from './age.ts';
import { phaseSymbol, batchStatus } from './status-symbols.ts';
import type { View } from './style.ts';
import { truncate, table, width, type Cell, type Row } from './table.ts';
import { finding, plural } from './text.ts';

export interface ChangesOptions {
  /** Adds the namespace to each row. */
  readonly allNamespaces: boolean;
  /** Adds images, policy and the source of detection, and keeps full texts. */
  readonly wide: boolean;
}

/** Columns of a page that is not written to a terminal. */
const PAGE_COLUMNS = 80;

/** The changes, newest last, each with why it is in its phase and its batches as a tree. */
export function renderChanges(
  changes: readonly Change[],
  options: ChangesOptions,
  view: View,
): string {
  const sorted = changes.toSorted((a, b) => newestFirst(b.record, a.record));
  const columns = options.wide ? undefined : (view.columns ?? PAGE_COLUMNS);
  const rows = sorted.map((change) => changeRow(change, options, { ...view, columns }));
  const lines = table(headings(options), rows, view.paint, columns);
  return [...attention(sorted, { ...view, columns }), ...lines].join('\n');
}

const needsDecision = (record: ChangeWorkload): boolean =>
  phaseOf(record) === 'Suspend' || record.status?.reason === 'AwaitingApproval';

/** The most important line: changes that need a decision. */
function attention(changes: readonly Change[], { paint, columns }: View): string[] {
  const waiting = changes.filter(({ record }) => needsDecision(record));
  const [first] = waiting;
  if (first === undefined) return [];
  const { spec, metadata } = first.record;
  const what =
    waiting.length === 1
      ? 'A change needs a decision'
      : `${waiting.length} changes need a decision`;
  const command = `altershield why ${targetName(spec.target)} -n ${metadata.namespace ?? ''}`;
  const line = `▲ ${what}: ${command}`;
  // A command is never truncated, so that the user can copy it.
  const fits = columns === undefined || width(line) <= columns;
  const lines = fits ? [line] : [`▲ ${what}:`, `  ${command}`];
  return [...lines.map((text) => paint('warn', text)), ''];
}

const headings = ({ allNamespaces, wide }: ChangesOptions): string[] => [
  '  CHANGE',
  ...(allNamespaces ? ['NAMESPACE'] : []),
  'PHASE',
  'BATCH',
  'ACTOR',
  'AGE',
  ...(wide ? ['SEEN BY', 'POLICY', 'IMAGES', 'WHY'] : []),
];

function changeRow({ record, batches }: Change, options: ChangesOptions, view: View): Row {
  const { spec, status, metadata } = record;
  const phase = phaseOf(record);
  const statusSymbol = phaseSymbol(phase);
  const name = `${statusSymbol.symbol} ${targetName(spec.target)} #${spec.sequence}`;
  return {
    cells: [
      { text: name, tone: statusSymbol.tone },
      ...(options.allNamespaces ? [metadata.namespace ?? ''] : []),
      { text: phase, tone: statusSymbol.tone },
      status?.batch === undefined ? '-' : `${status.batch.index}/${status.batch.total}`,
      actorCell(record),
      age(spec.detectedAt, view.now),
      ...(options.wide ? [...wideCells(record), whyOf(record)] : []),
    ],
    below: [
      ...(options.wide ? [] : whyLine(record, view)),
      ...batches.map((batch, index) =>
        batchLine(batch, record, { ...view, isLast: index === batches.length - 1 }),
      ),
    ],
  };
}

const whyOf = ({ status }: ChangeWorkload): string => (status === undefined ? '' : finding(status));

/** A successful change needs no explanation. */
function whyLine(record: ChangeWorkload, { paint, columns }: View): string[] {
  if (record.status === undefined || record.status.reason === 'Verified') return [];
  const room = (columns ?? Infinity) - WHY_INDENT.length;
  return [`${WHY_INDENT}${paint('dim', truncate(whyOf(record), room))}`];
}

const WHY_INDENT = '    ';

const wideCells = ({ spec }: ChangeWorkload): string[] => [
  spec.detectedBy,
  `${spec.policy.namespace}/${spec.policy.name}`,
  spec.to.images?.join(',') ?? '',
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
  const statusSymbol = batchStatus(batch, change);
  const branch = isLast ? '└─' : '├─';
  const check = decisiveCheck(status);
  const { traffic } = spec;
  const routed = traffic === undefined ? '' : `, Services select ${traffic.toLowerCase()} pods`;
  const pods = `${plural(spec.targetUnits, 'pod')}${routed}`;
  const head = `batch ${spec.batch}/${spec.total}  ${pods}  ${statusSymbol.text}`;
  const found = check === undefined ? '' : `  ${finding(check)}`;
  const room = (columns ?? Infinity) - 7;
  return `  ${paint('dim', branch)} ${paint(statusSymbol.tone, statusSymbol.symbol)} ${truncate(head + found, room)}`;
}

/** One line for a transition of a watched change. */
export function changeLine(record: ChangeWorkload, options: ChangesOptions, view: View): string {
  const { spec, status, metadata } = record;
  const phase = phaseOf(record);
  const { symbol, tone } = phaseSymbol(phase);
  const where = options.allNamespaces ? `${metadata.namespace ?? ''} ` : '';
  const batch = status?.batch === undefined ? '' : `  ${status.batch.index}/${status.batch.total}`;
  const head = `${symbol} ${where}${targetName(spec.target)} #${spec.sequence}  ${phase}${batch}`;
  const time = new Date(view.now).toISOString().slice(11, 19);
  const text = `${head}  ${whyOf(record)}`.trimEnd();
  const room = (options.wide ? Infinity : (view.columns ?? PAGE_COLUMNS)) - time.length - 1;
  return `${view.paint('dim', time)} ${view.paint(tone, truncate(text, room))}`;
}

/** The check that decided against a batch; none when it passed. */
function decisiveCheck(status: ChangePod['status']) {
  if (status === undefined || status.verdict === 'Pass') return undefined;
  return status.checks.find(({ verdict }) => verdict === status.verdict);
}
