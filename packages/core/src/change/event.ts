// SPDX-License-Identifier: Apache-2.0
import {
  REASONS,
  type ChangeWorkload,
  type ChangeWorkloadStatus,
  type EventReason,
  type Phase,
} from '@altershield/api';
import { statusOf } from './status.ts';

/** An Event of the workload, shown by `kubectl describe`. */
export interface ChangeEvent {
  readonly type: 'Normal' | 'Warning';
  readonly reason: EventReason;
  readonly message: string;
}

const EVENT_BY_PHASE: Readonly<
  Partial<Record<Phase, readonly ['Normal' | 'Warning', EventReason]>>
> = {
  Running: ['Normal', 'ChangeStarted'],
  Suspend: ['Warning', 'ChangeSuspended'],
  RollingBack: ['Warning', 'ChangeRollingBack'],
  Success: ['Normal', 'ChangeSucceeded'],
  Failed: ['Warning', 'ChangeFailed'],
  RolledBack: ['Warning', 'ChangeRolledBack'],
  Superseded: ['Normal', 'ChangeSuperseded'],
};

/** Returns an event for each phase transition that users should see. */
export function eventOf(
  change: ChangeWorkload,
  next: ChangeWorkloadStatus,
): ChangeEvent | undefined {
  const before = statusOf(change);
  const eventType = eventTypeOf(next);
  const isSame = before.phase === next.phase && !isNewWait(before, next);
  if (isSame || eventType === undefined || next.reason === 'RecordedOnly') return undefined;
  const [type, reason] = eventType;
  return { type, reason, message: `${change.metadata.name}: ${sentence(change, next)}` };
}

const eventTypeOf = ({ phase, reason }: ChangeWorkloadStatus) =>
  reason === 'AwaitingApproval'
    ? (['Normal', 'ChangeAwaitingApproval'] as const)
    : EVENT_BY_PHASE[phase];

/** Each batch that waits for approval is announced, and each approval that is still missing. */
const isNewWait = (before: ChangeWorkloadStatus, next: ChangeWorkloadStatus): boolean =>
  next.reason === 'AwaitingApproval' && before.message !== next.message;

/** Only another version of the operator can end the change: see `isOfUnknownVersion`. */
export const unknownVersionEvent = ({ metadata }: ChangeWorkload): ChangeEvent => ({
  type: 'Warning',
  reason: 'UnknownVersion',
  message: `${metadata.name}: another version of AlterShield wrote this record, and this version does not know all of its values; nothing more is released. Run the newer version, or revert the workload and delete the record`,
});

const imagesText = (
  revision: { readonly images?: readonly string[] | undefined } | undefined,
): string => (revision?.images ?? []).join(', ');

function sentence(
  { spec, metadata: { name } }: ChangeWorkload,
  { phase, message, reason }: ChangeWorkloadStatus,
): string {
  const images = imagesText(spec.to);
  if (reason === 'AwaitingApproval') return `${message}: altershield approve change/${name}`;
  if (phase === 'Running') return `releasing ${images} by ${spec.actor.user || 'unknown'}`;
  if (phase === 'RollingBack') return `rolling back ${images}: ${message}`;
  if (phase === 'RolledBack') {
    return `${imagesText(spec.from)} runs again; ${images} was rolled back: ${message}`;
  }
  const known = Object.entries(REASONS).find(([name]) => name === reason)?.[1] ?? '';
  return message === '' ? known : message;
}
