// SPDX-License-Identifier: Apache-2.0
import type {
  ChangePod,
  ChangePodStatus,
  ChangeWorkload,
  ChangeWorkloadStatus,
  Phase,
  Reason,
} from '@altershield/api';

const OVER: ReadonlySet<Phase> = new Set(['Success', 'Failed', 'RolledBack', 'Superseded']);

/** True for phases that end a change. Only a rollback on request leaves them. */
export const isOver = (phase: Phase): boolean => OVER.has(phase);

/** The status of a change; before its first reconcile, the initial one. */
export const statusOf = ({ status }: ChangeWorkload): ChangeWorkloadStatus =>
  status ?? { phase: 'Init', reason: 'AwaitingRelease', message: '', verdict: 'None' };

/** The phase of a change; before its first reconcile, the initial one. */
export const phaseOf = (change: ChangeWorkload): Phase => statusOf(change).phase;

export const timeText = (ms: number): string => new Date(ms).toISOString();

type Condition = NonNullable<ChangeWorkloadStatus['conditions']>[number];

/** Conditions for `kubectl wait`, derived from the rest of the record. */
export function conditionsOf(
  { metadata: { generation }, spec }: ChangeWorkload,
  status: ChangeWorkloadStatus,
): Condition[] {
  const isDone = isOver(status.phase);
  const shared = {
    reason: isDone ? status.reason : 'InProgress',
    message: isDone ? status.message : '',
    lastTransitionTime: lastTransition(spec, status),
    ...(generation === undefined ? {} : { observedGeneration: generation }),
  };
  const succeeded = status.phase === 'Success' ? 'True' : 'False';
  return [
    { type: 'Completed', status: isDone ? 'True' : 'False', ...shared },
    { type: 'Succeeded', status: isDone ? succeeded : 'Unknown', ...shared },
  ];
}

type BatchCondition = NonNullable<ChangePodStatus['conditions']>[number];

/** Conditions of a batch. A condition keeps its transition time while its status stays the same. */
export function batchConditionsOf(
  { metadata: { generation }, status: before }: Pick<ChangePod, 'metadata' | 'status'>,
  { verdict, checks, judgedAt }: ChangePodStatus,
): BatchCondition[] {
  const { reason, message } = checks[0] ?? { reason: verdict, message: '' };
  const of = (type: string, status: BatchCondition['status']): BatchCondition => {
    const same = before?.conditions?.find((c) => c.type === type && c.status === status);
    return {
      ...{ type, status, reason, message },
      lastTransitionTime: same?.lastTransitionTime ?? judgedAt ?? timeText(0),
      ...(generation === undefined ? {} : { observedGeneration: generation }),
    };
  };
  return [of('Completed', verdict === 'Pending' ? 'False' : 'True'), of('Passed', PASSED[verdict])];
}

const PASSED = {
  Pass: 'True',
  Fail: 'False',
  Inconclusive: 'Unknown',
  Pending: 'Unknown',
  None: 'Unknown',
} as const;

/** A change that ended and is rolled back later is in progress again. */
function lastTransition(
  { detectedAt }: ChangeWorkload['spec'],
  { phase, finishedAt, rolledBackAt }: ChangeWorkloadStatus,
): string {
  if (finishedAt === undefined) return detectedAt;
  return isOver(phase) ? finishedAt : (rolledBackAt ?? finishedAt);
}

const MAX_MESSAGE = 1024;

/** Moves the status to another phase. Times change only when the phase or its reason does. */
export function move(
  status: ChangeWorkloadStatus,
  now: number,
  [phase, reason]: readonly [Phase, Reason],
  message: string,
): ChangeWorkloadStatus {
  if (status.phase === phase && status.reason === reason) return status;
  const at = timeText(now);
  return {
    ...status,
    phase,
    reason,
    message: message.slice(0, MAX_MESSAGE),
    phaseSince: at,
    ...(phase === 'Running' && status.startedAt === undefined ? { startedAt: at } : {}),
    ...(isOver(phase) ? { finishedAt: at } : {}),
  };
}
