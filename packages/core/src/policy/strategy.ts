// SPDX-License-Identifier: Apache-2.0
import type { ChangePolicySpec } from '@altershield/api';

export type Strategy = NonNullable<ChangePolicySpec['release']['strategy']>;

/** How a change is released, and why not by the strategy of the policy. */
export interface StrategyChoice {
  readonly strategy: Strategy;
  readonly reason?: string;
}

interface StrategyKind {
  readonly strategies: Readonly<Record<string, true | string>>;
  readonly byTopology?: true | string;
}

/** Whether changes are held at admission and released by the operator. */
export const usesSteps = (strategy: Strategy): boolean => strategy !== 'Rolling';

/**
 * The strategy to release an object: the policy's, else Batch, else Rolling, as far as the kind and
 * the object support it. The schema has no default, because it depends on the kind.
 * @param unsupported why this object cannot be released in steps although its kind can
 */
export function strategyFor(
  {
    strategy: wanted = 'Batch',
    topologyKey,
  }: Pick<ChangePolicySpec['release'], 'strategy' | 'topologyKey'>,
  { strategies, byTopology }: StrategyKind,
  unsupported?: string,
): StrategyChoice {
  if (!usesSteps(wanted)) return { strategy: wanted };
  if (unsupported !== undefined) return { strategy: 'Rolling', reason: unsupported };
  const supported = strategies[wanted];
  if (typeof supported !== 'string') {
    return topologyKey !== undefined && typeof byTopology === 'string'
      ? { strategy: wanted, reason: `not by topologyKey: ${byTopology}` }
      : { strategy: wanted };
  }
  return { strategy: strategies['Batch'] === true ? 'Batch' : 'Rolling', reason: supported };
}
