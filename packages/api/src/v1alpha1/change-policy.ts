// SPDX-License-Identifier: Apache-2.0
import * as z from 'zod';
import { defineKind } from '../kind.ts';
import { checks } from './checks.ts';
import { conditions, count, type DeepReadonly, type CustomResource } from './common.ts';
import { labelSelector } from './label-selector.ts';
import { release } from './release.ts';

/** `StatefulSet`, or `CloneSet.apps.kruise.io` where the name alone is ambiguous. */
const KIND = /^[A-Z][A-Za-z0-9]{0,62}(\.[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?){0,16}$/;
const KIND_MESSAGE =
  'must be a kind such as StatefulSet, or a kind with its group such as StatefulSet.apps';

const target = z
  .strictObject({
    kinds: z
      .array(z.string().max(253).regex(KIND, KIND_MESSAGE))
      .min(1)
      .max(32)
      .optional()
      .meta({ 'x-kubernetes-list-type': 'set' })
      .describe(
        'Kinds of workloads, as Kind or Kind.group. Default: every kind that AlterShield follows, except Job, CronJob, and bare Pods and ReplicaSets, which have to be named.',
      ),
    selector: labelSelector('Labels of the workloads. Default: all of them.').optional(),
    namespaceSelector: labelSelector(
      'Labels of the namespaces; only for policies in the operator’s own namespace.',
    ).optional(),
  })
  .prefault({})
  .describe('Which workloads the policy matches.');

export const MODES = ['Enforce', 'Audit'] as const;
export const ON_FAIL = ['RollBack', 'Suspend'] as const;
export const ON_INCONCLUSIVE = ['Suspend', 'Proceed'] as const;

const limits = z
  .strictObject({
    rollbacksPerHour: z
      .int32()
      .min(0)
      .max(100)
      .default(3)
      .describe('Automatic rollbacks per workload and hour; after that the change is suspended.'),
    quarantineSeconds: z
      .int32()
      .min(0)
      .max(31_536_000)
      .default(604_800)
      .describe(
        'How long a revision stays quarantined after its rollback. 0: it is not quarantined.',
      ),
    historyLimit: z
      .int32()
      .min(1)
      .max(100)
      .default(10)
      .describe('Finished changes kept per workload.'),
    historyTTLSeconds: z
      .int32()
      .min(60)
      .max(31_536_000)
      .default(1_209_600)
      .describe('How long finished changes are kept.'),
  })
  .prefault({})
  .describe('Bounds on what the operator does and keeps.');

export const changePolicySpec = z
  .strictObject({
    mode: z
      .enum(MODES)
      .default('Enforce')
      .describe('Enforce: hold, release, roll back. Audit: check and record, modify nothing.'),
    target,
    release,
    checks,
    onFail: z
      .enum(ON_FAIL)
      .optional()
      .describe(
        'What to do when a check fails. Default: RollBack where there is a verified revision, else Suspend.',
      ),
    onInconclusive: z
      .enum(ON_INCONCLUSIVE)
      .default('Suspend')
      .describe(
        'What to do when a check can neither pass nor fail. Proceed: continue with the ready pods; a batch without a ready pod is suspended in any case.',
      ),
    limits,
    failurePolicy: z
      .enum(['Ignore', 'Fail'])
      .default('Ignore')
      .describe(
        'What happens to a change that is applied while no operator runs. Ignore: it rolls out, and the operator detects it later. Fail: none of its pods start until an operator runs. With both, a change in flight is not released further, and no write of a user fails.',
      ),
  })
  .describe('Which workloads the policy matches, and what it does with their changes.');

export const changePolicyStatus = z
  .strictObject({
    observedGeneration: count('The newest generation that the operator observed.').optional(),
    matchedWorkloads: count('Workloads that the policy matches now.').optional(),
    conditions: conditions(
      'What the policy matches, why it matches nothing, or every error with its field path and a hint.',
    ).optional(),
  })
  .describe('Written by the operator.');

export const ChangePolicyKind = defineKind({
  kind: 'ChangePolicy',
  plural: 'changepolicies',
  singular: 'changepolicy',
  shortNames: ['chp'],
  categories: ['altershield'],
  description: 'Which workloads are matched, and how their changes are released and checked.',
  spec: changePolicySpec,
  status: changePolicyStatus,
  columns: [
    { name: 'Mode', type: 'string', jsonPath: '.spec.mode' },
    { name: 'Strategy', type: 'string', jsonPath: '.spec.release.strategy' },
    { name: 'On Fail', type: 'string', jsonPath: '.spec.onFail' },
    { name: 'Ready', type: 'string', jsonPath: '.status.conditions[?(@.type=="Ready")].status' },
    { name: 'Workloads', type: 'integer', jsonPath: '.status.matchedWorkloads' },
    { name: 'Age', type: 'date', jsonPath: '.metadata.creationTimestamp' },
  ],
  rules: [],
});

export type ChangePolicySpec = DeepReadonly<z.output<typeof changePolicySpec>>;
export type ChangePolicyStatus = DeepReadonly<z.output<typeof changePolicyStatus>>;
export type ChangePolicy = CustomResource<ChangePolicySpec, ChangePolicyStatus>;
