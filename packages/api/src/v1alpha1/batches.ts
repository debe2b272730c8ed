// SPDX-License-Identifier: Apache-2.0
import * as z from 'zod';

const PERCENT = /^([1-9][0-9]?|100)%$/;
const STEP_MESSAGE = 'must be a count of pods from 1, or a percentage from "1%" to "100%"';

/** `3` or `"30%"`. */
export const podCount = z
  .union([z.int32(STEP_MESSAGE).min(1, STEP_MESSAGE), z.string().regex(PERCENT, STEP_MESSAGE)], {
    error: STEP_MESSAGE,
  })
  .meta({
    'x-kubernetes-int-or-string': true,
    minimum: 1,
    maximum: 2 ** 31 - 1,
    pattern: PERCENT.source,
    maxLength: 4,
  });

/**
 * Steps of one type, as numbers in CEL. Up to Kubernetes 1.33, the cost estimate ignores the
 * `maxLength` of an int-or-string and assumes megabytes per step, so a rule can read each step only
 * once. String order therefore excludes values that `int()` cannot convert; the pattern rejects
 * these values.
 */
const COUNTS = 'self.filter(step, type(step) == int).map(step, int(step))';
const PERCENTAGES =
  "self.filter(step, type(step) == string && '0' < step && step <= '99%').map(step, int(step.replace('%', '')))";

const LARGER = 'are cumulative: each must be larger than the one before';

/** The steps of a release. */
export const batches = z
  .array(podCount)
  .min(1)
  .max(20)
  .optional()
  .meta({
    'x-kubernetes-list-type': 'atomic',
    'x-kubernetes-validations': [
      {
        rule: "self.indexOf('100%') in [-1, self.size() - 1]",
        message: 'nothing may follow 100%: remove it, or the steps after it',
      },
      { rule: `${COUNTS}.isSorted()`, message: `counts ${LARGER}` },
      { rule: `${PERCENTAGES}.isSorted()`, message: `percentages ${LARGER}` },
      {
        // Comparing all pairs exceeds the same cost limit.
        rule: 'self.all(step, self.indexOf(step) == self.lastIndexOf(step))',
        message: 'each step may occur only once',
      },
    ],
  })
  .describe(
    'Steps of the release, by default 1, 30%, 100%: pods of the new revision after each, as a count or a percentage. Counts must grow, percentages must grow, nothing may follow 100%. How a count compares with a percentage depends on the replicas: a step that is no larger than the one before releases nothing more. The rest follows the last.',
  );
