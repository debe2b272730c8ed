// SPDX-License-Identifier: Apache-2.0
import type { ChangeWorkload } from '@altershield/api';
import { statusOf } from './status.ts';

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
  const released = own.findLast(({ spec }) => spec.to.fingerprint === fingerprint);
  if (released !== undefined) return isVerifiedBy(released);
  return own.some(({ spec: { from } }) => from?.fingerprint === fingerprint && from.verified);
}
