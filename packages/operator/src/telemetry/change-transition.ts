// SPDX-License-Identifier: Apache-2.0
import type { ChangeWorkloadStatus, Phase, Verdict } from '@altershield/api';
import { statusOf } from '@altershield/core';
import type { ChangePodObject, ChangeObject } from '../kinds.ts';

/** How changes end: the last phase, told apart where users have to act differently. */
export const OUTCOMES = [
  'Success',
  'RolledBack',
  'Superseded',
  'Failed',
  'RollbackIncomplete',
  'Deleted',
] as const;
export type Outcome = (typeof OUTCOMES)[number];

/** What the newest version of a record tells beyond the version before. */
export interface ChangeTransition {
  readonly outcome?: Outcome;
  /** Seconds from its detection to its first end. */
  readonly durationSeconds?: number;
  readonly rollback?: 'Automatic' | 'User';
  /** Writes that were denied since. */
  readonly denied: number;
}

/** Compares two versions of one record; `undefined` for the version before stands for a new record. */
export function changeTransition(
  before: ChangeObject | undefined,
  after: ChangeObject,
): ChangeTransition {
  const [old, status] = [before && statusOf(before), statusOf(after)];
  const denied = Math.max(0, deniedOf(after) - (before === undefined ? 0 : deniedOf(before)));
  return {
    denied,
    ...endOf(old, status, after),
    ...(status.rolledBackAt === undefined || old?.rolledBackAt !== undefined
      ? {}
      : { rollback: status.automaticRollback === true ? 'Automatic' : 'User' }),
  };
}

const deniedOf = ({ status }: ChangeObject): number => status?.deniedAttempts?.count ?? 0;

function endOf(
  old: ChangeWorkloadStatus | undefined,
  status: ChangeWorkloadStatus,
  { spec }: ChangeObject,
): Pick<ChangeTransition, 'outcome' | 'durationSeconds'> {
  const outcome = outcomeOf(status);
  if (outcome === undefined || (old !== undefined && outcomeOf(old) === outcome)) return {};
  const { finishedAt } = status;
  // A user may roll back a change that ended long ago: its release took no longer for that.
  if (finishedAt === undefined || old?.finishedAt !== undefined) return { outcome };
  const durationMs = Date.parse(finishedAt) - Date.parse(spec.detectedAt);
  return { outcome, durationSeconds: Math.max(0, durationMs) / 1000 };
}

function outcomeOf({ phase, reason }: ChangeWorkloadStatus): Outcome | undefined {
  if (phase !== 'Failed') return OUTCOMES.find((outcome) => outcome === phase);
  if (reason === 'RollbackIncomplete') return reason;
  return reason === 'WorkloadDeleted' ? 'Deleted' : 'Failed';
}

export interface CheckVerdict {
  readonly check: string;
  readonly verdict: Verdict;
}

/** Verdicts that checks reached since the version before; one that stays is not news. */
export function newVerdicts(
  before: ChangePodObject | undefined,
  after: ChangePodObject,
): CheckVerdict[] {
  const old = new Map(before?.status?.checks.map(({ name, verdict }) => [name, verdict]));
  return (after.status?.checks ?? [])
    .filter(({ name, verdict }) => isReached(verdict) && old.get(name) !== verdict)
    .map(({ name, verdict }) => ({ check: name, verdict }));
}

const isReached = (verdict: Verdict): boolean => verdict !== 'None' && verdict !== 'Pending';

const RUNNING: ReadonlySet<Phase> = new Set(['Init', 'Running', 'TimeOutPreThreshold']);

/** How the operator acts on evidence; `undefined` when the move has another cause, as a user's decision. */
export function actionOnEvidence(
  before: ChangeWorkloadStatus,
  { phase, verdict }: ChangeWorkloadStatus,
): 'RollBack' | 'Suspend' | undefined {
  if (!RUNNING.has(before.phase) || verdict !== 'Fail') return undefined;
  if (phase === 'RollingBack') return 'RollBack';
  return phase === 'Suspend' ? 'Suspend' : undefined;
}
