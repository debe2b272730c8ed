// SPDX-License-Identifier: Apache-2.0
import * as z from 'zod';
import { anyFields, text } from './common.ts';

export const SLOW_PODS = ['Suspend', 'Fail', 'Ignore'] as const;

const podHealth = z
  .strictObject({
    readyDeadlineSeconds: z
      .int32()
      .min(1)
      .max(86_400)
      .optional()
      .describe('Pods must be ready within. Default: the workload’s own progressDeadlineSeconds.'),
    slowPods: z
      .enum(SLOW_PODS)
      .default('Suspend')
      .describe(
        'A pod that is unready for many times longer than stable pods needed. Suspend: the change says so, goes on by itself when the pod is ready, and fails at the deadline. Fail: it fails at once. Ignore: only the deadline counts.',
      ),
    maxRestarts: z
      .int32()
      .min(0)
      .max(1000)
      .default(2)
      .describe('More container restarts than this in one pod fail the batch.'),
    maxReadinessLosses: z
      .int32()
      .min(0)
      .max(1000)
      .default(1)
      .describe('A pod that lost readiness more often than this (flapping) fails the batch.'),
  })
  .prefault({})
  .describe('Pod health, always checked and compared with stable pods.');

/** Names of checks. `podHealth` is taken. */
const NAME = /^[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?$/;

const checkName = z
  .string()
  .max(63)
  .regex(NAME, 'must be lower-case letters, digits and dashes')
  .describe('Name of the check, unique in the policy.');

const required = z
  .boolean()
  .default(true)
  .describe('False: the outcome is recorded and changes nothing.');

/** Checks of one sort, by their names. */
const listOf = <C extends z.ZodType>(check: C, description: string) =>
  z
    .array(check)
    .max(12)
    .optional()
    .meta({ 'x-kubernetes-list-type': 'map', 'x-kubernetes-list-map-keys': ['name'] })
    .describe(description);

export const WORSE = ['Higher', 'Lower', 'Both'] as const;

const interval = z.int32().min(1).max(3600).default(15).describe('Time between two values.');

const observeSeconds = z
  .int32()
  .min(1)
  .max(86_400)
  .default(120)
  .describe('How long the metric is observed after all pods of the batch are ready.');

const minEffect = z
  .strictObject({
    absolute: z.number().min(0).default(0).describe('In the unit of the metric.'),
    relative: z
      .number()
      .min(0)
      .default(0.1)
      .describe('As a share of the level before: 1 is doubled.'),
  })
  .optional()
  .describe('Smaller differences are no failure, however significant. Default: a tenth.');

const metric = z
  .strictObject({
    name: checkName,
    source: z
      .string()
      .max(253)
      .optional()
      .describe(
        'The MetricSource to query, in the namespace of the policy or of the operator. Default: the default source.',
      ),
    query: z
      .string()
      .min(1)
      .max(4096)
      .describe(
        'PromQL. $namespace, $workload and $pods (a regular expression that matches the names of pods) are replaced. With $pods, updated pods are compared with stable ones.',
      ),
    worse: z
      .enum(WORSE)
      .default('Higher')
      .describe('Which deviation from stable pods, and from the time before, is a failure.'),
    minEffect,
    max: z
      .number()
      .optional()
      .describe('Values above it are failures. With max or min, nothing else is compared.'),
    min: z.number().optional().describe('Values below it are failures.'),
    consecutive: z
      .int32()
      .min(1)
      .max(100)
      .default(2)
      .describe('How many values in a row must be beyond max or min.'),
    intervalSeconds: interval,
    observeSeconds,
    deadlineSeconds: z
      .int32()
      .min(1)
      .max(86_400)
      .default(600)
      .describe(
        'Without enough data by then, the check is Inconclusive. Counts like observeSeconds.',
      ),
    required,
  })
  .meta({
    'x-kubernetes-validations': [
      {
        rule: '!has(self.deadlineSeconds) || !has(self.observeSeconds) || self.deadlineSeconds >= self.observeSeconds',
        message:
          'deadlineSeconds must not be shorter than observeSeconds: the check could never pass',
      },
      {
        rule: '!has(self.max) || !has(self.min) || self.max >= self.min',
        message: 'max must not be less than min: no value could pass',
      },
    ],
  });

export const SIGNAL_MODES = ['Required', 'Record', 'Disabled'] as const;

const signals = z
  .strictObject({
    mode: z
      .enum(SIGNAL_MODES)
      .default('Required')
      .describe('Required: a signal that worsened fails the batch. Record: it is only recorded.'),
    intervalSeconds: interval,
    observeSeconds,
    windowSeconds: z
      .int32()
      .min(10)
      .max(3600)
      .default(120)
      .describe('Window of rates: at least four scrapes of the source.'),
  })
  .prefault({})
  .describe(
    'Signals that need no configuration: CPU, memory, errors and latency, as far as the default MetricSource has them. Without a default MetricSource there are none.',
  );

/** The metrics of a policy or of a ChangeCheck. */
export const metrics = listOf(metric, 'Metrics of your own.');

const webhook = z.strictObject({
  name: checkName,
  url: z
    .string()
    .max(2048)
    .regex(/^https?:\/\/[^\s@]+$/, 'must be an http or https URL without credentials')
    .describe('Where the plug-in is asked, by POST; e.g. http://slo.tools.svc:8080/check.'),
  secretRef: z
    .strictObject({
      name: z.string().min(1).max(253),
      key: z.string().min(1).max(253).default('key'),
    })
    .optional()
    .describe(
      'A Secret in the namespace of the policy, with the key that signs requests (HMAC-SHA256). Default: they are not signed.',
    ),
  ca: text(
    65_536,
    'PEM of the certificate authorities. Default: those that Node trusts.',
  ).optional(),
  timeoutSeconds: z
    .int32()
    .min(1)
    .max(60)
    .default(10)
    .describe('How long one answer is waited for.'),
  intervalSeconds: z
    .int32()
    .min(1)
    .max(3600)
    .default(15)
    .describe('Time until the plug-in is asked again if it has no verdict yet.'),
  deadlineSeconds: z
    .int32()
    .min(1)
    .max(86_400)
    .default(600)
    .describe(
      'Without a verdict by then, the check is Inconclusive. Counts from when all pods of the batch are ready.',
    ),
  settings: anyFields('Sent to the plug-in as they are.').optional(),
  required,
});

/** The plug-ins of a policy or of a ChangeCheck. */
export const webhooks = listOf(webhook, 'Plug-ins: services that judge a batch.');

const use = z.strictObject({
  check: z
    .string()
    .max(253)
    .describe('Name of a ChangeCheck, in the namespace of the policy or of the operator.'),
  name: checkName
    .optional()
    .describe('Name of this use, if the policy uses the check twice. Default: that of the check.'),
  arguments: z
    .record(z.string().max(63), z.string().max(1024))
    .optional()
    .describe('Values of its arguments.'),
});

export const RULE_TIMES = ['Pre', 'During'] as const;

const rule = z.strictObject({
  name: checkName,
  expression: z
    .string()
    .min(1)
    .max(4096)
    .describe(
      'CEL that returns true if all is well. Pre: object, oldObject, change, now. During: object, pods, stable, metrics, change, now.',
    ),
  message: z
    .string()
    .max(512)
    .optional()
    .describe('What to do about it, shown when the expression is false.'),
  when: z
    .enum(RULE_TIMES)
    .default('Pre')
    .describe(
      'Pre: admission denies a change for which it is false. During: it is evaluated in each batch, and a batch for which it is false fails.',
    ),
  required,
});

/** The rules of a policy or of a ChangeCheck. */
export const rules = listOf(rule, 'Rules in CEL.');

export const checks = z
  .strictObject({
    podHealth,
    signals,
    metrics,
    use: z
      .array(use)
      .max(16)
      .optional()
      .meta({ 'x-kubernetes-list-type': 'atomic' })
      .describe('ChangeChecks. A change is judged by them as they were when it was detected.'),
    rules,
    webhooks,
  })
  .prefault({})
  .describe('Checks of each batch.');
