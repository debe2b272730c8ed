// SPDX-License-Identifier: Apache-2.0
import { isEqual } from '../../json/canonical.ts';
import { scaledValue } from '../../json/scaled-value.ts';
import type { StatefulSet, UpdateStrategy } from './objects.ts';

export const STRATEGY = '/spec/updateStrategy';

/**
 * Higher than any replica count: with the replica count itself, a scale-up would create updated
 * pods. No user sets this value.
 */
export const HOLD_ALL = 2_147_483_647;

export const partitionOf = (strategy: UpdateStrategy | undefined): number =>
  strategy?.rollingUpdate?.partition ?? 0;

/**
 * Pods that may be unavailable during an update; the API server drops the field where the feature
 * is not enabled.
 */
export const maxUnavailableOf = (strategy: UpdateStrategy | undefined, replicas: number): number =>
  Math.max(1, scaledValue(strategy?.rollingUpdate?.maxUnavailable ?? 1, replicas, Math.floor));

/**
 * The user's strategy with this partition. The type is always RollingUpdate: only that has a
 * partition.
 */
export const withPartition = (
  { rollingUpdate }: UpdateStrategy,
  partition: number,
): UpdateStrategy => ({ type: 'RollingUpdate', rollingUpdate: { ...rollingUpdate, partition } });

export const replicasOf = ({ spec }: Pick<StatefulSet, 'spec'>): number => spec.replicas ?? 1;

/** The user's strategy when the saved copy is lost: `HOLD_ALL` is never a user's value. */
export function withoutHold(strategy: UpdateStrategy): UpdateStrategy {
  const { rollingUpdate } = strategy;
  if (rollingUpdate?.partition !== HOLD_ALL) return strategy;
  return { ...strategy, rollingUpdate: { ...rollingUpdate, partition: 0 } };
}

/** Compares with defaults applied, because the API server adds them. */
export const isSameStrategy = (live: UpdateStrategy = {}, own: UpdateStrategy = {}): boolean =>
  isEqual(live, own) || isEqual(withDefaults(live), withDefaults(asStored(own, live)));

/**
 * The user's strategy as the API server stores it. Where `maxUnavailable` is not enabled, admission
 * sees the field before the server drops it; where it is enabled, the server always sets it.
 */
export function asStored(own: UpdateStrategy, live: UpdateStrategy = {}): UpdateStrategy {
  const isDropped =
    live.rollingUpdate !== undefined && live.rollingUpdate.maxUnavailable === undefined;
  if (!isDropped || own.rollingUpdate === undefined) return own;
  const { maxUnavailable: _, ...rollingUpdate } = own.rollingUpdate;
  return { ...own, rollingUpdate };
}

const withDefaults = ({ type = 'RollingUpdate', rollingUpdate }: UpdateStrategy): UpdateStrategy =>
  type === 'RollingUpdate'
    ? { type, rollingUpdate: { maxUnavailable: 1, partition: 0, ...rollingUpdate } }
    : { type };
