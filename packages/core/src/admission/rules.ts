// SPDX-License-Identifier: Apache-2.0
import { brokenText } from '../check/rules.ts';
import { explainProblem, type Rule, type RuleEngine } from '../policy/rule-engine.ts';
import type { WorkloadObject } from '../json/objects.ts';
import type { ValidPolicy } from '../policy/match.ts';
import type { Request } from './review.ts';

export interface RuledWrite {
  readonly request: Request<WorkloadObject>;
  readonly policy: ValidPolicy;
  readonly kind: string;
  readonly engine: RuleEngine | undefined;
  readonly now: number;
}

export interface RuleFindings {
  /** Why the write is denied; one sentence for each rule that is false. */
  readonly denials: readonly string[];
  readonly warnings: readonly string[];
}

/**
 * Evaluates the rules for admission. A rule that is false denies the change; in audit mode, or when
 * the rule is not required, it warns. A rule that cannot be evaluated warns: an error in a rule is
 * no evidence against a change, and its batches are checked.
 */
export function applyRules(write: RuledWrite): RuleFindings {
  const { policy, engine } = write;
  const rules = (policy.spec.checks.rules ?? []).filter(({ when }) => when === 'Pre');
  if (engine === undefined || rules.length === 0) return { denials: [], warnings: [] };
  const variables = variablesOf(write);
  const broken: Rule[] = [];
  const errors: string[] = [];
  for (const rule of rules) {
    const result = engine.evaluate(rule, variables);
    if (!result.ok) errors.push(errorText(rule, policy, explainProblem(result.error)));
    else if (!result.isTrue) broken.push(rule);
  }
  const isDenied = (rule: Rule): boolean => rule.required && policy.spec.mode === 'Enforce';
  return {
    denials: broken.filter(isDenied).map(sentence),
    warnings: [
      ...broken.filter((rule) => !isDenied(rule)).map((rule) => `AlterShield: ${sentence(rule)}`),
      ...errors,
    ],
  };
}

const sentence = (rule: Rule): string => `rule ${rule.name}: ${brokenText(rule)}`;

const errorText = (rule: Rule, { namespace, name }: ValidPolicy, error: string): string =>
  `AlterShield: rule ${rule.name} of policy ${namespace}/${name} could not be evaluated: ${error}`;

const variablesOf = ({ request, kind, now }: RuledWrite): Readonly<Record<string, unknown>> => {
  const { object, oldObject, namespace, user } = request;
  const { name } = object.metadata;
  return {
    ...{ object, oldObject: oldObject ?? null },
    change: { kind, namespace, workload: name, user: user.name, groups: user.groups ?? [] },
    now: new Date(now),
  };
};
