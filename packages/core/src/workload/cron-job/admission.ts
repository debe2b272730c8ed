// SPDX-License-Identifier: Apache-2.0
import { ANNOTATIONS } from '@altershield/api';
import {
  copiedFields,
  readSavedFields,
  writeSavedFields,
  type HeldObject,
  type SavedFields,
} from '../../hold/saved-fields.ts';
import { isEqual } from '../../json/canonical.ts';
import type { AdmissionAdapter, AdmissionInput, AdmissionMarks } from '../adapter.ts';
import { borrowedFields } from '../borrowed-fields.ts';
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
    const saved = savedOf(input);
    return saved === undefined ? asCopy(input.object) : holding(input, saved);
  },
  hold: (input) => {
    const { old, signing } = input;
    const first = {
      from: signing.fingerprintOf(old.spec.jobTemplate),
      userFields: {},
      content: { [JOB_TEMPLATE]: old.spec.jobTemplate },
    };
    return holding(input, savedOf(input) ?? first);
  },
  revert: (input) => restored(input.object, userSuspend(input, savedOf(input))),
};

const suspendOf = ({ spec }: CronJob): boolean => spec.suspend === true;

const heldObject = (object: CronJob, namespace: string): HeldObject => ({
  kind: CRON_JOB.resource.kind,
  metadata: { ...object.metadata, namespace },
});

/** Also when the annotation was removed or edited while no operator answered. */
function savedOf({ old, namespace, signing, recorded }: Input): SavedFields | undefined {
  const object = { ...old, metadata: { ...old.metadata, namespace } };
  const borrowed = borrowedFields(CRON_JOB, object, { sign: signing.sign, recorded });
  if (borrowed === undefined) return undefined;
  const { from, userFields, content } = borrowed;
  return { from, userFields, ...(content === undefined ? {} : { content }) };
}

/** The user's value, including an edit by this write. */
function userSuspend({ object, old }: Input, saved: SavedFields | undefined): boolean {
  const copied = exportedSuspend(object, old);
  if (copied !== undefined) return copied;
  const isEdited = suspendOf(object) !== suspendOf(old);
  return saved === undefined || isEdited ? suspendOf(object) : savedSuspend(saved);
}

/** The user's value from a manifest that was exported while held, and is now applied again. */
function exportedSuspend(object: CronJob, old: CronJob): boolean | undefined {
  const name = ANNOTATIONS.hold;
  const text = object.metadata.annotations?.[name];
  return text === old.metadata.annotations?.[name] ? undefined : copiedSuspend(object);
}

const copiedSuspend = (object: CronJob): boolean | undefined => {
  const copied = copiedFields(heldObject(object, ''));
  return copied === undefined ? undefined : copied[SUSPEND] === true;
};

/** The schedule stays suspended; the user's value is saved. */
function holding(input: Input, before: SavedFields): AdmissionMarks {
  const { object, old, namespace, signing } = input;
  const name = ANNOTATIONS.hold;
  const own = userSuspend(input, savedOf(input));
  const saved = { ...before, userFields: { [SUSPEND]: own } };
  const annotated = readSavedFields(heldObject(old, namespace), signing.sign);
  const text =
    annotated !== undefined && isEqual(annotated, saved)
      ? old.metadata.annotations?.[name]
      : textOf(saved, heldObject(object, namespace), signing.sign);
  return { annotations: { [name]: text }, ...fieldsOf(object, true) };
}

/** A `jobTemplate` that is too long to be saved is only in the record of the change. */
const textOf = (
  { content, ...saved }: SavedFields,
  object: HeldObject,
  sign: Parameters<typeof writeSavedFields>[2],
): string | undefined =>
  (content === undefined ? undefined : writeSavedFields({ ...saved, content }, object, sign)) ??
  writeSavedFields(saved, object, sign);

/** Restores the user's value in a copy or an export of a held object. */
const asCopy = (object: CronJob): AdmissionMarks =>
  restored(object, copiedSuspend(object) ?? suspendOf(object));

const restored = (object: CronJob, own: boolean): AdmissionMarks => ({
  annotations: { [ANNOTATIONS.hold]: undefined },
  ...fieldsOf(object, own),
});

const fieldsOf = (object: CronJob, suspend: boolean): Pick<AdmissionMarks, 'fields'> =>
  suspendOf(object) === suspend ? {} : { fields: { [SUSPEND]: suspend } };
