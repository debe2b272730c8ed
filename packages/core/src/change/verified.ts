// SPDX-License-Identifier: Apache-2.0
import type { ChangeWorkload } from '@altershield/api';
import { isOver, statusOf } from './status.ts';

/** Whether a change ended well: only then is its revision one to go back to. */
export function isVerifiedBy(change: ChangeWorkload): boolean {
  const { phase, verdict } = statusOf(change);
  return phase === 'Success' && verdict === 'Pass';
}

/**
 * Whether a revision of a workload was proven good before: applying it again is a way back.
 * @param changes all records of the workload, oldest first; the last word on a revision counts
 */
export function wasVerified(
  changes: readonly ChangeWorkload[],
  { uid, fingerprint }: { readonly uid: string; readonly fingerprint: string },
): boolean {
  const own = changes.filter(({ spec }) => spec.target.uid === uid);
  const word = latest(own.filter((c) => c.spec.to.fingerprint === fingerprint && saysSomething(c)));
  if (word !== undefined) return isVerifiedBy(word);
  return own.some(({ spec: { from } }) => from?.fingerprint === fingerprint && from.verified);
}

/** A change that was overtaken, taken back by its owner, or not judged leaves its revision as good as it was. */
function saysSomething(change: ChangeWorkload): boolean {
  const { phase, reason, verdict } = statusOf(change);
  if (phase === 'RollingBack' || phase === 'RolledBack') return reason !== 'RevertedByUser';
  return isOver(phase) && phase !== 'Superseded' && (verdict === 'Pass' || verdict === 'Fail');
}

/**
 * The record that accounts for what a workload runs: the one in flight, or else the newest, unless an
 * older one was rolled back since, on somebody's word: our own write of the way back is no change.
 * @param changes all records of the workload, oldest first
 */
export function accountingFor<T extends ChangeWorkload>(changes: readonly T[]): T | undefined {
  return latest(changes.filter((change) => !isOver(statusOf(change).phase))) ?? latest(changes);
}

const latest = <T extends ChangeWorkload>(changes: readonly T[]): T | undefined =>
  changes.reduce<T | undefined>(
    (last, change) => (last !== undefined && turnOf(last) > turnOf(change) ? last : change),
    undefined,
  );

/** When a change last had its way with the workload, in numbers of changes: no clock is asked. */
function turnOf(change: ChangeWorkload): number {
  const { sequence } = change.spec;
  const { rolledBackAfter = sequence } = statusOf(change);
  return rolledBackAfter > sequence ? rolledBackAfter + 0.5 : sequence;
}
