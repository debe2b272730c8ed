// SPDX-License-Identifier: Apache-2.0
import { isForbidden, isNotFound } from './errors.ts';
import type { APIResource } from '../client/object.ts';

/** What a person can do about a list or watch that fails; '' when waiting is all there is to do. */
export function hintFor({ group, plural, kind }: APIResource, error: unknown): string {
  const name = group === '' ? plural : `${plural}.${group}`;
  if (isForbidden(error)) return `grant get, list and watch on ${name} to this user`;
  if (isNotFound(error)) return `install the CustomResourceDefinition of ${kind} (${name})`;
  return '';
}

/** Trouble that only a person can end; asking often would help nobody. */
export const isPermanent = (error: unknown): boolean => isForbidden(error) || isNotFound(error);
