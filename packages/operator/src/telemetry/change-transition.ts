// SPDX-License-Identifier: Apache-2.0
import type { ChangeWorkloadStatus, Phase, Verdict } from '@altershield/api';
import { statusOf } from '@altershield/core';
import type { ChangePodObject, ChangeObject } from '../objects.ts';

/** Outcomes of changes: the final phase, split where users have to act differently. */
export const OUTCOMES = [
  'Success',
  'RolledBack',
  'Superseded',
  'Failed',
  'RollbackIncomplete',
  'Deleted',
] as const;
export type Outcome = (typeof OUTCOMES)[number];

/** The differences between a record and its previous version that are counted. */
export interface ChangeTransition {
  readonly outcome?: Outcome;
  /** Seconds from detection to the first end of the change. */
  readonly durationSeconds?: number;
  readonly rollback?: 'Automatic' | 'User';
  /** Writes denied since the previous version. */
  readonly denied: number;
}

/** Compares two versions of one record; `before` is `undefined` for a new record. */
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
  // A user may roll back a change that ended long ago: do not count its duration again.
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

/** Verdicts that checks reached since the previous version. */
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

/** The action that evidence caused; `undefined` for other causes, e.g. a decision of a user. */
export function actionOnEvidence(
  before: ChangeWorkloadStatus,
  { phase, verdict }: ChangeWorkloadStatus,
): 'RollBack' | 'Suspend' | undefined {
  if (!RUNNING.has(before.phase) || verdict !== 'Fail') return undefined;
  if (phase === 'RollingBack') return 'RollBack';
  return phase === 'Suspend' ? 'Suspend' : undefined;
}
