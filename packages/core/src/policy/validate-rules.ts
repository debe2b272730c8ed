// SPDX-License-Identifier: Apache-2.0
import type { ChangePolicySpec } from '@altershield/api';
import { invalid, type FieldError } from './field.ts';
import { explainProblem, type RuleEngine } from './rule-engine.ts';

/** Every problem of every rule; without an engine, none is known. */
export function checkRules(
  { rules = [] }: ChangePolicySpec['checks'],
  engine: RuleEngine | undefined,
): FieldError[] {
  return rules.flatMap((rule, i) =>
    (engine?.errorsIn(rule) ?? []).map((each) =>
      invalid(`spec.checks.rules[${i}].expression`, rule.expression, explainProblem(each)),
    ),
  );
}
