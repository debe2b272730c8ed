// SPDX-License-Identifier: Apache-2.0
import * as z from 'zod';
import { defineKind } from '../kind.ts';
import { metrics, rules, webhooks } from './checks.ts';
import { conditions, count, text, type CustomResource, type DeepReadonly } from './common.ts';

const ARGUMENT = /^[A-Za-z]([A-Za-z0-9_]{0,61}[A-Za-z0-9])?$/;

const argument = z.strictObject({
  name: z.string().max(63).regex(ARGUMENT, 'must be letters, digits and underscores'),
  description: text(256, 'What it is for.').optional(),
  default: text(1024, 'Its value where a policy gives none. Default: it must be given.').optional(),
});

export const changeCheckSpec = z
  .strictObject({
    description: text(1024, 'What the check finds, for the user whose change it stops.').optional(),
    arguments: z
      .array(argument)
      .max(32)
      .optional()
      .meta({ 'x-kubernetes-list-type': 'map', 'x-kubernetes-list-map-keys': ['name'] })
      .describe('Values that policies give: $(args.NAME) in every text below.'),
    rules,
    metrics,
    webhooks,
  })
  .describe('Checks that policies use by name.');

export const changeCheckStatus = z
  .strictObject({
    observedGeneration: count('The newest generation that was read.').optional(),
    conditions: conditions('What is wrong with the check, with a hint.').optional(),
  })
  .describe('Written by the operator.');

export const ChangeCheckKind = defineKind({
  kind: 'ChangeCheck',
  plural: 'changechecks',
  singular: 'changecheck',
  shortNames: ['chk'],
  categories: ['altershield'],
  description: 'Checks with arguments, which policies use by name.',
  spec: changeCheckSpec,
  status: changeCheckStatus,
  columns: [
    { name: 'Description', type: 'string', jsonPath: '.spec.description' },
    { name: 'Age', type: 'date', jsonPath: '.metadata.creationTimestamp' },
  ],
  rules: [],
});

export type ChangeCheckSpec = DeepReadonly<z.output<typeof changeCheckSpec>>;
export type ChangeCheckStatus = DeepReadonly<z.output<typeof changeCheckStatus>>;
export type ChangeCheck = CustomResource<ChangeCheckSpec, ChangeCheckStatus>;
