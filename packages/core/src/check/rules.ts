// SPDX-License-Identifier: Apache-2.0
import type { CheckReason, CheckResult } from '@altershield/api';
import { explainProblem, type Rule, type RuleEngine } from '../policy/rule-engine.ts';
import type { CheckInput, ChecksOf } from './check.ts';
import { resultOf, type CheckOutcome } from './finding.ts';
import type { PodView } from './pod-view.ts';
import type { Readings } from './request.ts';

/** Only known when the user writes: a rule that reads one of them is not evaluated again. */
const ONLY_AT_ADMISSION = ['oldObject', 'change'];

/**
 * The rules that a policy names, for each batch: those for batches, and those for admission, because
 * a write may have bypassed it.
 */
export const ruleChecks: ChecksOf = ({ settings: { rules = [] }, ruleEngine }) =>
  ruleEngine === undefined
    ? []
    : rules
        .filter((rule) => rule.when === 'During' || isKnownLater(rule, ruleEngine))
        .map((rule) => ({
          name: rule.name,
          isRequired: rule.required,
          evaluate: (input) => judgeRule(rule, input, ruleEngine),
        }));

const isKnownLater = (rule: Rule, engine: RuleEngine): boolean =>
  ONLY_AT_ADMISSION.every((name) => !engine.readsOf(rule).has(name));

/** True passes, false fails at once, and an error does neither. */
function judgeRule(rule: Rule, input: CheckInput, engine: RuleEngine): CheckOutcome {
  const result = engine.evaluate(rule, variablesOf(input));
  const say = (
    verdict: CheckResult['verdict'],
    reason: CheckReason,
    message: string,
  ): CheckOutcome => ({
    unhealthy: 0,
    result: resultOf(rule.name, { verdict, reason, message }),
  });
  if (!result.ok) return say('Inconclusive', 'RuleError', explainProblem(result.error));
  return result.isTrue
    ? say('Pass', 'RuleHolds', 'the rule holds')
    : say('Fail', 'RuleBroken', brokenText(rule));
}

/** What the user of the rule wrote about it, else the rule itself. */
export const brokenText = ({ message, expression }: Rule): string =>
  message ?? `${expression} is false`;

function variablesOf({
  checked,
  pods,
  object,
  readings,
}: CheckInput): Readonly<Record<string, unknown>> {
  const { namespace, kind, workload, change, batch, total } = checked;
  return {
    object,
    pods: pods.updated.map((pod) => factsOf(pod, pods.now)),
    stable: pods.stable.map((pod) => factsOf(pod, pods.now)),
    metrics: newestValues(readings),
    change: { name: change, namespace, kind, workload, batch, batches: total },
    now: new Date(pods.now),
  };
}

/** The newest value of each metric of the policy for the updated pods; of several series the first. */
const newestValues = (readings: Readings): Readonly<Record<string, number>> =>
  Object.fromEntries(
    [...readings].flatMap(([name, { answer }]) => {
      if (answer?.type !== 'Query') return [];
      const value = answer.series['Updated']?.[0]?.values.at(-1);
      return value === undefined ? [] : [[name, value] as const];
    }),
  );

/** A pod as rules see it. */
const factsOf = (pod: PodView, now: number) => ({
  ...{ name: pod.name, node: pod.node, ready: pod.ready, scheduled: pod.scheduled },
  ...{ restarts: pod.restarts, readinessLosses: pod.unreadyCount },
  ageSeconds: Math.max(0, Math.floor((now - pod.createdAt) / 1000)),
  terminated: pod.terminated === true,
  failure: pod.failure?.reason ?? '',
});
