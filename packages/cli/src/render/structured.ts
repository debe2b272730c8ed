// SPDX-License-Identifier: Apache-2.0
import { stringify } from 'yaml';

export const FORMATS = ['json', 'yaml'] as const;
export type Format = (typeof FORMATS)[number];

/** Data for programs. Control characters are escaped by both formats. */
export function structured(format: Format, value: unknown): string {
  if (format === 'json') return JSON.stringify(value, undefined, 2);
  return stringify(value, { lineWidth: 0, aliasDuplicateObjects: false }).trimEnd();
}

/** Several objects as kubectl prints them. */
export const listOf = (items: readonly unknown[]): object => ({
  apiVersion: 'v1',
  kind: 'List',
  items,
});
