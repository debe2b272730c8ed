// SPDX-License-Identifier: Apache-2.0
import { scaledValue } from '../../json/scaled-value.ts';
import type { StatefulSet, UpdateStrategy } from './objects.ts';

export const STRATEGY = '/spec/updateStrategy';

/** Not the number of replicas: pods that a scale-up creates beyond it would be updated ones. No user writes it. */
export const HOLD_ALL = 2_147_483_647;

export const partitionOf = (strategy: UpdateStrategy | undefined): number =>
  strategy?.rollingUpdate?.partition ?? 0;

/** Pods that may be unavailable during an update; the API server drops the field where it is not enabled. */
export const maxUnavailableOf = (strategy: UpdateStrategy | undefined, replicas: number): number =>
  Math.max(1, scaledValue(strategy?.rollingUpdate?.maxUnavailable ?? 1, replicas, Math.floor));

/** The user's strategy with this partition: whatever it is, pods are held by a partition. */
export const withPartition = (
  { rollingUpdate }: UpdateStrategy,
  partition: number,
): UpdateStrategy => ({ type: 'RollingUpdate', rollingUpdate: { ...rollingUpdate, partition } });

export const replicasOf = ({ spec }: Pick<StatefulSet, 'spec'>): number => spec.replicas ?? 1;

/** The user's strategy where the saved copy is lost: the held partition is never a user's value. */
export function withoutHold(strategy: UpdateStrategy): UpdateStrategy {
  const { rollingUpdate } = strategy;
  if (rollingUpdate?.partition !== HOLD_ALL) return strategy;
  return { ...strategy, rollingUpdate: { ...rollingUpdate, partition: 0 } };
}
