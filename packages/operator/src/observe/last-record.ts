// SPDX-License-Identifier: Apache-2.0
import { statusOf } from '@altershield/core';
import type { ChangeObject } from '../kinds.ts';

/**
 * The record that accounts for what a workload runs. Usually the newest; but an older one that is
 * rolled back later, on somebody's word, has the last one: our own write of the way back is no change
 * that anybody made.
 * @param changes oldest first
 * @param running fingerprint of the workload's template
 */
export function lastOf(
  changes: readonly ChangeObject[],
  running: string,
): ChangeObject | undefined {
  const onItsWay = changes.find(
    (change) =>
      statusOf(change).phase === 'RollingBack' && change.spec.from?.fingerprint === running,
  );
  return (
    onItsWay ??
    changes.reduce<ChangeObject | undefined>(
      (last, change) => (last !== undefined && movedAt(last) > movedAt(change) ? last : change),
      undefined,
    )
  );
}

/** When a change last meant its workload to run another template. */
const movedAt = (change: ChangeObject): number =>
  Math.max(
    Date.parse(change.spec.detectedAt),
    Date.parse(statusOf(change).rolledBackAt ?? change.spec.detectedAt),
  );
