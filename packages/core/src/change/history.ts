// SPDX-License-Identifier: Apache-2.0
import type { ChangeWorkload } from '@altershield/api';
import { fingerprint, quarantineKey } from '../revision/fingerprint.ts';
import type { Template } from '../json/objects.ts';
import { isOver, statusOf } from './status.ts';

/** Whether a change ended well: only then is its revision a rollback target. */
export function isVerifiedBy(change: ChangeWorkload): boolean {
  const { phase, verdict } = statusOf(change);
  return phase === 'Success' && verdict === 'Pass';
}

/** Whether the revision that a change came from is verified, and so a rollback target. */
export const isFromVerified = (change: ChangeWorkload): boolean =>
  change.spec.from?.verified === true || statusOf(change).fromVerified === true;

/**
 * Whether a revision of a workload is verified: applying it again is a revert.
 * @param changes all records of the workload, oldest first; the latest verdict on a revision counts
 */
export function wasVerified(
  changes: readonly ChangeWorkload[],
  { uid, fingerprint }: { readonly uid: string; readonly fingerprint: string },
): boolean {
  const ofWorkload = changes.filter(({ spec }) => spec.target.uid === uid);
  return latestVerdict(ofWorkload, (revision) => revision.fingerprint === fingerprint) === true;
}

export interface Replacement {
  readonly uid: string;
  readonly template: Template;
  /** The template that it replaces. */
  readonly running: Template;
}

/**
 * Whether applying this template is a revert: it is verified, either exactly or except for the
 * restart annotation, which applying an earlier manifest leaves behind. Restarting the running
 * template is not a revert.
 * @param changes all records of the workload, oldest first
 */
export function isRevert(
  changes: readonly ChangeWorkload[],
  { uid, template, running }: Replacement,
): boolean {
  const ofWorkload = changes.filter(({ spec }) => spec.target.uid === uid);
  const wanted = fingerprint(template);
  const key = quarantineKey(template);
  const verdict = latestVerdict(ofWorkload, (revision) => revision.fingerprint === wanted);
  if (verdict === undefined) {
    const isAlike =
      latestVerdict(ofWorkload, (revision) => revision.quarantineKey === key) === true;
    return isAlike && quarantineKey(running) !== key;
  }
  // A template that failed with a restart annotation also fails without it, unless the change was
  // only that restart.
  const concernsRevision = ({ spec: { to, from } }: ChangeWorkload): boolean =>
    to.fingerprint === wanted || (to.quarantineKey === key && from?.quarantineKey !== key);
  const last = latest(
    ofWorkload.filter((change) => concernsRevision(change) && hasVerdict(change)),
  );
  return verdict && (last === undefined || isVerifiedBy(last));
}

type Revision = ChangeWorkload['spec']['to'];

/** Whether the latest verdict on a revision is that it is good; undefined: there is no verdict. */
function latestVerdict(
  changes: readonly ChangeWorkload[],
  isMatch: (revision: Pick<Revision, 'fingerprint' | 'quarantineKey'>) => boolean,
): boolean | undefined {
  const verdict = latest(changes.filter((c) => isMatch(c.spec.to) && hasVerdict(c)));
  if (verdict !== undefined) return isVerifiedBy(verdict);
  const cameFrom = (change: ChangeWorkload): boolean => {
    const { from } = change.spec;
    return from !== undefined && isMatch(from) && isFromVerified(change);
  };
  return changes.some(cameFrom) ? true : undefined;
}

/**
 * Whether a change says anything about its revision. One that was superseded, reverted by the user,
 * or not judged does not.
 */
function hasVerdict(change: ChangeWorkload): boolean {
  const { phase, reason, verdict, rolledBackAt } = statusOf(change);
  // Even if the rollback did not complete: starting it is a verdict.
  if (rolledBackAt !== undefined) return true;
  if (phase === 'RollingBack' || phase === 'RolledBack') return reason !== 'RevertedByUser';
  return isOver(phase) && phase !== 'Superseded' && (verdict === 'Pass' || verdict === 'Fail');
}

/**
 * The current record of a workload: the latest in effective order. An older change that was rolled
 * back later counts from its rollback, which is not a change itself. An older one that is still in
 * progress, because its last write hangs, does not account for what runs now.
 * @param changes all records of the workload, oldest first
 */
export function currentRecord<T extends ChangeWorkload>(changes: readonly T[]): T | undefined {
  return latest(changes);
}

const latest = <T extends ChangeWorkload>(changes: readonly T[]): T | undefined =>
  changes.reduce<T | undefined>(
    (last, change) => (last !== undefined && isLater(last, change) ? last : change),
    undefined,
  );

/** Orders records by when each last changed the workload. */
export const byEffectiveOrder = (a: ChangeWorkload, b: ChangeWorkload): number =>
  Number(isLater(a, b)) - Number(isLater(b, a));

/** If two were rolled back with no change in between, the time of the rollback decides. */
function isLater(a: ChangeWorkload, b: ChangeWorkload): boolean {
  if (effectiveSequence(a) !== effectiveSequence(b))
    return effectiveSequence(a) > effectiveSequence(b);
  return (statusOf(a).rolledBackAt ?? '') > (statusOf(b).rolledBackAt ?? '');
}

/** When a change last changed the workload, counted in changes and not by a clock. */
function effectiveSequence(change: ChangeWorkload): number {
  const { sequence } = change.spec;
  const { rolledBackAtSequence = sequence } = statusOf(change);
  return rolledBackAtSequence > sequence ? rolledBackAtSequence + 0.5 : sequence;
}
