// SPDX-License-Identifier: Apache-2.0
import type { ChangePod, ChangeWorkload, Phase } from '@altershield/api';
import { adapterOfTarget, isOver, phaseOf } from '@altershield/core';

/** One change with its batches, first to last. */
export interface Change {
  readonly record: ChangeWorkload;
  readonly batches: readonly ChangePod[];
}

/** Pods of the workload at this moment. */
export interface PodsNow {
  /** Those of the new revision. */
  readonly updated: number;
  /** Of all revisions. */
  readonly ready: number;
  readonly all: number;
}

/** A change with other facts about its workload. */
export interface Story extends Change {
  /** Other changes of the same workload, newest first. */
  readonly others: readonly ChangeWorkload[];
  /** While the change is in flight. */
  readonly pods?: PodsNow | undefined;
}

/** The record waits for a finalizer; the operator treats it as deleted. */
export const isBeingDeleted = ({ metadata }: ChangeWorkload): boolean =>
  metadata.deletionTimestamp !== undefined;

/** Admission denies the revision of this change now. */
export function isQuarantined({ status }: ChangeWorkload, now: number): boolean {
  const quarantine = status?.quarantine;
  if (quarantine === undefined || quarantine.lifted !== undefined) return false;
  return Date.parse(quarantine.until) > now;
}

/** The workload as users type it: `deploy/checkout`. */
export const targetName = (target: ChangeWorkload['spec']['target']): string =>
  `${adapterOfTarget(target)?.descriptor.cliNames[0] ?? target.kind.toLowerCase()}/${target.name}`;

/** Newest first: by the time the change was seen, then by its number. */
export const newestFirst = (a: ChangeWorkload, b: ChangeWorkload): number =>
  b.spec.detectedAt.localeCompare(a.spec.detectedAt) || b.spec.sequence - a.spec.sequence;

/** The most urgent first: suspended, then in flight, then finished; newest first in each. */
export const mostUrgentFirst = (a: ChangeWorkload, b: ChangeWorkload): number =>
  urgency(a) - urgency(b) || newestFirst(a, b);

function urgency(record: ChangeWorkload): number {
  if (phaseOf(record) === 'Suspend') return 0;
  return isOver(phaseOf(record)) ? 2 : 1;
}

/** Each record with the batches that name it. */
export function joinBatches(
  records: readonly ChangeWorkload[],
  pods: readonly ChangePod[],
): Change[] {
  return records.map((record) => ({
    record,
    batches: pods
      .filter(({ spec }) => spec.change.uid === record.metadata.uid)
      .toSorted((a, b) => a.spec.batch - b.spec.batch),
  }));
}

/** A workload as it is now. */
export interface WorkloadState {
  readonly uid: string;
  /** Of its pod template. */
  readonly fingerprint: string;
}

/**
 * The record that accounts for the newest change of a workload: of the template that it has, or of
 * the one that a rollback replaced by it. Undefined while that change is not recorded yet.
 */
export function recordOf(
  records: readonly ChangeWorkload[],
  state: WorkloadState,
): ChangeWorkload | undefined {
  const [newest] = records
    .filter((record) => record.spec.target.uid === state.uid && !isBeingDeleted(record))
    .toSorted((a, b) => b.spec.sequence - a.spec.sequence);
  if (newest?.spec.to.fingerprint === state.fingerprint) return newest;
  if (newest?.spec.from?.fingerprint !== state.fingerprint) return undefined;
  const isRolledBack = newest.status?.rolledBackAt !== undefined;
  return isRolledBack || isRevertedBy(newest, state) ? newest : undefined;
}

/** The user applied the previous revision while this change was in flight. */
export const isRevertedBy = ({ spec, status }: ChangeWorkload, state: WorkloadState): boolean =>
  spec.from?.fingerprint === state.fingerprint && status?.reason === 'RevertedByUser';

/** Filters the listed changes; an absent field selects all. */
export interface Filter {
  /** Of the workload, alone or as `deploy/NAME`, or of the record. */
  readonly name: string | undefined;
  readonly phases: readonly Phase[] | undefined;
  /** Earliest time at which the change was seen; milliseconds since the epoch. */
  readonly since: number | undefined;
}

export function isMatch(record: ChangeWorkload, { name, phases, since }: Filter): boolean {
  const { metadata, spec } = record;
  const names = [metadata.name, spec.target.name, targetName(spec.target)];
  return (
    (name === undefined || names.includes(name)) &&
    (phases === undefined || phases.includes(phaseOf(record))) &&
    (since === undefined || Date.parse(spec.detectedAt) >= since)
  );
}

/** Why a change of such a workload cannot be rolled back; undefined: it can. */
export const noRollback = ({
  spec: { target },
}: Pick<ChangeWorkload, 'spec'>): string | undefined =>
  adapterOfTarget(target)?.descriptor.noRollback;
