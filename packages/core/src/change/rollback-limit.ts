// SPDX-License-Identifier: Apache-2.0
import type { ChangeWorkload } from '@altershield/api';

const HOUR_MS = 3_600_000;

/** Until when a change counts as an automatic rollback; 0 for all other changes. */
export const windowEndsAt = ({ status }: Pick<ChangeWorkload, 'status'>): number =>
  status?.automaticRollback === true && status.rolledBackAt !== undefined
    ? Date.parse(status.rolledBackAt) + HOUR_MS
    : 0;

/** The automatic rollbacks of a workload within the last hour, without this change. */
export const recentRollbacks = (
  { metadata: { uid } }: ChangeWorkload,
  changes: readonly ChangeWorkload[],
  now: number,
): number =>
  changes.filter((other) => other.metadata.uid !== uid && windowEndsAt(other) > now).length;
