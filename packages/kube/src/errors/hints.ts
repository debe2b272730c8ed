// SPDX-License-Identifier: Apache-2.0
import { isForbidden, isNotFound } from './errors.ts';
import type { APIResource } from '../client/object.ts';

/** A hint for a failing list or watch; '' when the user can only wait. */
export function hintFor({ group, plural, kind }: APIResource, error: unknown): string {
  const name = group === '' ? plural : `${plural}.${group}`;
  if (isForbidden(error)) return `grant get, list and watch on ${name} to this user`;
  if (isNotFound(error)) return `install the CustomResourceDefinition of ${kind} (${name})`;
  return '';
}

/** Errors that only a user can resolve: frequent retries are useless. */
export const isPermanent = (error: unknown): boolean => isForbidden(error) || isNotFound(error);
