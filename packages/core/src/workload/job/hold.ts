// SPDX-License-Identifier: Apache-2.0
import type { SavedFields } from '../../hold/saved-fields.ts';
import { PARALLELISM, SUSPEND } from './descriptor.ts';
import { isSuspended, parallelismOf, type Job } from './objects.ts';

/** The fields of a Job that AlterShield borrows. */
export interface JobFields {
  readonly suspend: boolean;
  readonly parallelism: number;
}

export const fieldsOf = (job: Job): JobFields => ({
  suspend: isSuspended(job),
  parallelism: parallelismOf(job),
});

export const byPath = ({ suspend, parallelism }: JobFields): SavedFields['userFields'] => ({
  [SUSPEND]: suspend,
  [PARALLELISM]: parallelism,
});

/** The user's values; one that is not saved is the one of the object. */
export function savedValues(userFields: SavedFields['userFields'], job: Job): JobFields {
  const { [SUSPEND]: suspend, [PARALLELISM]: parallelism } = userFields;
  return {
    suspend: typeof suspend === 'boolean' ? suspend : isSuspended(job),
    parallelism: typeof parallelism === 'number' ? parallelism : parallelismOf(job),
  };
}

/** A Job replaces no revision: nothing is to be returned to. */
export const NO_REVISION = '';

/** What the signature of the annotation names: a name made from `generateName` comes after admission. */
export const asAdmitted = (job: Job): Job => {
  const { generateName } = job.metadata;
  return generateName === undefined
    ? job
    : { ...job, metadata: { ...job.metadata, name: generateName } };
};
