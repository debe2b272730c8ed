// SPDX-License-Identifier: Apache-2.0
import type { SavedFields } from '../../hold/saved-fields.ts';
import { scaledValue } from '../../json/scaled-value.ts';
import type { DaemonSet, UpdateStrategy } from './objects.ts';

/**
 * The only borrowed field: with `OnDelete`, the API server keeps the bounds of the rolling update,
 * so the user sees and edits them during a change as well.
 */
export const STRATEGY_TYPE = '/spec/updateStrategy/type';
export const ON_DELETE = 'OnDelete';

export const typeOf = ({ spec }: Pick<DaemonSet, 'spec'>): string =>
  spec.updateStrategy?.type ?? 'RollingUpdate';

/** The user's type while the object has the borrowed one. */
export function savedType({ userFields }: Pick<SavedFields, 'userFields'>): string {
  const type = userFields[STRATEGY_TYPE];
  return typeof type === 'string' ? type : 'RollingUpdate';
}

/** Nodes whose pod may be unavailable during an update; a percentage rounds up. */
export const maxUnavailableOf = (strategy: UpdateStrategy | undefined, nodes: number): number =>
  scaledValue(strategy?.rollingUpdate?.maxUnavailable ?? 1, nodes, Math.ceil);

/** Why a DaemonSet with this strategy of the user cannot be released in batches, and the hint. */
export interface Unsupported {
  readonly unsupported: string;
  readonly unsupportedHint: string;
}

export function unsupportedBy(strategy: UpdateStrategy): Unsupported | undefined {
  if (strategy.type === ON_DELETE) {
    return {
      unsupported: 'its update strategy is OnDelete: its user deletes the pods',
      unsupportedHint: 'set `spec.updateStrategy.type` to RollingUpdate',
    };
  }
  if (maxUnavailableOf(strategy, 100) > 0) return undefined;
  return {
    unsupported:
      'its maxUnavailable is 0, so it surges, and a batch has to delete a pod before its successor starts',
    unsupportedHint:
      'set `spec.updateStrategy.rollingUpdate.maxUnavailable` to 1 and maxSurge to 0',
  };
}
