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
import { threeWayMerge } from '../../json/three-way-merge.ts';
import type { AdmissionAdapter, AdmissionInput, AdmissionMarks } from '../adapter.ts';
import { STATEFUL_SET } from './descriptor.ts';
import type { StatefulSet, UpdateStrategy } from './objects.ts';
import { ON_DELETE, borrowedStrategy } from './observe.ts';
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

const heldObject = (object: StatefulSet, namespace: string): HeldObject => ({
  kind: STATEFUL_SET.resource.kind,
  metadata: { ...object.metadata, namespace },
});

/** Also when the annotation was removed or edited while no operator answered. */
function savedOf({ old, namespace, signing, recorded }: Input): SavedFields | undefined {
  const object = { ...old, metadata: { ...old.metadata, namespace } };
  const borrowed = borrowedStrategy(object, { sign: signing.sign, recorded });
  return borrowed && { from: borrowed.from, userFields: borrowed.userFields };
}

/** The user's strategy, including the edits of this write. */
function userStrategy({ object, old }: Input, saved: SavedFields | undefined): UpdateStrategy {
  const copied = exportedStrategy(object, old);
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

/** The user's strategy from a manifest that was exported while held, and is now applied again. */
function exportedStrategy(object: StatefulSet, old: StatefulSet): UpdateStrategy | undefined {
  const name = ANNOTATIONS.hold;
  const text = object.metadata.annotations?.[name];
  if (text === undefined || text === old.metadata.annotations?.[name]) return undefined;
  return copiedFields(heldObject(object, ''))?.[STRATEGY] as UpdateStrategy | undefined;
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

function holding(input: Input, saved: SavedFields, held: UpdateStrategy): AdmissionMarks {
  const { object, old, namespace, signing } = input;
  const name = ANNOTATIONS.hold;
  const before = readSavedFields(heldObject(old, namespace), signing.sign);
  const text =
    before !== undefined && isEqual(before, saved)
      ? old.metadata.annotations?.[name]
      : writeSavedFields(saved, heldObject(object, namespace), signing.sign);
  return { annotations: { [name]: text }, ...fieldsOf(object, held) };
}

/** Restores the user's fields in a copy or an export of a held object. */
function asCopy(object: StatefulSet): AdmissionMarks {
  const copied = copiedFields(heldObject(object, ''))?.[STRATEGY] as UpdateStrategy | undefined;
  const isHeld = partitionOf(object.spec.updateStrategy) === HOLD_ALL;
  const own = copied ?? (isHeld ? withoutHold(strategyOf(object)) : strategyOf(object));
  return restored(object, own);
}

const restored = (object: StatefulSet, own: UpdateStrategy): AdmissionMarks => ({
  annotations: { [ANNOTATIONS.hold]: undefined },
  ...fieldsOf(object, own),
});

const fieldsOf = (
  { spec }: StatefulSet,
  strategy: UpdateStrategy,
): Pick<AdmissionMarks, 'fields'> =>
  isEqual(spec.updateStrategy, strategy) ? {} : { fields: { [STRATEGY]: strategy } };
