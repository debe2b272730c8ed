// SPDX-License-Identifier: Apache-2.0
import * as z from 'zod';
import { defineKind } from '../kind.ts';
import {
  conditions,
  count,
  evidence,
  phaseText,
  targetRef,
  text,
  time,
  verdict,
  type DeepReadonly,
  type CustomResource,
} from './common.ts';

/** The meaning of each phase of a batch. The reference page is generated from these texts. */
const POD_PHASE_TEXTS = {
  PostWait: 'pods of the batch are released and checked',
  PostTimeout: 'the check could neither pass nor fail in time',
  PostFailed: 'the check failed',
  ExecuteDone: 'the batch passed',
} as const;
export type PodPhase = keyof typeof POD_PHASE_TEXTS;
export const POD_PHASES = Object.keys(POD_PHASE_TEXTS) as [PodPhase, ...PodPhase[]];

/** Values of one series in a record, at most: they fill one line of a terminal. */
export const MAX_CHART_POINTS = 60;

const chart = z.strictObject({
  of: z
    .enum(['Updated', 'Stable', 'Before'])
    .describe('Updated pods, stable pods, or the time before.'),
  values: z
    .array(z.number())
    .max(MAX_CHART_POINTS)
    .meta({ 'x-kubernetes-list-type': 'atomic' })
    .describe('The newest values, oldest first, rounded to four significant digits.'),
});

const metric = z
  .strictObject({
    source: text(253, 'The MetricSource; empty: the default one.'),
    query: text(4096, 'The query, with its variables.'),
    stepSeconds: count('Time between two values.', 1),
    charts: z.array(chart).max(3).meta({ 'x-kubernetes-list-type': 'atomic' }),
    threshold: z.number().optional().describe('The limit that decided.'),
    from: text(256, 'Where the threshold came from.').optional(),
  })
  .optional()
  .describe('The series that decided.');

const check = z.strictObject({
  name: text(63, 'The check.'),
  verdict,
  reason: text(64, 'CamelCase reason.'),
  message: text(1024, 'The outcome as a sentence, with its numbers.'),
  evidence: z.array(evidence).max(5).describe('Pods and messages that suffice for the verdict.'),
  metric,
});

/** Stable pods that a canary is compared with, at most. */
export const MAX_COMPARED = 100;

export const changePodSpec = z
  .strictObject({
    change: z.strictObject({
      name: text(253, 'The ChangeWorkload.'),
      uid: text(64, 'Its uid.'),
    }),
    target: targetRef,
    batch: count('Number of the batch, from 1.', 1),
    total: count('Total number of batches.', 1),
    targetUnits: count('Updated pods when the batch is complete.'),
    previous: count('Updated pods before the batch.'),
    releasedAt: time('When it was released.'),
    traffic: z
      .enum(['Stable', 'Updated'])
      .optional()
      .describe('Which pods the Services select in this step. Absent: all of them.'),
    topologyDomain: text(
      63,
      'The value of the label `topologyKey` that the nodes of the batch have; empty: nodes without it.',
    ).optional(),
    weight: count('Percentage of the requests that HTTPRoutes send to updated pods.')
      .max(100)
      .optional(),
    compared: z
      .array(z.string().max(64))
      .max(MAX_COMPARED)
      .optional()
      .meta({ 'x-kubernetes-list-type': 'atomic' })
      .describe(
        'Uids of the stable pods that a canary is compared with, chosen once. Absent: all of them.',
      ),
  })
  .describe('One batch. Created before the first of its pods is released.');

export const changePodStatus = z
  .strictObject({
    observedGeneration: count(
      'The newest generation of the batch that the operator observed.',
    ).optional(),
    phase: z.enum(POD_PHASES).describe(`Phase of the batch. ${phaseText(POD_PHASE_TEXTS)}`),
    verdict,
    pods: z
      .strictObject({
        updated: count('Pods of the new revision.'),
        ready: count('Of these, ready.'),
        unhealthy: count('Of these, unhealthy.'),
        stable: count('Pods of all other revisions.'),
        stableReady: count('Of these, ready.'),
      })
      .optional(),
    checks: z.array(check).max(32).describe('Outcome of each check.'),
    judgedAt: time('When the batch got its verdict.').optional(),
    conditions: conditions('Message of the check.')
      .optional()
      .describe(
        'Completed: the batch has a verdict. Passed: it passed; Unknown until that is certain.',
      ),
  })
  .describe('Outcome of the batch. Written by the operator.');

export const ChangePodKind = defineKind({
  kind: 'ChangePod',
  plural: 'changepods',
  singular: 'changepod',
  shortNames: ['cp'],
  categories: ['altershield'],
  description: 'One batch of a change: its pods, verdict and evidence.',
  spec: changePodSpec,
  // The API server serves this default until the first check, so a new batch needs no status write.
  status: changePodStatus.default({ phase: 'PostWait', verdict: 'Pending', checks: [] }),
  columns: [
    { name: 'Target', type: 'string', jsonPath: '.spec.target.name' },
    { name: 'Batch', type: 'integer', jsonPath: '.spec.batch' },
    { name: 'Pods', type: 'integer', jsonPath: '.spec.targetUnits' },
    { name: 'Phase', type: 'string', jsonPath: '.status.phase' },
    { name: 'Verdict', type: 'string', jsonPath: '.status.verdict' },
    { name: 'Finding', type: 'string', jsonPath: '.status.checks[0].reason' },
    { name: 'Message', type: 'string', jsonPath: '.status.checks[0].message', priority: 1 },
    { name: 'Age', type: 'date', jsonPath: '.metadata.creationTimestamp' },
  ],
  rules: [
    {
      rule: 'self.spec == oldSelf.spec',
      message: 'a batch is a record and cannot be edited',
      fieldPath: '.spec',
    },
  ],
});

export type ChangePodSpec = DeepReadonly<z.output<typeof changePodSpec>>;
export type ChangePodStatus = DeepReadonly<z.output<typeof changePodStatus>>;
export type ChangePod = CustomResource<ChangePodSpec, ChangePodStatus>;
export type CheckResult = ChangePodStatus['checks'][number];
export type Evidence = CheckResult['evidence'][number];
