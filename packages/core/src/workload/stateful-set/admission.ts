// SPDX-License-Identifier: Apache-2.0
import { ANNOTATIONS } from '@altershield/api';
import { copiedFields, type SavedFields } from '../../hold/saved-fields.ts';
import { isEqual } from '../../json/canonical.ts';
import { threeWayMerge } from '../../json/three-way-merge.ts';
import type { AdmissionAdapter, AdmissionInput, AdmissionMarks } from '../adapter.ts';
import { NOT_HELD, exportedFields, holdAnnotation, savedBefore } from '../hold-annotation.ts';
import { STATEFUL_SET } from './descriptor.ts';
import type { StatefulSet, UpdateStrategy } from './objects.ts';
import { ON_DELETE, isSame } from './observe.ts';
import { HOLD_ALL, STRATEGY, partitionOf, withPartition, withoutHold } from './partition.ts';

type Input = AdmissionInput<StatefulSet>;

/**
 * A StatefulSet is held by its partition, in the write that makes the change; the user's partition
 * is saved in the annotation.
 */
export const statefulSetAdmission: AdmissionAdapter<StatefulSet> = {
  annotations: [ANNOTATIONS.hold],
  create: ({ object }) => asCopy(object),
  keep: (input) => {
    const saved = savedOf(input);
    return saved === undefined ? asCopy(input.object) : stillHeld(input, saved);
  },
  hold: (input) => {
    const saved = savedOf(input);
    const own = userStrategy(input, saved);
    if (own.type === 'OnDelete') return { ...restored(input.object, own), notHeld: ON_DELETE };
    const from = saved?.from ?? input.signing.fingerprintOf(input.old.spec.template);
    const held = withPartition(own, HOLD_ALL);
    return holding(input, { from, userFields: { [STRATEGY]: own } }, held);
  },
  revert: (input) => {
    const saved = savedOf(input);
    return saved === undefined
      ? asCopy(input.object)
      : restored(input.object, userStrategy(input, saved));
  },
};

const strategyOf = ({ spec }: StatefulSet): UpdateStrategy =>
  spec.updateStrategy ?? { type: 'RollingUpdate' };

const savedOf = (input: Input): SavedFields | undefined => savedBefore(STATEFUL_SET, input, isSame);

/** The user's strategy, including the edits of this write. */
function userStrategy({ object, old }: Input, saved: SavedFields | undefined): UpdateStrategy {
  const copied = exportedFields({ object, old })?.[STRATEGY] as UpdateStrategy | undefined;
  if (copied !== undefined) return copied;
  if (saved === undefined) return withoutHold(strategyOf(object));
  const edited = strategyOf(object);
  const merged = threeWayMerge(strategyOf(old), edited, saved.userFields[STRATEGY] ?? {});
  return valid(merged as UpdateStrategy, edited);
}

/**
 * Only a rolling update has a partition: a user who edits it wants RollingUpdate, whatever the
 * saved type was.
 */
function valid(merged: UpdateStrategy, edited: UpdateStrategy): UpdateStrategy {
  const { type, rollingUpdate } = merged;
  if ((type !== 'OnDelete' && type !== 'Recreate') || rollingUpdate === undefined) return merged;
  return edited.type === type ? { type } : { ...merged, type: 'RollingUpdate' };
}

/**
 * The partition stays; all other edits of the user take effect at once and are saved as user's
 * fields.
 */
function stillHeld(input: Input, saved: SavedFields): AdmissionMarks {
  const own = userStrategy(input, saved);
  const held = withPartition(own, partitionOf(input.old.spec.updateStrategy));
  return holding(input, { ...saved, userFields: { [STRATEGY]: own } }, held);
}

const holding = (input: Input, saved: SavedFields, held: UpdateStrategy): AdmissionMarks => ({
  ...holdAnnotation(STATEFUL_SET, input, saved),
  ...fieldsOf(input.object, held),
});

/** Restores the user's fields in a copy or an export of a held object. */
function asCopy(object: StatefulSet): AdmissionMarks {
  const copied = copiedFields(object)?.[STRATEGY] as UpdateStrategy | undefined;
  const isHeld = partitionOf(object.spec.updateStrategy) === HOLD_ALL;
  const own = copied ?? (isHeld ? withoutHold(strategyOf(object)) : strategyOf(object));
  return restored(object, own);
}

const restored = (object: StatefulSet, own: UpdateStrategy): AdmissionMarks => ({
  ...NOT_HELD,
  ...fieldsOf(object, own),
});

const fieldsOf = (
  { spec }: StatefulSet,
  strategy: UpdateStrategy,
): Pick<AdmissionMarks, 'fields'> =>
  isEqual(spec.updateStrategy, strategy) ? {} : { fields: { [STRATEGY]: strategy } };
