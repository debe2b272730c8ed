// SPDX-License-Identifier: Apache-2.0
import type { ChangePolicySpec } from '@altershield/api';

export type Strategy = NonNullable<ChangePolicySpec['release']['strategy']>;

/** How a change is released, and why not in batches where the policy would have it so. */
export interface StrategyChoice {
  readonly strategy: Strategy;
  readonly reason?: string;
}

/**
 * The strategy by which an object is released: the one that the policy asks for, else Batch, as far
 * as its kind and the object itself allow. The schema has no default, because that depends on the kind.
 * @param unsupported why this object cannot be released in batches although its kind can
 */
export function strategyFor(
  { strategy }: Pick<ChangePolicySpec['release'], 'strategy'>,
  kind: { readonly strategies: Readonly<Record<string, true | string>> },
  unsupported?: string,
): StrategyChoice {
  if (strategy === 'Rolling') return { strategy };
  const supported = kind.strategies['Batch'];
  const reason = unsupported ?? (typeof supported === 'string' ? supported : undefined);
  return reason === undefined ? { strategy: 'Batch' } : { strategy: 'Rolling', reason };
}
