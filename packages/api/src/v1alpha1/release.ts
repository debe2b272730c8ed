// SPDX-License-Identifier: Apache-2.0
import * as z from 'zod';
import { approval, stepApproval } from './approval.ts';
import { batches, podCount } from './batches.ts';

export const STRATEGIES = ['Batch', 'Rolling', 'Canary', 'BlueGreen'] as const;

/** A day: the longest time that a step may take or wait. */
const MAX_SECONDS = 86_400;
const seconds = (min: number) => z.int32().min(min).max(MAX_SECONDS);

/** Most batches, and one step for the rest after them. */
const MAX_STEPS = 21;

const LONGER_THAN_SOAK = {
  rule: '!has(self.deadlineSeconds) || !has(self.soakSeconds) || self.deadlineSeconds > self.soakSeconds',
  message: 'deadlineSeconds must be longer than soakSeconds: no step could pass in time',
};

const deadlineSeconds = seconds(1)
  .optional()
  .describe(
    'A step that has not passed after this time is Inconclusive. Default: only its pods have a deadline.',
  );

const step = z
  .strictObject({
    step: z.int32().min(1).max(MAX_STEPS).describe('Number of the step, from 1.'),
    soakSeconds: seconds(0).optional().describe('How long its pods must stay healthy.'),
    deadlineSeconds,
    pauseAfter: z
      .boolean()
      .optional()
      .describe(
        'True: when the step has passed, the change waits until a user runs `altershield resume`. Its pods are still checked.',
      ),
    approval: stepApproval.optional(),
    weight: z
      .int32()
      .min(0)
      .max(100)
      .optional()
      .describe(
        'Percentage of the requests that HTTPRoutes of the Gateway API send to updated pods in this step; only for Deployments with the strategies Batch and Canary. Default: requests follow the pods.',
      ),
  })
  .meta({ 'x-kubernetes-validations': [LONGER_THAN_SOAK] });

const steps = z
  .array(step)
  .min(1)
  .max(MAX_STEPS)
  .optional()
  .meta({ 'x-kubernetes-list-type': 'map', 'x-kubernetes-list-map-keys': ['step'] })
  .describe(
    'Settings of single steps. The steps are the batches; of Canary, the canary and the rest; of BlueGreen, all pods beside the stable ones, then the switch of the Services.',
  );

const canary = z
  .strictObject({
    pods: podCount
      .optional()
      .describe('Pods of the canary, as a count or a percentage. Default: 1.'),
    observeSeconds: seconds(0)
      .optional()
      .describe('How long they must stay healthy. Default: soakSeconds.'),
  })
  .optional()
  .describe('The first pods of the strategy Canary, compared with as many stable pods.');

const blueGreen = z
  .strictObject({
    keepSeconds: seconds(0)
      .optional()
      .describe(
        'How long the stable pods are kept after the switch, to switch back. Default: 300.',
      ),
  })
  .optional()
  .describe('Settings of the strategy BlueGreen.');

const LABEL_KEY = /^([a-z0-9]([-a-z0-9.]*[a-z0-9])?\/)?[A-Za-z0-9]([-A-Za-z0-9_.]*[A-Za-z0-9])?$/;

const onlyFor = (field: string, strategy: string) => ({
  rule: `!has(self.${field}) || (has(self.strategy) && self.strategy == '${strategy}')`,
  message: `${field} needs strategy: ${strategy}`,
});

export const release = z
  .strictObject({
    strategy: z
      .enum(STRATEGIES)
      .optional()
      .describe(
        'Default: Batch where the kind supports it, else Rolling. Batch: held at admission, then released in batches, each by the means of its kind. Canary: the same with a small first batch that is compared with as many stable pods, then all. BlueGreen: all pods beside the stable ones; once they are healthy, the Services are switched to them. Rolling: not held, judged while the native controller rolls at its own pace. A kind that does not support the strategy is released in batches, or else Rolling.',
      ),
    batches,
    topologyKey: z
      .string()
      .max(317)
      .regex(LABEL_KEY, 'must be the key of a label of nodes, such as topology.kubernetes.io/zone')
      .optional()
      .describe(
        'A label of nodes. Instead of batches, one batch for each of its values, in the order of the values; nodes without it come last. Only DaemonSets.',
      ),
    approval: approval.optional(),
    canary,
    blueGreen,
    soakSeconds: seconds(0)
      .default(10)
      .describe('How long all pods of a step must stay healthy before the next one.'),
    deadlineSeconds,
    steps,
  })
  .prefault({})
  .meta({
    'x-kubernetes-validations': [
      LONGER_THAN_SOAK,
      onlyFor('canary', 'Canary'),
      onlyFor('blueGreen', 'BlueGreen'),
      {
        rule: "!has(self.topologyKey) || !has(self.batches) && (!has(self.strategy) || self.strategy == 'Batch')",
        message:
          'topologyKey takes the place of batches and needs strategy: Batch: remove one of them',
      },
      {
        rule: "!has(self.approval) || !has(self.strategy) || self.strategy != 'Rolling'",
        message:
          'the strategy Rolling holds nothing, so no approval can be awaited: remove approval',
      },
      {
        rule: "!has(self.approval) || !has(self.steps) || self.approval.before != 'Change' || !self.steps.exists(each, each.step == 1 && has(each.approval))",
        message:
          'approval before the change is the approval of step 1, which steps sets too: remove one of them',
      },
      {
        rule: "!has(self.steps) || !has(self.strategy) || self.strategy != 'BlueGreen' || !self.steps.exists(each, has(each.weight))",
        message:
          'weight is not used by the strategy BlueGreen, which switches all requests: remove it',
      },
      {
        rule: "!has(self.batches) || !has(self.strategy) || !(self.strategy in ['Canary', 'BlueGreen'])",
        message: 'batches are not used by the strategies Canary and BlueGreen: remove them',
      },
    ],
  })
  .describe('How a change is released.');
