// SPDX-License-Identifier: Apache-2.0
import { REASONS, type ChangeWorkload, type Phase } from '@altershield/api';
import { phaseOf } from '@altershield/core';
import { targetName } from '../change.ts';
import { age, relative } from './age.ts';
import { phaseSymbol } from './status-symbols.ts';
import type { View } from './style.ts';

/** The most important line, and the operator's reason. */
export function headline(record: ChangeWorkload, { paint, now }: View): string[] {
  const { spec, status, metadata } = record;
  const statusSymbol = phaseSymbol(phaseOf(record));
  const subject = `${targetName(spec.target)} in ${metadata.namespace ?? 'default'}`;
  const sentence = `${statusSymbol.symbol} ${subject}: change ${spec.sequence} ${whatHappened(record, now)}`;
  const reason = status === undefined ? '' : explain(status.reason, status.message);
  return [
    paint(statusSymbol.tone, paint('strong', sentence)),
    ...(reason === '' ? [] : [`  ${reason}`]),
  ];
}

function whatHappened(record: ChangeWorkload, now: number): string {
  const { spec, status } = record;
  const since = status?.phaseSince ?? spec.detectedAt;
  const phase = phaseOf(record);
  if (status?.reason === 'AwaitingApproval')
    return `has waited for approval for ${age(since, now)}`;
  if (!Object.hasOwn(SENTENCES, phase))
    return `is in phase ${phase}, which this version does not know`;
  return SENTENCES[phase]({
    at:
      status?.batch === undefined ? '' : ` at batch ${status.batch.index} of ${status.batch.total}`,
    ago: relative(status?.finishedAt ?? since, now),
    lasting: age(since, now),
  });
}

interface HeadlineFacts {
  /** ` at batch 1 of 3`, or nothing. */
  readonly at: string;
  readonly ago: string;
  readonly lasting: string;
}

const SENTENCES: Readonly<Record<Phase, (moment: HeadlineFacts) => string>> = {
  Init: ({ lasting }) => `has been held for ${lasting}`,
  Running: ({ at }) => `is being released${at}`,
  TimeOutPreThreshold: ({ at }) => `is late${at}`,
  Suspend: ({ at, lasting }) => `has been suspended${at} for ${lasting} and needs a decision`,
  RollingBack: ({ at }) => `is rolling back${at}`,
  RolledBack: ({ at, ago }) => `was rolled back${at}, ${ago}`,
  Success: ({ ago }) => `succeeded ${ago}`,
  Failed: ({ at, ago }) => `failed${at}, ${ago}`,
  Superseded: ({ at, ago }) => `was superseded${at}, ${ago}`,
};

/** The operator's own words; the reason's general sentence when it has none. */
function explain(reason: string, message: string): string {
  if (message !== '') return `${reason}: ${message}`;
  const known = Object.entries(REASONS).find(([name]) => name === reason);
  return known === undefined ? reason : `${reason}: ${known[1]}`;
}
