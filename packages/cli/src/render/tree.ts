// SPDX-License-Identifier: Apache-2.0
import type { ChangePod } from '@altershield/api';
import { isOver, phaseOf, type PodView } from '@altershield/core';
import { targetName, type Change } from '../change.ts';
import type { PodsOf } from '../cluster/pods-of.ts';
import { age } from './age.ts';
import { batchStatus, phaseSymbol, type StatusSymbol } from './status-symbols.ts';
import type { View } from './style.ts';
import { truncate } from './table.ts';
import { finding, plural } from './text.ts';

interface TreeNode {
  readonly mark: StatusSymbol;
  readonly text: string;
  readonly children: readonly TreeNode[];
}

/** Columns of a page that is not written to a terminal. */
const PAGE_COLUMNS = 80;

/** Pods of one batch or of the stable revision; the tree of a large workload stays readable. */
const MAX_PODS = 10;

/** One change as a tree: its batches with their pods, and the stable pods. */
export function renderTree(change: Change, pods: PodsOf | undefined, view: View): string {
  const { record } = change;
  const { spec, status } = record;
  const phase = phaseOf(record);
  const mark = phaseSymbol(phase);
  const since = status?.phaseSince ?? spec.detectedAt;
  const head = `${mark.symbol} ${targetName(spec.target)} #${spec.sequence}  ${phase}  ${age(since, view.now)}`;
  const columns = view.columns ?? PAGE_COLUMNS;
  const why = status === undefined ? '' : finding(status);
  return [
    view.paint(mark.tone, truncate(head, columns)),
    ...(why === '' ? [] : [`    ${view.paint('dim', truncate(why, columns - 4))}`]),
    ...branches(nodesOf(change, pods, view), '  ', { ...view, columns }),
  ].join('\n');
}

function nodesOf(change: Change, pods: PodsOf | undefined, view: View): TreeNode[] {
  const { record, batches } = change;
  const released = batches.map((batch) => batchNode(batch, change, { pods, view }));
  const stable = pods?.stable ?? [];
  const ready = stable.filter((pod) => pod.ready).length;
  return [
    ...released,
    ...(isOver(phaseOf(record)) ? [] : waitingNodes(change)),
    ...(stable.length === 0
      ? []
      : [
          {
            mark: ready === stable.length ? GOOD : WAITING,
            text: `stable  ${plural(stable.length, 'pod')}, ${ready} ready`,
            children: podNodes(stable, view),
          },
        ]),
  ];
}

function batchNode(
  batch: ChangePod,
  { record, batches }: Change,
  { pods, view }: { readonly pods: PodsOf | undefined; readonly view: View },
): TreeNode {
  const { spec, status } = batch;
  const mark = batchStatus(batch, record);
  const share = spec.weight === undefined ? '' : `  ${spec.weight} % of the requests`;
  const check = status?.checks.find(({ verdict }) => verdict === status.verdict);
  const why = check === undefined || status?.verdict === 'Pass' ? '' : `  ${finding(check)}`;
  const isLast = batches.at(-1) === batch;
  // More pods than the target belong to the newest batch: they replace pods of it.
  const own = pods?.updated.slice(spec.previous, isLast ? undefined : spec.targetUnits) ?? [];
  return {
    mark,
    text: `batch ${spec.batch}/${spec.total}  ${plural(spec.targetUnits, 'pod')}${share}  ${mark.text}  ${age(spec.releasedAt, view.now)}${why}`,
    children: podNodes(own, view),
  };
}

/** The batches that are not released yet; the next one says what it waits for. */
function waitingNodes({ record: { status }, batches }: Change): TreeNode[] {
  const first = (batches.at(-1)?.spec.batch ?? 0) + 1;
  const total = status?.batch?.total ?? batches.at(-1)?.spec.total ?? 0;
  return Array.from({ length: Math.max(0, total - first + 1) }, (_, i) => {
    const waits = i === 0 && status?.reason === 'AwaitingApproval' ? '  awaits approval' : '';
    return {
      mark: NOTHING,
      text: `batch ${first + i}/${total}  not released${waits}`,
      children: [],
    };
  });
}

const NOTHING: StatusSymbol = { symbol: '·', tone: 'dim' };
const GOOD: StatusSymbol = { symbol: '✔', tone: 'good' };
const BAD: StatusSymbol = { symbol: '✖', tone: 'bad' };
const WAITING: StatusSymbol = { symbol: '●', tone: 'busy' };

function podNodes(pods: readonly PodView[], view: View): TreeNode[] {
  // Unready pods first: they are what a user looks for.
  const shown = pods.toSorted((a, b) => Number(a.ready) - Number(b.ready)).slice(0, MAX_PODS);
  const more = pods.length - shown.length;
  return [
    ...shown.map((pod) => podNode(pod, view)),
    ...(more === 0
      ? []
      : [{ mark: NOTHING, text: `and ${plural(more, 'more pod')}`, children: [] }]),
  ];
}

function podNode(pod: PodView, { now }: View): TreeNode {
  const { name, ready, failure, restarts, scheduled, createdAt } = pod;
  const state = ready ? 'Ready' : (failure?.reason ?? (scheduled ? 'NotReady' : 'Pending'));
  const restarted = restarts === 0 ? '' : `  ${plural(restarts, 'restart')}`;
  const mark = ready ? GOOD : failure === undefined ? WAITING : BAD;
  const since = age(new Date(createdAt).toISOString(), now);
  return { mark, text: `${state}  ${since}${restarted}  ${name}`, children: [] };
}

function branches(nodes: readonly TreeNode[], indent: string, view: View): string[] {
  const { paint, columns = PAGE_COLUMNS } = view;
  return nodes.flatMap(({ mark, text, children }, i) => {
    const isLast = i === nodes.length - 1;
    const room = columns - indent.length - 5;
    const line = `${indent}${paint('dim', isLast ? '└─' : '├─')} ${paint(mark.tone, mark.symbol)} ${truncate(text, room)}`;
    const below = `${indent}${isLast ? '   ' : `${paint('dim', '│')}  `}`;
    return [line, ...branches(children, below, { ...view, columns: columns })];
  });
}
