// SPDX-License-Identifier: Apache-2.0
import type { ChangeWorkload } from '@altershield/api';
import { contentOf } from '../revision/content.ts';
import { byEffectiveOrder, isRevert } from './history.ts';

/**
 * The record whose quarantine denies this revision: the last one that was rolled back. If a user
 * lifts its quarantine, the older ones of the revision are lifted as well.
 * @param changes all records of the workload
 */
export function quarantineOf<T extends ChangeWorkload>(
  changes: readonly T[],
  quarantineKey: string,
  now: number,
): T | undefined {
  const last = [...changes]
    .sort(byEffectiveOrder)
    .reverse()
    .find(({ status }) => {
      const quarantine = status?.quarantine;
      if (quarantine?.fingerprint !== quarantineKey) return false;
      return quarantine.lifted !== undefined || Date.parse(quarantine.until) > now;
    });
  return last?.status?.quarantine?.lifted === undefined ? last : undefined;
}

/** Whether another change quarantined the revision that this one releases. */
export function isQuarantined(
  { metadata: { uid }, spec: { to } }: ChangeWorkload,
  changes: readonly ChangeWorkload[],
  now: number,
): boolean {
  const by = quarantineOf(changes, to.quarantineKey, now);
  return by !== undefined && by.metadata.uid !== uid;
}

/**
 * Whether the rollback target was quarantined after its last verification. A target that was
 * verified after the quarantine remains valid.
 */
export function isTargetQuarantined(
  { spec: { from, target } }: ChangeWorkload,
  changes: readonly ChangeWorkload[],
  now: number,
): boolean {
  if (from === undefined || quarantineOf(changes, from.quarantineKey, now) === undefined) {
    return false;
  }
  const template = contentOf(from);
  return !isRevert(changes, { uid: target.uid, template, running: template });
}
