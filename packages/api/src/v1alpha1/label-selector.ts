// SPDX-License-Identifier: Apache-2.0
import * as z from 'zod';

const NAME = '[A-Za-z0-9]([-A-Za-z0-9_.]{0,61}[A-Za-z0-9])?';
const DNS_LABEL = '[a-z0-9]([-a-z0-9]*[a-z0-9])?';
const KEY = `^(${DNS_LABEL}(\\.${DNS_LABEL})*/)?${NAME}$`;

const MAX_PREFIX = 253;
const MAX_KEY = MAX_PREFIX + 1 + 63;
const MAX_LABELS = 32;

const KEY_MESSAGE =
  'must be a label key: up to 63 letters, digits, "-", "_" or ".", a letter or digit at both ends, optionally after a DNS name and "/", as in example.com/tier';
const VALUE_MESSAGE =
  'must be a label value: empty, or up to 63 letters, digits, "-", "_" or ".", a letter or digit at both ends';
const VALUES_MESSAGE =
  'must have at least one value for In and NotIn, and none for Exists and DoesNotExist';

const hasShortPrefix = (key: string): boolean => key.indexOf('/') <= MAX_PREFIX;

const labelKey = z
  .string()
  .max(MAX_KEY)
  .regex(new RegExp(KEY), KEY_MESSAGE)
  .refine(hasShortPrefix, KEY_MESSAGE);

const labelValue = z
  .string()
  .max(63, VALUE_MESSAGE)
  .regex(new RegExp(`^(${NAME})?$`), VALUE_MESSAGE);

const requirement = z
  .strictObject({
    key: labelKey.describe('The label key.'),
    operator: z
      .enum(['In', 'NotIn', 'Exists', 'DoesNotExist'])
      .describe('How the label compares with the values.'),
    values: z.array(labelValue).max(64).optional().describe('For In and NotIn.'),
  })
  .refine(({ operator, values = [] }) => /In$/.test(operator) === values.length > 0, {
    path: ['values'],
    error: VALUES_MESSAGE,
  })
  .meta({
    'x-kubernetes-validations': [
      {
        rule: "(self.operator in ['In', 'NotIn']) == (has(self.values) && self.values.size() > 0)",
        message: VALUES_MESSAGE,
        fieldPath: '.values',
      },
      {
        rule: `self.key.indexOf('/') <= ${MAX_PREFIX}`,
        message: KEY_MESSAGE,
        fieldPath: '.key',
      },
    ],
  });

const matchLabels = z
  .record(labelKey, labelValue)
  .refine((labels) => Object.keys(labels).length <= MAX_LABELS, `must have at most ${MAX_LABELS}`)
  .meta({
    maxProperties: MAX_LABELS,
    'x-kubernetes-validations': [
      {
        rule: `self.all(key, key.indexOf('/') <= ${MAX_PREFIX} && key.matches(r'${KEY}'))`,
        message: `each key ${KEY_MESSAGE}`,
      },
    ],
  });

/**
 * A selector, validated by the full grammar of Kubernetes: the webhook configuration copies it, and
 * the API server rejects the whole configuration for a single invalid selector.
 */
export const labelSelector = (description: string) =>
  z
    .strictObject({
      matchLabels: matchLabels.optional(),
      matchExpressions: z.array(requirement).max(32).optional(),
    })
    .describe(description);
