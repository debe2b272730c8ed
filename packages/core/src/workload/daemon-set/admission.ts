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
    const saved = savedOf(input);
    return saved === undefined ? asCopy(input.object) : stillHeld(input, saved);
  },
  hold: (input) => {
    const saved = savedOf(input);
    const own = userType(input, saved);
    const not = unsupportedBy({ ...input.object.spec.updateStrategy, type: own });
    if (not !== undefined) return { ...restored(input.object, own), notHeld: not.unsupported };
    const from = saved?.from ?? input.signing.fingerprintOf(input.old.spec.template);
    return holding(input, { from, userFields: { [STRATEGY_TYPE]: own } }, ON_DELETE);
  },
  revert: (input) => {
    const saved = savedOf(input);
    return saved === undefined
      ? asCopy(input.object)
      : restored(input.object, userType(input, saved));
  },
};

const heldObject = (object: DaemonSet, namespace: string): HeldObject => ({
  kind: DAEMON_SET.resource.kind,
  metadata: { ...object.metadata, namespace },
});

/** Also when the annotation was removed or edited while no operator answered. */
function savedOf({ old, namespace, signing, recorded }: Input): SavedFields | undefined {
  const object = { ...old, metadata: { ...old.metadata, namespace } };
  const borrowed = borrowedFields(DAEMON_SET, object, { sign: signing.sign, recorded });
  return borrowed && { from: borrowed.from, userFields: borrowed.userFields };
}

/** The user's type, including an edit by this write. */
function userType({ object, old }: Input, saved: SavedFields | undefined): string {
  const copied = exportedType(object, old);
  if (copied !== undefined) return copied;
  if (saved === undefined || typeOf(object) !== typeOf(old)) return typeOf(object);
  return dropsBounds(object, old) ? ON_DELETE : savedType(saved);
}

/** While held, a user's `OnDelete` differs from the borrowed one only by the bounds it lacks. */
const dropsBounds = (object: DaemonSet, old: DaemonSet): boolean =>
  old.spec.updateStrategy?.rollingUpdate?.maxUnavailable !== undefined &&
  object.spec.updateStrategy?.rollingUpdate?.maxUnavailable === undefined;

/** The user's type from a manifest that was exported while held, and is now applied again. */
function exportedType(object: DaemonSet, old: DaemonSet): string | undefined {
  const name = ANNOTATIONS.hold;
  const text = object.metadata.annotations?.[name];
  return text === old.metadata.annotations?.[name] ? undefined : copiedType(object);
}

function copiedType(object: DaemonSet): string | undefined {
  const userFields = copiedFields(heldObject(object, ''));
  return userFields && savedType({ userFields });
}

/** The hold stays; in the last batch, whose type is the user's, an edit takes effect at once. */
function stillHeld(input: Input, saved: SavedFields): AdmissionMarks {
  const own = userType(input, saved);
  const live = typeOf(input.old);
  const next = { ...saved, userFields: { [STRATEGY_TYPE]: own } };
  return holding(input, next, live === savedType(saved) ? own : live);
}

function holding(input: Input, saved: SavedFields, type: string): AdmissionMarks {
  const { object, old, namespace, signing } = input;
  const name = ANNOTATIONS.hold;
  const before = readSavedFields(heldObject(old, namespace), signing.sign);
  const text =
    before !== undefined && isEqual(before, saved)
      ? old.metadata.annotations?.[name]
      : writeSavedFields(saved, heldObject(object, namespace), signing.sign);
  return { annotations: { [name]: text }, ...fieldsOf(object, type) };
}

/** Restores the user's type in a copy or an export of a held object. */
const asCopy = (object: DaemonSet): AdmissionMarks =>
  restored(object, copiedType(object) ?? typeOf(object));

const restored = (object: DaemonSet, type: string): AdmissionMarks => ({
  annotations: { [ANNOTATIONS.hold]: undefined },
  ...fieldsOf(object, type),
});

const fieldsOf = (object: DaemonSet, type: string): Pick<AdmissionMarks, 'fields'> =>
  typeOf(object) === type ? {} : { fields: { [STRATEGY_TYPE]: type } };
