// SPDX-License-Identifier: Apache-2.0
import type { ChangeWorkload } from '@altershield/api';
import { phaseOf } from '@altershield/core';
import { isQuarantined, type Story } from '../change.ts';
import { instant, relative } from './age.ts';
import { batchLines } from './batches.ts';
import { decisionLines } from './decisions.ts';
import { editLines } from './edits.ts';
import { details, short } from './details.ts';
import { headline } from './headline.ts';
import { nextSteps } from './next.ts';
import { phaseSymbol } from './status-symbols.ts';
import type { View } from './style.ts';
import { plural } from './text.ts';
import { renderTimeline } from './timeline.ts';

/** All facts of one change, the most important line first. */
export function renderWhy(story: Story, view: View): string {
  const sections = [
    headline(story.record, view),
    details(story.record, view),
    section('Batches', batchLines(story, view), view),
    section('Edited in place', editLines(story.record, view), view),
    section('Timeline', renderTimeline(story, view), view),
    section('Decisions', decisionLines(story.record), view),
    section('Quarantine', quarantined(story.record, view), view),
    section('Next', nextSteps(story, view.now), view),
    section('Other changes', others(story, view), view),
  ];
  return sections
    .filter((lines) => lines.length > 0)
    .map((lines) => lines.join('\n'))
    .join('\n\n');
}

function quarantined(record: ChangeWorkload, { now }: View): string[] {
  const { quarantine, deniedAttempts } = record.status ?? {};
  if (quarantine === undefined) return [];
  const revision = `Revision ${short(quarantine.fingerprint)}`;
  const count = deniedAttempts?.count ?? 0;
  const attempts =
    deniedAttempts === undefined || count === 0
      ? []
      : [
          `  Applied again and denied ${plural(count, 'time')}, last by ${deniedAttempts.lastUser} ${relative(deniedAttempts.lastAt, now)}.`,
        ];
  return [`  ${revision} ${quarantineText(quarantine, now)}`, ...attempts];
}

type Quarantine = NonNullable<NonNullable<ChangeWorkload['status']>['quarantine']>;

function quarantineText({ until, lifted }: Quarantine, now: number): string {
  if (lifted !== undefined)
    return `was quarantined; ${lifted.by} lifted the quarantine ${relative(lifted.at, now)}.`;
  if (Date.parse(until) <= now) return `has not been quarantined since ${instant(until)}.`;
  return `is denied at admission for every user until ${instant(until)} (${relative(until, now)}).`;
}

const MAX_OTHERS = 5;

function others({ others: changes }: Story, { paint, now }: View): string[] {
  const lines = changes.slice(0, MAX_OTHERS).map((record) => {
    const statusSymbol = phaseSymbol(phaseOf(record));
    const suffix = isQuarantined(record, now) ? paint('warn', '  still quarantined') : '';
    const images = record.spec.to.images?.join(', ');
    return `  ${paint(statusSymbol.tone, statusSymbol.symbol)} #${record.spec.sequence}  ${phaseOf(record)}  ${relative(record.spec.detectedAt, now)}  ${images}${suffix}`;
  });
  const more = changes.length - MAX_OTHERS;
  return more > 0 ? [...lines, paint('dim', `  … and ${plural(more, 'older one')}`)] : lines;
}

const section = (title: string, lines: readonly string[], { paint }: View): string[] =>
  lines.length === 0 ? [] : [paint('strong', title), ...lines];
