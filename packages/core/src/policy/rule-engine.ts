// SPDX-License-Identifier: Apache-2.0
import type { ChangePolicySpec } from '@altershield/api';

export type Rule = NonNullable<ChangePolicySpec['checks']['rules']>[number];

/** What is wrong with an expression, and where; lines and columns from 1. */
export interface RuleProblem {
  readonly line: number;
  readonly column: number;
  readonly message: string;
  readonly hint?: string;
}

export type RuleResult =
  | { readonly ok: true; readonly isTrue: boolean }
  | { readonly ok: false; readonly error: RuleProblem };

/**
 * Compiles and evaluates rules. Synchronous and without effect: the operator loads it when the first
 * rule exists, and passes it in.
 */
export interface RuleEngine {
  readonly errorsIn: (rule: Rule) => readonly RuleProblem[];
  /** The variables that a valid rule reads. */
  readonly readsOf: (rule: Rule) => ReadonlySet<string>;
  /** Never throws. `variables` are JSON, and a `Date` for `now`. */
  readonly evaluate: (rule: Rule, variables: Readonly<Record<string, unknown>>) => RuleResult;
}

/** A problem as one sentence, with its place and its hint. */
export const explainProblem = ({ line, column, message, hint }: RuleProblem): string =>
  `line ${line}, column ${column}: ${message}${hint === undefined ? '' : ` (${hint})`}`;
