// SPDX-License-Identifier: Apache-2.0
import type { ChangeWorkload } from '@altershield/api';
import { currentRecord } from './history.ts';
import { windowEndsAt } from './rollback-limit.ts';
import { isOver, statusOf } from './status.ts';

/** Records with a quarantine in force have a separate limit: this many times `historyLimit`. */
const QUARANTINED_FACTOR = 3;

/**
 * Selects the records to delete. While the workload exists, its newest record and the record of its
 * running revision stay: the latter names the verified revision. A record with a quarantine stays
 * while the quarantine is in force, up to a separate limit. A record of an automatic rollback stays
 * while it counts towards the rollback limit.
 * @param changes all records of the workload, oldest first
 */
export function expiredRecords<T extends ChangeWorkload>(
  changes: readonly T[],
  now: number,
  isGone = false,
): { readonly due: readonly T[]; readonly nextAt: number | undefined } {
  const newest = changes.at(-1);
  const records = newest?.spec.policy.spec.limits.historyLimit ?? 10;
  const kept = isGone ? [] : [newest, currentRecord(changes)];
  const finished = changes.filter((c) => !kept.includes(c) && isOver(statusOf(c).phase));
  const free = finished.filter((c) => windowEndsAt(c) <= now);
  const quarantined = free.filter((c) => quarantinedUntil(c, changes) > now);
  const idle = free.filter((c) => quarantinedUntil(c, changes) <= now);
  const surplus = idle.length + (isGone ? 0 : 1) - records;
  const due = [
    ...idle.filter((c, i) => i < surplus || expiresAt(c) <= now),
    ...quarantined.slice(0, Math.max(0, quarantined.length - QUARANTINED_FACTOR * records)),
  ];
  const later = finished
    .filter((c) => !due.includes(c))
    .flatMap((c) =>
      [windowEndsAt(c), quarantinedUntil(c, changes), expiresAt(c)].filter((at) => at > now),
    );
  return { due, nextAt: later.length === 0 ? undefined : Math.min(...later) };
}

const expiresAt = (change: ChangeWorkload): number =>
  Date.parse(statusOf(change).finishedAt ?? change.metadata.creationTimestamp) +
  change.spec.policy.spec.limits.historyTTLSeconds * 1000;

/** A lifted quarantine also lifts older ones of its revision, so its record must outlive them. */
function quarantinedUntil(change: ChangeWorkload, changes: readonly ChangeWorkload[]): number {
  const quarantine = change.status?.quarantine;
  if (quarantine === undefined) return 0;
  if (quarantine.lifted === undefined) return Date.parse(quarantine.until);
  const covered = changes.flatMap(({ status }) => {
    const other = status?.quarantine;
    const isCovered = other?.fingerprint === quarantine.fingerprint && other.lifted === undefined;
    return isCovered ? [Date.parse(other.until)] : [];
  });
  return Math.max(0, ...covered);
}
