// SPDX-License-Identifier: Apache-2.0
import { ANNOTATIONS } from '@altershield/api';
import { copiedFields, type SavedFields } from '../../hold/saved-fields.ts';
import type { AdmissionAdapter, AdmissionInput, AdmissionMarks } from '../adapter.ts';
import { NOT_HELD, exportedFields, holdAnnotation, savedBefore } from '../hold-annotation.ts';
import { DAEMON_SET } from './descriptor.ts';
import type { DaemonSet } from './objects.ts';
import { ON_DELETE, STRATEGY_TYPE, savedType, typeOf, unsupportedBy } from './strategy.ts';

type Input = AdmissionInput<DaemonSet>;

/**
 * A DaemonSet is held by the strategy type `OnDelete`, in the write that makes the change; the
 * user's type is saved in the annotation.
 */
export const daemonSetAdmission: AdmissionAdapter<DaemonSet> = {
  annotations: [ANNOTATIONS.hold],
  create: ({ object }) => asCopy(object),
  keep: (input) => {
    const saved = savedBefore(DAEMON_SET, input);
    return saved === undefined ? asCopy(input.object) : stillHeld(input, saved);
  },
  hold: (input) => {
    const saved = savedBefore(DAEMON_SET, input);
    const own = userType(input, saved);
    const not = unsupportedBy({ ...input.object.spec.updateStrategy, type: own });
    if (not !== undefined) return { ...restored(input.object, own), notHeld: not.unsupported };
    const from = saved?.from ?? input.signing.fingerprintOf(input.old.spec.template);
    return holding(input, { from, userFields: { [STRATEGY_TYPE]: own } }, ON_DELETE);
  },
  revert: (input) => {
    const saved = savedBefore(DAEMON_SET, input);
    return saved === undefined
      ? asCopy(input.object)
      : restored(input.object, userType(input, saved));
  },
};

/** The user's type, including an edit by this write. */
function userType({ object, old }: Input, saved: SavedFields | undefined): string {
  const copied = exportedFields({ object, old });
  if (copied !== undefined) return savedType({ userFields: copied });
  if (saved === undefined || typeOf(object) !== typeOf(old)) return typeOf(object);
  return dropsBounds(object, old) ? ON_DELETE : savedType(saved);
}

/** While held, a user's `OnDelete` differs from the borrowed one only by the bounds it lacks. */
const dropsBounds = (object: DaemonSet, old: DaemonSet): boolean =>
  old.spec.updateStrategy?.rollingUpdate?.maxUnavailable !== undefined &&
  object.spec.updateStrategy?.rollingUpdate?.maxUnavailable === undefined;

/** The hold stays; in the last batch, whose type is the user's, an edit takes effect at once. */
function stillHeld(input: Input, saved: SavedFields): AdmissionMarks {
  const own = userType(input, saved);
  const live = typeOf(input.old);
  const next = { ...saved, userFields: { [STRATEGY_TYPE]: own } };
  return holding(input, next, live === savedType(saved) ? own : live);
}

const holding = (input: Input, saved: SavedFields, type: string): AdmissionMarks => ({
  ...holdAnnotation(DAEMON_SET, input, saved),
  ...fieldsOf(input.object, type),
});

/** Restores the user's type in a copy or an export of a held object. */
function asCopy(object: DaemonSet): AdmissionMarks {
  const userFields = copiedFields(object);
  return restored(object, userFields === undefined ? typeOf(object) : savedType({ userFields }));
}

const restored = (object: DaemonSet, type: string): AdmissionMarks => ({
  ...NOT_HELD,
  ...fieldsOf(object, type),
});

const fieldsOf = (object: DaemonSet, type: string): Pick<AdmissionMarks, 'fields'> =>
  typeOf(object) === type ? {} : { fields: { [STRATEGY_TYPE]: type } };
