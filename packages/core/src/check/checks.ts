// SPDX-License-Identifier: Apache-2.0
import type { CheckInput, ChecksOf } from './check.ts';
import { combine, type Evaluated } from './combine.ts';
import type { CheckOutcome } from './finding.ts';
import { metricChecks } from './metric.ts';
import { judgePods } from './pod-health.ts';
import { ruleChecks } from './rules.ts';
import { judgeRun, judgeStart } from './run.ts';
import { signalChecks } from './signals.ts';
import { unusableChecks } from './used-checks.ts';
import { webhookChecks } from './webhook.ts';

/** Every kind of check beside the health of the pods. A new one is one file and one line here. */
const CHECKS: readonly ChecksOf[] = [
  metricChecks,
  signalChecks,
  ruleChecks,
  webhookChecks,
  unusableChecks,
];

/** The verdict of a batch: by the health of its pods first, then by every check of the policy. */
export function judgeBatch(input: CheckInput): CheckOutcome {
  const pods = judgeHealth(input);
  // Without pods there is nothing to measure; with a bad one there is nothing left to ask.
  if (pods.result.verdict === 'None' || pods.result.verdict === 'Fail') return pods;
  const others = CHECKS.flatMap((of) => of(input)).map((check): Evaluated => ({
    outcome: check.evaluate(input),
    isRequired: check.isRequired && !input.isOverridden,
  }));
  return combine([{ outcome: pods, isRequired: true }, ...others.filter(counts(pods))]);
}

/** Pods that cannot become healthy are not waited for: of the other checks, only a Fail counts. */
const counts =
  ({ result }: CheckOutcome) =>
  ({ outcome }: Evaluated): boolean =>
    result.verdict !== 'Inconclusive' || outcome.result.verdict !== 'Pending';

/** Where pods run to completion, the last step is over when all have; others, when they started. */
function judgeHealth({ completion, pods }: CheckInput): CheckOutcome {
  if (completion === undefined) return judgePods(pods);
  const { run, isLast } = completion;
  return isLast ? judgeRun(run, pods) : judgeStart(run, pods);
}
