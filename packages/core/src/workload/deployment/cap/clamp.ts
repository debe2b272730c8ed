// SPDX-License-Identifier: Apache-2.0
import { COUNT_PATTERN, parseReleaseCap, type ReleaseCap } from './annotation.ts';

/** The clamp's input: one write of a ReplicaSet. */
export interface ReplicaSetWrite {
  /** `altershield.io/release` of the new object. */
  readonly release: string | undefined;
  /** Value of its label `pod-template-hash`; '' when it has none. */
  readonly hash: string;
  /** `spec.replicas` of the new object. */
  readonly asked: number;
  /** `spec.replicas` of the stored object; undefined for a CREATE. */
  readonly was: number | undefined;
  /** `deployment.kubernetes.io/desired-replicas` of the new object. */
  readonly desired: string | undefined;
  /** `deployment.kubernetes.io/desired-replicas` of the stored object. */
  readonly oldDesired: string | undefined;
}

/** The numbers of one write under a cap. */
interface Numbers {
  readonly asked: number;
  readonly was: number;
  /**
   * In this write the controller scales the whole Deployment; it does not move pods between
   * revisions.
   */
  readonly isScaling: boolean;
  /** Maximum that this revision may grow to, unless it is the verified one. */
  readonly cap: number;
  /** Minimum that the verified revision may be lowered to. */
  readonly floor: number;
}

const COUNT = new RegExp(COUNT_PATTERN);

/**
 * The replicas that a write of a ReplicaSet may set: the same table, line by line, as
 * `clamp-table.ts` has in CEL. `Invalid`: it grows under an annotation that cannot be read, so its
 * cap is unknown. Idempotent: clamping a clamped write changes nothing.
 */
export function clampReplicas(write: ReplicaSetWrite): { readonly allowed: number } | 'Invalid' {
  const { asked, was = 0 } = write;
  const release = parseReleaseCap(write.release);
  if (release === undefined) return { allowed: asked };
  // Scaling down and deletion must work even if the annotation is invalid.
  if (release === 'Invalid') return asked > was ? 'Invalid' : { allowed: asked };
  const isVerified = write.hash === release.verified;
  const numbers = numbersOf(write, release);
  return { allowed: isVerified ? allowedOfVerified(numbers) : allowedOfOthers(numbers) };
}

function numbersOf(write: ReplicaSetWrite, release: ReleaseCap): Numbers {
  const { asked, was, hash } = write;
  const [desired = '', oldDesired = ''] = [write.desired, write.oldDesired];
  // The controller writes the Deployment's desired replicas in the same write. Do not use `asked`
  // instead: admission runs again on the clamped object, and would clamp that value.
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

/**
 * The target's pods: the released number, or its share if the Deployment was scaled below
 * `replicas`.
 */
export function releasedShare(
  { released, replicas }: Pick<ReleaseCap, 'released' | 'replicas'>,
  desired: number,
): number {
  if (desired >= replicas) return released;
  // The product of two counts can exceed the safe integer range.
  return Number((BigInt(released) * BigInt(desired)) / BigInt(replicas));
}

/** The verified revision is never capped, so every revert works; but it keeps a floor. */
function allowedOfVerified({ asked, was, isScaling, floor }: Numbers): number {
  // At or above the floor: allow.
  if (asked >= floor) return asked;
  // The Deployment is scaled: this revision gets the pods that the target may not have, at once.
  if (isScaling) return floor;
  // Below the floor, but growing or unchanged: allow.
  if (asked >= was) return asked;
  // Lowered from below the floor: unchanged. Lowered from above: down to the floor.
  return Math.min(was, floor);
}

/** Every other revision may shrink at any time, and grow to its cap. */
function allowedOfOthers({ asked, was, cap }: Numbers): number {
  // Shrinks or stays: allow.
  if (asked <= was) return asked;
  // Grows within its cap: allow.
  if (asked <= cap) return asked;
  // Grows beyond its cap: to the cap, but never below its current size.
  return Math.max(was, cap);
}
