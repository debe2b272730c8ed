// SPDX-License-Identifier: Apache-2.0
import type { ChangePolicySpec } from '@altershield/api';
import type { IntOrPercent } from '../json/objects.ts';
import { scaledValue } from '../json/scaled-value.ts';

/** Steps of a release if the policy sets none. */
const DEFAULT_BATCHES: readonly IntOrPercent[] = [1, '30%', '100%'];

/**
 * The steps of a release. The schema has no default, because not every kind is released in steps.
 */
export const batchesOf = ({
  batches,
}: Pick<ChangePolicySpec['release'], 'batches'>): readonly IntOrPercent[] =>
  batches ?? DEFAULT_BATCHES;

/**
 * Updated pods at the end of each batch. Percentages follow `replicas`; the last batch is always
 * all pods, and no batch is smaller than the one before.
 */
export function batchTargets(steps: readonly IntOrPercent[], replicas: number): number[] {
  const targets: number[] = [];
  for (const step of steps) {
    const wanted = Math.min(replicas, Math.max(1, scaledValue(step, replicas, Math.ceil)));
    targets.push(Math.max(wanted, targets.at(-1) ?? 0));
  }
  if ((targets.at(-1) ?? 0) < replicas) targets.push(replicas);
  return targets;
}
