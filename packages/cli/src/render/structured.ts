// SPDX-License-Identifier: Apache-2.0
import { stringify } from 'yaml';

export const FORMATS = ['json', 'yaml'] as const;
export type Format = (typeof FORMATS)[number];

/** Data for programs. Control characters are escaped by both formats. */
export function structured(format: Format, value: unknown): string {
  if (format === 'json') return JSON.stringify(value, withoutManagedFields, 2);
  const options = { lineWidth: 0, aliasDuplicateObjects: false };
  return stringify(value, withoutManagedFields, options).trimEnd();
}

/** Omits managed fields as kubectl does, because they are long. */
const withoutManagedFields = (key: unknown, value: unknown): unknown =>
  key === 'managedFields' ? undefined : value;

/** Several objects as kubectl prints them. */
export const listOf = (items: readonly unknown[]): object => ({
  apiVersion: 'v1',
  kind: 'List',
  items,
});
