// SPDX-License-Identifier: Apache-2.0
import type { ChangeWorkload, ChangeWorkloadStatus, RecordedHold } from '@altershield/api';
import type { WorkloadObject } from '../json/objects.ts';
import type { WorkloadView } from '../workload/view.ts';
import { currentRecord } from './history.ts';
import { isOver, statusOf } from './status.ts';

/**
 * The status with a copy of the fields that are borrowed now. A superseded change keeps its copy
 * for the change that follows it.
 */
export function withHold(
  { hold: _, ...status }: ChangeWorkloadStatus,
  workload: WorkloadView | undefined,
): ChangeWorkloadStatus {
  const isEnded = isOver(status.phase) && status.phase !== 'Superseded';
  if (isEnded || workload?.borrowed === undefined) return status;
  const { from: id, userFields } = workload.borrowed;
  return { ...status, hold: { id, userFields } };
}

/**
 * The copy of the user's fields for a change in flight. Before its first decision that is the copy
 * of the change that it supersedes, if both protect the same revision.
 *
 * @param changes all records of the workload, oldest first
 */
export function recordedHold(
  change: ChangeWorkload,
  changes: readonly ChangeWorkload[],
): RecordedHold | undefined {
  const { status, spec } = change;
  if (status !== undefined) return isOver(status.phase) ? undefined : status.hold;
  const before = changes
    .filter(({ spec: { target, sequence } }) => {
      return target.uid === spec.target.uid && sequence < spec.sequence;
    })
    .at(-1);
  const hold = before && statusOf(before).hold;
  return hold?.id === spec.from?.fingerprint ? hold : undefined;
}

/** The copy of the user's fields while a change of this workload is in flight. */
export function holdInFlight(
  changes: readonly ChangeWorkload[],
  { metadata: { uid } }: Pick<WorkloadObject, 'metadata'>,
): RecordedHold | undefined {
  const current = currentRecord(changes.filter(({ spec }) => spec.target.uid === uid));
  return current && recordedHold(current, changes);
}
