// SPDX-License-Identifier: Apache-2.0
import { ANNOTATIONS } from '@altershield/api';
import { copiedFields, type SavedFields } from '../../hold/saved-fields.ts';
import type { AdmissionAdapter, AdmissionInput, AdmissionMarks } from '../adapter.ts';
import { NOT_HELD, exportedFields, holdAnnotation, savedBefore } from '../hold-annotation.ts';
import { JOB, PARALLELISM, SUSPEND } from './descriptor.ts';
import { NO_REVISION, asAdmitted, byPath, fieldsOf, savedValues, type JobFields } from './hold.ts';
import type { Job } from './objects.ts';

type Input = AdmissionInput<Job>;
type Written = Pick<Input, 'object' | 'old' | 'namespace' | 'signing'>;

/**
 * A Job is held by suspending it, in the write that creates it; the user's values are saved in the
 * annotation.
 */
export const jobAdmission: AdmissionAdapter<Job> = {
  annotations: [ANNOTATIONS.hold],
  create: ({ object, namespace, signing, isHeld }) => {
    const own = ownOfCopy(object);
    const written = { object, old: object, namespace, signing };
    return isHeld ? holding(written, own, { ...own, suspend: true }) : restored(object, own);
  },
  keep,
  // Neither is ever asked for: what its pods run cannot be changed.
  hold: keep,
  revert: keep,
};

function keep(input: Input): AdmissionMarks {
  const { object, old } = input;
  const saved = savedBefore(JOB, { ...input, old: asAdmitted(old) });
  if (saved === undefined) return restored(object, ownOfCopy(object));
  const own = userValues(input, saved);
  return holding(input, own, limited(own, fieldsOf(old), savedValues(saved.userFields, old)));
}

/** The user's values, including the edits of this write. */
function userValues({ object, old }: Input, saved: SavedFields): JobFields {
  const copied = exportedFields({ object, old });
  if (copied !== undefined) return savedValues(copied, object);
  const [is, was, before] = [fieldsOf(object), fieldsOf(old), savedValues(saved.userFields, old)];
  return {
    suspend: is.suspend === was.suspend ? before.suspend : is.suspend,
    parallelism: is.parallelism === was.parallelism ? before.parallelism : is.parallelism,
  };
}

/**
 * What takes effect at once: less than is released, and a pause. A Job that is suspended stays so
 * until the operator releases it.
 */
function limited(own: JobFields, was: JobFields, before: JobFields): JobFields {
  const isLimited = was.parallelism < before.parallelism;
  return {
    suspend: was.suspend || own.suspend,
    parallelism: isLimited ? Math.min(was.parallelism, own.parallelism) : own.parallelism,
  };
}

function holding(written: Written, own: JobFields, fields: JobFields): AdmissionMarks {
  const { object, old } = written;
  const saved = { from: NO_REVISION, userFields: byPath(own) };
  const admitted = { ...written, object: asAdmitted(object), old: asAdmitted(old) };
  return { ...holdAnnotation(JOB, admitted, saved), ...changed(object, fields) };
}

/** The user's values from a copy or an export of a held Job. */
function ownOfCopy(object: Job): JobFields {
  const copied = copiedFields(object);
  return copied === undefined ? fieldsOf(object) : savedValues(copied, object);
}

const restored = (object: Job, own: JobFields): AdmissionMarks => ({
  ...NOT_HELD,
  ...changed(object, own),
});

function changed(object: Job, wanted: JobFields): Pick<AdmissionMarks, 'fields'> {
  const is = fieldsOf(object);
  const fields = {
    ...(is.suspend === wanted.suspend ? {} : { [SUSPEND]: wanted.suspend }),
    ...(is.parallelism === wanted.parallelism ? {} : { [PARALLELISM]: wanted.parallelism }),
  };
  return Object.keys(fields).length === 0 ? {} : { fields };
}
