// SPDX-License-Identifier: Apache-2.0
import { ANNOTATIONS } from '@altershield/api';
import { writeSavedFields } from '../../hold/saved-fields.ts';
import type { PatchOp } from '../../json/patch.ts';
import type { DeleteWrite, PatchWrite, Subject, Write } from '../adapter.ts';
import { deletePod } from '../identity.ts';
import type { Goal } from '../goal.ts';
import { annotate, annotationOf, dropAnnotation, patchObject } from '../held-patch.ts';
import { revisionOf } from '../view.ts';
import { STATEFUL_SET } from './descriptor.ts';
import type { StatefulSet, UpdateStrategy } from './objects.ts';
import type { StatefulSetView } from './observe.ts';
import { HOLD_ALL, STRATEGY, isSameStrategy, withPartition } from './partition.ts';

type OfSet = Subject<StatefulSet, StatefulSetView>;
type Of<T extends Goal['type']> = Extract<Goal, { readonly type: T }>;

export function planStatefulSet(goal: Goal, subject: OfSet): Write[] {
  switch (goal.type) {
    case 'Hold':
      return hold(goal, HOLD_ALL, subject);
    case 'Release':
      return release(goal, subject);
    case 'RollBack':
      return rollBack(goal, subject);
    case 'Rest':
      return restore(subject, goal.forgetsActor);
    case 'Restore':
      return restore(subject, false);
  }
}

/** Saves the user's strategy in the annotation, and sets this partition. */
function hold({ from }: Pick<Of<'Hold'>, 'from'>, partition: number, subject: OfSet): Write[] {
  const { object, view, signing } = subject;
  if (view.unsupported !== undefined) return [];
  const { borrowed = { from, userFields: { [STRATEGY]: view.strategy }, isAnnotated: false } } =
    view;
  const held = { kind: STATEFUL_SET.resource.kind, metadata: object.metadata };
  const text = borrowed.isAnnotated
    ? annotationOf(object)
    : writeSavedFields(borrowed, held, signing.sign);
  if (text === undefined) return [];
  return patch(object, [
    ...annotate(object, ANNOTATIONS.hold, text),
    ...setStrategy(object, withPartition(view.strategy, partition)),
  ]);
}

/**
 * Releases a batch by the partition. Once its pods are ready, the partition closes again: pods that
 * a scale-up creates during the soak are of the stable revision.
 */
function release(goal: Of<'Release'>, subject: OfSet): Write[] {
  const { object, view } = subject;
  const { target, isLast, to } = goal;
  const ready = revisionOf(view, to)?.ready ?? 0;
  const writes = isLast
    ? patch(object, setStrategy(object, view.strategy))
    : hold(goal, ready >= target ? HOLD_ALL : Math.max(0, view.replicas - target), subject);
  // Pods without a ControllerRevision may be stable ones, and would come back updated.
  return view.brokenHold === undefined ? [...writes, ...unstick(view, [goal.from, to])] : writes;
}

/**
 * Writes the verified template and the user's strategy together; then deletes the pods that the
 * controller would not replace.
 */
function rollBack({ template, to }: Of<'RollBack'>, subject: OfSet): Write[] {
  const { object, view } = subject;
  const isBack = view.fingerprint !== to;
  const writes = patch(object, [
    ...setStrategy(object, view.strategy),
    ...dropAnnotation(object, ANNOTATIONS.hold),
    // The actor of the quarantined template did not write this one.
    ...(isBack ? [] : dropAnnotation(object, ANNOTATIONS.actor)),
    ...(isBack ? [] : [{ op: 'replace', path: '/spec/template', value: template } as const]),
  ]);
  return writes.length > 0 ? writes : unstick(view, [view.fingerprint]);
}

/**
 * Deletes unready pods of all revisions except these. A controller that updates in order would wait
 * for them forever. It must have observed the newest spec: a pod deleted too early would be created
 * again from the same revision.
 */
function unstick(view: StatefulSetView, fingerprints: readonly string[]): DeleteWrite[] {
  if (view.updateRevision === undefined) return [];
  const kept = view.revisions.filter((r) => fingerprints.includes(r.fingerprint));
  const names = [view.updateRevision, ...kept.map(({ name }) => name)];
  return (
    view.pods
      .filter(
        ({ ready, revision }) => !ready && revision !== undefined && !names.includes(revision),
      )
      // Keep a pod that the controller would create again from the same revision.
      .filter(({ revision, next }) => revision !== next)
      .map(deletePod)
  );
}

/** Restores the user's strategy and removes AlterShield's annotations. */
function restore({ object, view }: OfSet, forgetsActor: boolean): Write[] {
  if (!view.isMarked) return [];
  return patch(object, [
    ...setStrategy(object, view.strategy),
    ...dropAnnotation(object, ANNOTATIONS.hold),
    ...(forgetsActor ? dropAnnotation(object, ANNOTATIONS.actor) : []),
  ]);
}

const setStrategy = ({ spec }: StatefulSet, strategy: UpdateStrategy): PatchOp[] =>
  isSameStrategy(spec.updateStrategy, strategy)
    ? []
    : [{ op: 'add', path: STRATEGY, value: strategy }];

const patch = (object: StatefulSet, ops: readonly PatchOp[]): PatchWrite[] =>
  patchObject(STATEFUL_SET, object, ops);
