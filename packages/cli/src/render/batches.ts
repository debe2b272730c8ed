// SPDX-License-Identifier: Apache-2.0
import type { ChangePod, ChangeWorkload, CheckResult } from '@altershield/api';
import { isOver, phaseOf } from '@altershield/core';
import type { Change, PodsNow } from '../change.ts';
import { age, duration } from './age.ts';
import { chartLines } from './chart.ts';
import { batchStatus, verdictSymbol } from './status-symbols.ts';
import type { View } from './style.ts';
import { truncate } from './table.ts';
import { finding, plural } from './text.ts';

/** Each batch with its verdict, its check outcomes and their evidence. */
export function batchLines(
  { record, batches, pods }: Change & { readonly pods?: PodsNow | undefined },
  view: View,
): string[] {
  const lines = batches.flatMap((batch) => batchStory(batch, { record, pods }, view));
  return [...lines, ...remaining(record, batches, view)];
}

/** Batches after the last released one. Skipped batches before it are left out. */
function remaining(
  record: ChangeWorkload,
  batches: readonly ChangePod[],
  { paint }: View,
): string[] {
  const last = batches.at(-1)?.spec;
  const total = record.status?.batch?.total ?? last?.total ?? 0;
  return openRange(record, (last?.batch ?? 0) + 1, total).map((text) => `  ${paint('dim', text)}`);
}

function openRange(record: ChangeWorkload, first: number, total: number): string[] {
  if (phaseOf(record) === 'Success' || first > total) return [];
  const range = first === total ? `${total} of ${total}` : `${first}–${total} of ${total}`;
  return [`· ${range}  ${isOver(phaseOf(record)) ? 'not released' : 'not released yet'}`];
}

interface Around {
  readonly record: ChangeWorkload;
  readonly pods: PodsNow | undefined;
}

function batchStory(batch: ChangePod, { record, pods }: Around, view: View): string[] {
  const { spec, status } = batch;
  const statusSymbol = batchStatus(batch, record);
  const isOpen = !isOver(phaseOf(record)) && status?.verdict === 'Pending';
  const judged = status?.judgedAt;
  const open = isOpen ? ` for ${age(spec.releasedAt, view.now)}` : '';
  const after =
    judged === undefined
      ? open
      : ` after ${duration(Date.parse(judged) - Date.parse(spec.releasedAt))}`;
  const counts = isOpen && status.pods === undefined ? nowText(pods) : podCounts(status);
  const verdict = view.paint(statusSymbol.tone, `${statusSymbol.text}${after}`);
  const head = `  ${view.paint(statusSymbol.tone, statusSymbol.symbol)} ${spec.batch} of ${spec.total}  ${plural(spec.targetUnits, 'pod')}${domainText(spec)}  ${verdict}${counts}`;
  const checks = (status?.checks ?? []).filter(({ verdict: found }) => found !== 'None');
  return [head, ...checks.flatMap((check) => checkLines(check, view))];
}

/** ` on nodes of zone-a`: the nodes of a batch by topology. */
const domainText = ({ topologyDomain: domain }: ChangePod['spec']): string => {
  if (domain === undefined) return '';
  return domain === '' ? ' with nodes without the label' : ` with nodes of ${domain}`;
};

function podCounts(status: ChangePod['status']): string {
  if (status?.pods === undefined) return '';
  const { updated: updated, ready, unhealthy, stable, stableReady } = status.pods;
  const problem = unhealthy === 0 ? '' : `, ${unhealthy} unhealthy`;
  return `  updated ${ready}/${updated} ready${problem}; stable ${stableReady}/${stable} ready`;
}

const nowText = (pods: PodsNow | undefined): string =>
  pods === undefined
    ? ''
    : `  now ${pods.updated} updated; ${pods.ready} of ${pods.all} pods are ready`;

function checkLines(check: CheckResult, view: View): string[] {
  const { name, verdict, evidence, metric } = check;
  const statusSymbol = verdictSymbol(verdict);
  const head = `      ${view.paint(statusSymbol.tone, statusSymbol.symbol)} ${name}  ${finding(check)}`;
  const chart = metric === undefined ? [] : chartLines(metric, view);
  return [
    head,
    ...evidence.map((item) => `          ${fit(evidenceText(item), 10, view)}`),
    ...chart.map((line) => `          ${line}`),
  ];
}

/** `pod on node container app: CrashLoopBackOff (3 restarts) — message`. */
export function evidenceText(item: CheckResult['evidence'][number]): string {
  const where = [
    item.pod ?? 'not created',
    ...(item.node === undefined ? [] : [`on ${item.node}`]),
    ...(item.container === undefined ? [] : [`container ${item.container}`]),
  ].join(' ');
  const restarts =
    item.restarts === undefined || item.restarts === 0
      ? ''
      : ` (${plural(item.restarts, 'restart')})`;
  const said = item.message === undefined || item.message === '' ? '' : ` — ${item.message}`;
  return `${where}: ${item.reason}${restarts}${said}`;
}

const fit = (text: string, indent: number, { columns }: View): string =>
  columns === undefined ? text : truncate(text, columns * 2 - indent);
