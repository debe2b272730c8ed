// SPDX-License-Identifier: Apache-2.0
import type { ChangePod, ChangeWorkload } from '@altershield/api';
import { isGated, phaseOf, type Change } from '../change.ts';
import { clock, duration } from './age.ts';
import type { View } from './style.ts';
import { plural } from './text.ts';

interface Moment {
  readonly at: string;
  readonly text: string;
}

/** What was done, in order, each with its distance from the moment the change was seen. */
export function renderTimeline(change: Change, { paint }: View): string[] {
  const start = Date.parse(change.record.spec.detectedAt);
  return moments(change)
    .toSorted((a, b) => Date.parse(a.at) - Date.parse(b.at))
    .map(({ at, text }) => {
      const offset = `+${duration(Date.parse(at) - start)}`.padEnd(7);
      return `  ${paint('dim', `${clock(at)} ${offset}`)} ${text}`;
    });
}

const moments = ({ record, batches }: Change): Moment[] => [
  seen(record),
  ...batches.flatMap(batchMoments),
  ...decided(record),
  ...rolledBack(record),
  ...ended(record),
  ...afterwards(record),
];

function seen({ spec }: ChangeWorkload): Moment {
  const at = spec.detectedAt;
  const { mode, release } = spec.policy.spec;
  const where = spec.detectedBy === 'Watch' ? 'found by the watch' : 'seen at admission';
  if (mode === 'Audit') return { at, text: 'seen; Audit: nothing is touched' };
  if (!isGated(spec)) return { at, text: `${where}; judged and left alone` };
  if (spec.detectedBy === 'Watch') return { at, text: `${where} and taken over` };
  return { at, text: release.strategy === 'Batch' ? 'held at admission' : where };
}

function batchMoments({ spec, status }: ChangePod): Moment[] {
  const fresh = spec.pods - spec.previous;
  const out = { at: spec.releasedAt, text: `batch ${spec.batch} let out: ${plural(fresh, 'pod')}` };
  if (status?.judgedAt === undefined) return [out];
  const finding = status.checks.find(({ verdict }) => verdict === status.verdict);
  const why = finding === undefined || status.verdict === 'Pass' ? '' : ` (${finding.reason})`;
  return [
    out,
    { at: status.judgedAt, text: `batch ${spec.batch} judged: ${status.verdict}${why}` },
  ];
}

function decided({ spec: { decision } }: ChangeWorkload): Moment[] {
  if (decision?.at === undefined) return [];
  const why = decision.reason === undefined ? '' : `: ${decision.reason}`;
  return [
    { at: decision.at, text: `${decision.by ?? 'somebody'} decided ${decision.action}${why}` },
  ];
}

function rolledBack({ spec, status }: ChangeWorkload): Moment[] {
  if (status?.rolledBackAt === undefined) return [];
  const cause = status.automaticRollback === true ? ' automatically' : '';
  const to = spec.from === undefined ? '' : ` to ${spec.from.images.join(', ')}`;
  return [{ at: status.rolledBackAt, text: `rolled back${cause}${to}` }];
}

function ended(record: ChangeWorkload): Moment[] {
  const { status } = record;
  if (status?.finishedAt !== undefined) {
    return [{ at: status.finishedAt, text: `ended: ${phaseOf(record)} (${status.reason})` }];
  }
  if (status?.phaseSince === undefined || phaseOf(record) !== 'Suspend') return [];
  return [{ at: status.phaseSince, text: `suspended (${status.reason})` }];
}

function afterwards({ status }: ChangeWorkload): Moment[] {
  const { denied, quarantine } = status ?? {};
  const again =
    denied === undefined || denied.count === 0
      ? []
      : [{ at: denied.lastAt, text: `applied again by ${denied.lastUser}: denied` }];
  const lifted = quarantine?.lifted;
  return lifted === undefined
    ? again
    : [...again, { at: lifted.at, text: `${lifted.by} lifted the quarantine` }];
}
