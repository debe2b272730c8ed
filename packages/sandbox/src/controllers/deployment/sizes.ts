// SPDX-License-Identifier: Apache-2.0
import type { Deployment, IntOrPercent, ReplicaSet } from '../types.ts';
import { DESIRED_REPLICAS, MAX_REPLICAS, numberAnnotation } from './annotations.ts';

/** A count, or a share of `total`; surge rounds up, unavailability down. */
function scaledValue(value: IntOrPercent, total: number, round: (x: number) => number): number {
  return typeof value === 'number' ? value : round((Number.parseInt(value, 10) * total) / 100);
}

const isRolling = ({ spec }: Deployment): boolean => spec.strategy.type === 'RollingUpdate';

/** Surge and unavailability as pods; never both zero, or nothing could move. */
function fenceposts({ spec }: Deployment): { surge: number; unavailable: number } {
  const { maxSurge = 0, maxUnavailable = 0 } = spec.strategy.rollingUpdate ?? {};
  const surge = scaledValue(maxSurge, spec.replicas, Math.ceil);
  const unavailable = scaledValue(maxUnavailable, spec.replicas, Math.floor);
  return { surge, unavailable: surge === 0 && unavailable === 0 ? 1 : unavailable };
}

export const surgeOf = (deployment: Deployment): number =>
  isRolling(deployment) ? fenceposts(deployment).surge : 0;

export const sizeAnnotations = (deployment: Deployment): Readonly<Record<string, string>> => ({
  [DESIRED_REPLICAS]: String(deployment.spec.replicas),
  [MAX_REPLICAS]: String(deployment.spec.replicas + surgeOf(deployment)),
});

export function unavailableOf(deployment: Deployment): number {
  if (!isRolling(deployment)) return 0;
  return Math.min(fenceposts(deployment).unavailable, deployment.spec.replicas);
}

export const desiredTotal = (sets: readonly ReplicaSet[]): number =>
  sets.reduce((sum, { spec }) => sum + spec.replicas, 0);

type Count = 'replicas' | 'readyReplicas' | 'availableReplicas';

export const countedTotal = (sets: readonly ReplicaSet[], count: Count): number =>
  sets.reduce((sum, { status }) => sum + (status?.[count] ?? 0), 0);

/** How large the new ReplicaSet may be now, beside all others. */
export function newSetSize(
  deployment: Deployment,
  all: readonly ReplicaSet[],
  current: number,
): number {
  const { replicas } = deployment.spec;
  if (!isRolling(deployment)) return replicas;
  const { maxSurge = 0 } = deployment.spec.strategy.rollingUpdate ?? {};
  const room = replicas + scaledValue(maxSurge, replicas, Math.ceil) - desiredTotal(all);
  return room <= 0 ? current : current + Math.min(room, replicas - current);
}

/** Oldest first, names deciding between equals. */
export const byAge = (a: ReplicaSet, b: ReplicaSet): number => {
  const difference =
    Date.parse(a.metadata.creationTimestamp) - Date.parse(b.metadata.creationTimestamp);
  if (difference !== 0) return difference;
  return a.metadata.name < b.metadata.name ? -1 : 1;
};

/**
 * Shares `toAdd` pods (negative: takes them) among the ReplicaSets in proportion to their sizes,
 * largest first; the rounding remainder goes to the largest.
 */
export function proportionalSizes(
  deployment: Deployment,
  active: readonly ReplicaSet[],
  toAdd: number,
): Map<ReplicaSet, number> {
  const older = toAdd > 0 ? -1 : 1;
  const sorted =
    toAdd === 0
      ? [...active]
      : [...active].sort((a, b) => b.spec.replicas - a.spec.replicas || older * byAge(a, b));
  const sizes = new Map<ReplicaSet, number>();
  let added = 0;
  for (const set of sorted) {
    const share = proportion(deployment, set, { toAdd, added });
    sizes.set(set, set.spec.replicas + share);
    added += share;
  }
  const [largest] = sorted;
  if (largest !== undefined && toAdd !== 0) {
    sizes.set(largest, Math.max(0, (sizes.get(largest) ?? 0) + toAdd - added));
  }
  return sizes;
}

function proportion(
  deployment: Deployment,
  set: ReplicaSet,
  { toAdd, added }: { toAdd: number; added: number },
): number {
  if (set.spec.replicas === 0 || toAdd === 0 || toAdd === added) return 0;
  const share = fraction(deployment, set);
  return toAdd > 0 ? Math.min(share, toAdd - added) : Math.max(share, toAdd - added);
}

function fraction(deployment: Deployment, set: ReplicaSet): number {
  const { replicas } = deployment.spec;
  if (replicas === 0) return -set.spec.replicas;
  const before = numberAnnotation(set, MAX_REPLICAS) ?? deployment.status?.replicas ?? 0;
  if (before === 0) return 0;
  const scaled = (set.spec.replicas * (replicas + surgeOf(deployment))) / before;
  return Math.round(scaled) - set.spec.replicas;
}
