// SPDX-License-Identifier: Apache-2.0
import type { RecordedHold } from '@altershield/api';
import { readSavedFields } from '../hold/saved-fields.ts';
import type { Signer } from '../hold/signature.ts';
import { isEqual } from '../json/canonical.ts';
import { valueAt } from '../json/patch.ts';
import type { WorkloadObject } from '../json/objects.ts';
import type { KindDescriptor } from './adapter.ts';
import type { BorrowedFields } from './view.ts';

/** What is known of a hold. */
export interface HoldSource {
  readonly sign: Signer;
  /** The copy in the record of the change in flight. */
  readonly recorded: RecordedHold | undefined;
  /** Whether the API server takes two values of a field for the same. Default: they are equal. */
  readonly isSame?: (a: unknown, b: unknown) => boolean;
}

/**
 * The borrowed fields of a workload, by its annotation or else by the record; undefined when none
 * are borrowed. Without the annotation, a workload that has the user's values is no longer held.
 *
 * @param object has its namespace
 */
export function borrowedFields(
  { resource, borrowedFields: paths }: Pick<KindDescriptor, 'resource' | 'borrowedFields'>,
  object: WorkloadObject,
  { sign, recorded, isSame = isEqual }: HoldSource,
): BorrowedFields | undefined {
  const annotated = readSavedFields({ kind: resource.kind, metadata: object.metadata }, sign);
  const saved = annotated ?? (recorded && { from: recorded.id, userFields: recorded.userFields });
  if (saved === undefined) return undefined;
  const isRestored = paths.every((path) => isSame(valueAt(object, path), saved.userFields[path]));
  if (annotated === undefined && isRestored) return undefined;
  return { ...saved, isAnnotated: annotated !== undefined, isRestored };
}
