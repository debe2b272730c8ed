// SPDX-License-Identifier: Apache-2.0
import type { IntOrPercent, StatefulSet } from '../types.ts';
import {
  isAvailable,
  isTerminating,
  isUnavailable,
  type Availability,
  type Replica,
} from './replicas.ts';

export interface UpdateInput {
  /** One for each ordinal, the lowest first. */
  readonly replicas: readonly Replica[];
  readonly updateRevision: string;
  readonly availability: Availability;
  readonly hasMaxUnavailable: boolean;
}

/** Which pods are deleted now, so that they come back with the update revision: the highest ordinals first. */
export function podsToUpdate(set: StatefulSet, input: UpdateInput): readonly Replica[] {
  const { type, rollingUpdate } = set.spec.updateStrategy;
  if (type === 'OnDelete') return [];
  // Counted from the lowest ordinal, wherever the ordinals start.
  const released = input.replicas.slice(rollingUpdate?.partition ?? 0).toReversed();
  if (!input.hasMaxUnavailable) return oneByOne(released, input);
  const budget = budgetOf(rollingUpdate?.maxUnavailable ?? 1, set, input);
  return set.spec.podManagementPolicy === 'Parallel'
    ? unavailableFirst(released, budget, input)
    : released.filter((replica) => isOutdated(replica, input)).slice(0, Math.max(0, budget));
}

const isOutdated = (replica: Replica, { updateRevision }: UpdateInput): boolean =>
  replica.revision !== updateRevision && !isTerminating(replica);

/** The first outdated one, unless one above it is unavailable. */
function oneByOne(released: readonly Replica[], input: UpdateInput): readonly Replica[] {
  for (const replica of released) {
    if (isOutdated(replica, input)) return [replica];
    if (isUnavailable(replica, input.availability)) return [];
  }
  return [];
}

/** How many more may become unavailable; every unavailable pod counts, released or not. */
function budgetOf(
  maxUnavailable: IntOrPercent,
  { spec }: StatefulSet,
  { replicas, availability }: UpdateInput,
): number {
  const share =
    typeof maxUnavailable === 'number'
      ? maxUnavailable
      : Math.floor((Number.parseInt(maxUnavailable, 10) * spec.replicas) / 100);
  const unavailable = replicas.filter((replica) => isUnavailable(replica, availability)).length;
  return Math.max(1, share) - unavailable;
}

/** All outdated pods that are unavailable anyway, whatever the budget; then others within it. */
function unavailableFirst(
  released: readonly Replica[],
  budget: number,
  input: UpdateInput,
): readonly Replica[] {
  const outdated = released.filter((replica) => isOutdated(replica, input));
  const isUp = (replica: Replica): boolean => isAvailable(replica, input.availability);
  const up = outdated.filter(isUp).slice(0, Math.max(0, budget));
  return [...outdated.filter((replica) => !isUp(replica)), ...up];
}
