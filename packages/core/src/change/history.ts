// SPDX-License-Identifier: Apache-2.0
import type { ChangeWorkload } from '@altershield/api';
import { fingerprint, quarantineKey } from '../revision/fingerprint.ts';
import type { Template } from '../json/objects.ts';
import { isOver, statusOf } from './status.ts';

/** Whether a change ended well: only then is its revision one to go back to. */
export function isVerifiedBy(change: ChangeWorkload): boolean {
  const { phase, verdict } = statusOf(change);
  return phase === 'Success' && verdict === 'Pass';
}

/** Whether the revision that a change came from is one to go back to. */
export const isFromVerified = (change: ChangeWorkload): boolean =>
  change.spec.from?.verified === true || statusOf(change).fromVerified === true;

/**
 * Whether a revision of a workload was proven good before: applying it again is a way back.
 * @param changes all records of the workload, oldest first; the last word on a revision counts
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
  /** What runs, or ran, in its place. */
  readonly running: Template;
}

/**
 * Whether to put this template there is a way back: it was proven good before, as it is or but for the
 * mark of a restart, which an apply of the former manifest leaves behind. A restart of what runs is none.
 * @param changes all records of the workload, oldest first
 */
export function isRevert(
  changes: readonly ChangeWorkload[],
  { uid, template, running }: Replacement,
): boolean {
  const ofWorkload = changes.filter(({ spec }) => spec.target.uid === uid);
  const is = fingerprint(template);
  const refusal = quarantineKey(template);
  const verdict = latestVerdict(ofWorkload, (revision) => revision.fingerprint === is);
  if (verdict === undefined) {
    const isAlike =
      latestVerdict(ofWorkload, (revision) => revision.quarantineKey === refusal) === true;
    return isAlike && quarantineKey(running) !== refusal;
  }
  // What failed with the mark of a restart is no better without, unless it was but that restart.
  const concernsRevision = ({ spec: { to, from } }: ChangeWorkload): boolean =>
    to.fingerprint === is || (to.quarantineKey === refusal && from?.quarantineKey !== refusal);
  const last = latest(
    ofWorkload.filter((change) => concernsRevision(change) && hasVerdict(change)),
  );
  return verdict && (last === undefined || isVerifiedBy(last));
}

type Revision = ChangeWorkload['spec']['to'];

/** Whether the last that was said of a revision is that it is good; undefined: nothing was said. */
function latestVerdict(
  changes: readonly ChangeWorkload[],
  isIt: (revision: Pick<Revision, 'fingerprint' | 'quarantineKey'>) => boolean,
): boolean | undefined {
  const verdict = latest(changes.filter((c) => isIt(c.spec.to) && hasVerdict(c)));
  if (verdict !== undefined) return isVerifiedBy(verdict);
  const cameFrom = (change: ChangeWorkload): boolean => {
    const { from } = change.spec;
    return from !== undefined && isIt(from) && isFromVerified(change);
  };
  return changes.some(cameFrom) ? true : undefined;
}

/** A change that was overtaken, taken back by its owner, or not judged leaves its revision as good as it was. */
function hasVerdict(change: ChangeWorkload): boolean {
  const { phase, reason, verdict, rolledBackAt } = statusOf(change);
  // Whatever became of the way back: that somebody took it is the word.
  if (rolledBackAt !== undefined) return true;
  if (phase === 'RollingBack' || phase === 'RolledBack') return reason !== 'RevertedByUser';
  return isOver(phase) && phase !== 'Superseded' && (verdict === 'Pass' || verdict === 'Fail');
}

/**
 * The record that accounts for what a workload runs: the one in flight, or else the newest, unless an
 * older one was rolled back since, on somebody's word: our own write of the way back is no change.
 * @param changes all records of the workload, oldest first
 */
export function currentRecord<T extends ChangeWorkload>(changes: readonly T[]): T | undefined {
  return latest(changes.filter((change) => !isOver(statusOf(change).phase))) ?? latest(changes);
}

const latest = <T extends ChangeWorkload>(changes: readonly T[]): T | undefined =>
  changes.reduce<T | undefined>(
    (last, change) => (last !== undefined && isLater(last, change) ? last : change),
    undefined,
  );

/** Orders records by when each last had its way with the workload. */
export const byEffectiveOrder = (a: ChangeWorkload, b: ChangeWorkload): number =>
  Number(isLater(a, b)) - Number(isLater(b, a));

/** Of two that were rolled back with no change in between, only the clock knows. */
function isLater(a: ChangeWorkload, b: ChangeWorkload): boolean {
  if (effectiveSequence(a) !== effectiveSequence(b))
    return effectiveSequence(a) > effectiveSequence(b);
  return (statusOf(a).rolledBackAt ?? '') > (statusOf(b).rolledBackAt ?? '');
}

/** When a change last had its way with the workload, in numbers of changes: no clock is asked. */
function effectiveSequence(change: ChangeWorkload): number {
  const { sequence } = change.spec;
  const { rolledBackAtSequence = sequence } = statusOf(change);
  return rolledBackAtSequence > sequence ? rolledBackAtSequence + 0.5 : sequence;
}
