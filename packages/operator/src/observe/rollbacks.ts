// SPDX-License-Identifier: Apache-2.0
import type { ChangeObject } from '../kinds.ts';

const HOUR_MS = 3_600_000;

/** Until when a change counts as an automatic rollback of its workload; 0 for all others. */
export const countsUntil = ({ status }: ChangeObject): number =>
  status?.automaticRollback === true && status.rolledBackAt !== undefined
    ? Date.parse(status.rolledBackAt) + HOUR_MS
    : 0;
