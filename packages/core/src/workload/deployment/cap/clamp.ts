// SPDX-License-Identifier: Apache-2.0
import { COUNT_PATTERN, parseReleaseCap, type ReleaseCap } from './annotation.ts';

/** What the clamp reads of one write of a ReplicaSet. */
export interface ReplicaSetWrite {
  /** `altershield.io/release` of the new object. */
  readonly release: string | undefined;
  /** Its label `pod-template-hash`; '' when it has none. */
  readonly hash: string;
  /** `spec.replicas` of the new object. */
  readonly asked: number;
  /** `spec.replicas` of the stored object; undefined for a CREATE. */
  readonly was: number | undefined;
  /** `deployment.kubernetes.io/desired-replicas` of the new object. */
  readonly desired: string | undefined;
  /** The same of the stored object. */
  readonly oldDesired: string | undefined;
}

/** The numbers of one write under a cap. */
interface Numbers {
  readonly asked: number;
  readonly was: number;
  /** The controller scales the whole Deployment in this write, rather than moving pods between revisions. */
  readonly isScaling: boolean;
  /** Most pods that this revision may grow to, unless it is the verified one. */
  readonly cap: number;
  /** Fewest pods that the verified revision is lowered to. */
  readonly floor: number;
}

const COUNT = new RegExp(COUNT_PATTERN);

/**
 * How many replicas a write of a ReplicaSet may leave it with: the same table, line by line, as
 * `clamp-table.ts` has in CEL. `Invalid`: it grows under an annotation that cannot be read, and so
 * under an unknown cap. Clamping what was clamped changes nothing.
 */
export function clampReplicas(write: ReplicaSetWrite): { readonly allowed: number } | 'Invalid' {
  const { asked, was = 0 } = write;
  const release = parseReleaseCap(write.release);
  if (release === undefined) return { allowed: asked };
  // Scaling down and deletion must never depend on an annotation that somebody broke.
  if (release === 'Invalid') return asked > was ? 'Invalid' : { allowed: asked };
  const isVerified = write.hash === release.verified;
  const numbers = numbersOf(write, release);
  return { allowed: isVerified ? allowedOfVerified(numbers) : allowedOfOthers(numbers) };
}

function numbersOf(write: ReplicaSetWrite, release: ReleaseCap): Numbers {
  const { asked, was, hash } = write;
  const [desired = '', oldDesired = ''] = [write.desired, write.oldDesired];
  // The controller puts what the user wants in all into the same write. Never `asked` in its place:
  // admission runs again on what it clamped, and would clamp that.
  const wanted = COUNT.test(desired) ? Number(desired) : release.replicas;
  const share = releasedShare(release, wanted);
  return {
    asked,
    was: was ?? 0,
    isScaling: was !== undefined && desired !== oldDesired,
    cap: hash === release.target ? share : 0,
    floor: wanted - share,
  };
}

/** The target's pods: as many as were released, or their share of a Deployment that was scaled below. */
export function releasedShare(
  { released, replicas }: Pick<ReleaseCap, 'released' | 'replicas'>,
  desired: number,
): number {
  if (desired >= replicas) return released;
  // The product of two counts may exceed what a number holds exactly.
  return Number((BigInt(released) * BigInt(desired)) / BigInt(replicas));
}

/** The verified revision is never capped, so that every revert works; but it keeps a floor. */
function allowedOfVerified({ asked, was, isScaling, floor }: Numbers): number {
  // At or above the floor: whatever is asked.
  if (asked >= floor) return asked;
  // The Deployment is scaled: what the target may not have, this revision gets at once.
  if (isScaling) return floor;
  // Below the floor, but on the way up or unchanged: whatever is asked.
  if (asked >= was) return asked;
  // Lowered from below the floor: stays. Lowered from above: down to the floor.
  return Math.min(was, floor);
}

/** Every other revision may shrink at any time, and grow to its cap. */
function allowedOfOthers({ asked, was, cap }: Numbers): number {
  // Shrinks or stays: whatever is asked.
  if (asked <= was) return asked;
  // Grows to what is released, or less: whatever is asked.
  if (asked <= cap) return asked;
  // Grows beyond: to its cap, but never down from what it has.
  return Math.max(was, cap);
}
