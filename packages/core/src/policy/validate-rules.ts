// SPDX-License-Identifier: Apache-2.0
import type { ChangePolicySpec } from '@altershield/api';
import { invalid, type FieldError } from './field.ts';
import { explainProblem, type RuleEngine } from './rule-engine.ts';

/** Every problem of every rule. Without an engine, only the names are checked. */
export function checkRules(
  { rules = [], metrics = [] }: ChangePolicySpec['checks'],
  engine: RuleEngine | undefined,
): FieldError[] {
  const taken = new Set(metrics.map(({ name }) => name));
  return rules.flatMap((rule, i) => {
    const at = `spec.checks.rules[${i}]`;
    const problems = engine?.errorsIn(rule) ?? [];
    return [
      ...(taken.has(rule.name)
        ? [invalid(`${at}.name`, rule.name, 'is the name of a metric; choose another one')]
        : []),
      ...problems.map((each) => invalid(`${at}.expression`, rule.expression, explainProblem(each))),
    ];
  });
}
