// SPDX-License-Identifier: Apache-2.0
import type { ChangePolicySpec } from '@altershield/api';

export type Strategy = NonNullable<ChangePolicySpec['release']['strategy']>;

/** How a change is released, and why not in batches if the policy asks for them. */
export interface StrategyChoice {
  readonly strategy: Strategy;
  readonly reason?: string;
}

/**
 * The strategy to release an object: the policy's, or else Batch, as far as the kind and the object
 * support it. The schema has no default, because it depends on the kind.
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
