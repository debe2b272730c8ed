// SPDX-License-Identifier: Apache-2.0
import type { ChangePod, ChangeWorkload } from '@altershield/api';
import { isEnforced, isHeld, phaseOf } from '@altershield/core';
import type { Change } from '../change.ts';
import { clock, duration } from './age.ts';
import { decided } from './decisions.ts';
import type { View } from './style.ts';
import { plural } from './text.ts';

interface TimelineEntry {
  readonly at: string;
  readonly text: string;
}

/** All events of a change in order, each with its offset from the detection. */
export function renderTimeline(change: Change, { paint }: View): string[] {
  const start = Date.parse(change.record.spec.detectedAt);
  return timelineEntries(change)
    .toSorted((a, b) => Date.parse(a.at) - Date.parse(b.at))
    .map(({ at, text }) => {
      const offset = `+${duration(Date.parse(at) - start)}`.padEnd(7);
      return `  ${paint('dim', `${clock(at)} ${offset}`)} ${text}`;
    });
}

const timelineEntries = ({ record, batches }: Change): TimelineEntry[] => [
  seen(record),
  ...batches.flatMap((batch) => batchEntries(batch, record)),
  ...decisions(record),
  ...rollback(record),
  ...ended(record),
  ...afterwards(record),
];

function seen({ spec }: ChangeWorkload): TimelineEntry {
  const at = spec.detectedAt;
  const { mode } = spec.policy.spec;
  const where = spec.detectedBy === 'Watch' ? 'found by the watch' : 'seen at admission';
  if (mode === 'Audit') return { at, text: 'seen; Audit: observed only' };
  if (!isEnforced(spec)) return { at, text: `${where}; observed only` };
  if (spec.detectedBy === 'Watch' && isHeld(spec)) return { at, text: `${where} and held late` };
  return { at, text: isHeld(spec) ? 'held at admission' : where };
}

function batchEntries({ spec, status }: ChangePod, record: ChangeWorkload): TimelineEntry[] {
  const pods = plural(spec.targetUnits - spec.previous, 'pod');
  const done = isEnforced(record.spec) ? 'released' : 'observed';
  const released = { at: spec.releasedAt, text: `batch ${spec.batch} ${done}: ${pods}` };
  if (status?.judgedAt === undefined) return [released];
  const finding = status.checks.find(({ verdict }) => verdict === status.verdict);
  const why = finding === undefined || status.verdict === 'Pass' ? '' : ` (${finding.reason})`;
  return [
    released,
    { at: status.judgedAt, text: `batch ${spec.batch} judged: ${status.verdict}${why}` },
  ];
}

const decisions = ({ status }: ChangeWorkload): TimelineEntry[] =>
  (status?.decisions ?? []).flatMap((decision) =>
    decision.at === undefined ? [] : [{ at: decision.at, text: decided(decision) }],
  );

/** The start of a rollback; its end is a separate entry. */
function rollback({ spec, status }: ChangeWorkload): TimelineEntry[] {
  if (status?.rolledBackAt === undefined) return [];
  const how = status.automaticRollback === true ? 'automatically rolling back' : 'rolling back';
  const to = spec.from === undefined ? '' : ` to ${spec.from.images?.join(', ')}`;
  return [{ at: status.rolledBackAt, text: `${how}${to}` }];
}

function ended(record: ChangeWorkload): TimelineEntry[] {
  const { status } = record;
  if (status?.finishedAt !== undefined) {
    return [
      {
        at: status.finishedAt,
        text: `${phaseOf(record) === 'RolledBack' ? 'rolled back' : `ended: ${phaseOf(record)}`} (${status.reason})`,
      },
    ];
  }
  if (status?.phaseSince === undefined || phaseOf(record) !== 'Suspend') return [];
  return [{ at: status.phaseSince, text: `suspended (${status.reason})` }];
}

function afterwards({ status }: ChangeWorkload): TimelineEntry[] {
  const { deniedAttempts, quarantine } = status ?? {};
  const again =
    deniedAttempts === undefined || deniedAttempts.count === 0
      ? []
      : [
          {
            at: deniedAttempts.lastAt,
            text: `applied again by ${deniedAttempts.lastUser}: denied`,
          },
        ];
  const lifted = quarantine?.lifted;
  return lifted === undefined
    ? again
    : [...again, { at: lifted.at, text: `${lifted.by} lifted the quarantine` }];
}
