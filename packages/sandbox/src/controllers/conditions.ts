// SPDX-License-Identifier: Apache-2.0
import type { Condition, Pod } from './types.ts';

export const findCondition = (
  conditions: readonly Condition[] | undefined,
  type: string,
): Condition | undefined => conditions?.find((condition) => condition.type === type);

export const isReady = ({ status }: Pod): boolean =>
  findCondition(status.conditions, 'Ready')?.status === 'True';

export const isActive = ({ status, metadata }: Pod): boolean =>
  status.phase !== 'Succeeded' &&
  status.phase !== 'Failed' &&
  metadata.deletionTimestamp === undefined;

/** When the pod will have been ready for `minReadySeconds`; undefined while it is not ready. */
export function availableAt(pod: Pod, minReadySeconds: number): number | undefined {
  const ready = findCondition(pod.status.conditions, 'Ready');
  if (ready?.status !== 'True') return undefined;
  return Date.parse(ready.lastTransitionTime) + minReadySeconds * 1000;
}

/**
 * Puts a condition in its place. One with the same status and reason is kept as it is, and its
 * transition time survives a change of the reason alone.
 */
export function withCondition(
  conditions: readonly Condition[],
  next: Condition,
): readonly Condition[] {
  const current = findCondition(conditions, next.type);
  if (current?.status === next.status && current.reason === next.reason) return conditions;
  const settled =
    current?.status === next.status
      ? { ...next, lastTransitionTime: current.lastTransitionTime }
      : next;
  return [...withoutCondition(conditions, next.type), settled];
}

export const withoutCondition = (
  conditions: readonly Condition[],
  type: string,
): readonly Condition[] => conditions.filter((condition) => condition.type !== type);
