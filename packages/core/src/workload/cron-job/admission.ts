// SPDX-License-Identifier: Apache-2.0
import { ANNOTATIONS } from '@altershield/api';
import { copiedFields, type SavedFields } from '../../hold/saved-fields.ts';
import type { AdmissionAdapter, AdmissionInput, AdmissionMarks } from '../adapter.ts';
import { NOT_HELD, exportedFields, holdAnnotation, savedBefore } from '../hold-annotation.ts';
import { CRON_JOB, JOB_TEMPLATE, SUSPEND } from './descriptor.ts';
import type { CronJob } from './objects.ts';
import { savedSuspend } from './observe.ts';

type Input = AdmissionInput<CronJob>;

/**
 * A CronJob is held by suspending it, in the write that makes the change; the user's value is saved
 * in the annotation, together with the `jobTemplate` to return to.
 */
export const cronJobAdmission: AdmissionAdapter<CronJob> = {
  annotations: [ANNOTATIONS.hold],
  create: ({ object }) => asCopy(object),
  keep: (input) => {
    const saved = savedBefore(CRON_JOB, input);
    return saved === undefined ? asCopy(input.object) : holding(input, saved);
  },
  hold: (input) => {
    const { old, signing } = input;
    const first = {
      from: signing.fingerprintOf(old.spec.jobTemplate),
      userFields: {},
      content: { [JOB_TEMPLATE]: old.spec.jobTemplate },
    };
    return holding(input, savedBefore(CRON_JOB, input) ?? first);
  },
  revert: (input) => restored(input.object, userSuspend(input, savedBefore(CRON_JOB, input))),
};

const suspendOf = ({ spec }: CronJob): boolean => spec.suspend === true;

/** The user's value, including an edit by this write. */
function userSuspend({ object, old }: Input, saved: SavedFields | undefined): boolean {
  const copied = exportedFields({ object, old });
  if (copied !== undefined) return copied[SUSPEND] === true;
  const isEdited = suspendOf(object) !== suspendOf(old);
  return saved === undefined || isEdited ? suspendOf(object) : savedSuspend(saved);
}

/** The schedule stays suspended; the user's value is saved. */
function holding(input: Input, before: SavedFields): AdmissionMarks {
  const own = userSuspend(input, savedBefore(CRON_JOB, input));
  const saved = { ...before, userFields: { [SUSPEND]: own } };
  return { ...holdAnnotation(CRON_JOB, input, saved), ...fieldsOf(input.object, true) };
}

/** Restores the user's value in a copy or an export of a held object. */
function asCopy(object: CronJob): AdmissionMarks {
  const copied = copiedFields(object);
  return restored(object, copied === undefined ? suspendOf(object) : copied[SUSPEND] === true);
}

const restored = (object: CronJob, own: boolean): AdmissionMarks => ({
  ...NOT_HELD,
  ...fieldsOf(object, own),
});

const fieldsOf = (object: CronJob, suspend: boolean): Pick<AdmissionMarks, 'fields'> =>
  suspendOf(object) === suspend ? {} : { fields: { [SUSPEND]: suspend } };
