// SPDX-License-Identifier: Apache-2.0
import { ANNOTATIONS } from '@altershield/api';
import { writeSavedFields } from '../../hold/saved-fields.ts';
import type { PatchOp } from '../../json/patch.ts';
import type { PatchWrite, Subject, Write } from '../adapter.ts';
import type { Goal } from '../goal.ts';
import { annotate, annotationOf, dropAnnotation, patchObject } from '../held-patch.ts';
import { JOB, PARALLELISM, SUSPEND } from './descriptor.ts';
import { NO_REVISION, asAdmitted, byPath, type JobFields } from './hold.ts';
import { isSuspended, parallelismOf, type Job } from './objects.ts';
import type { JobView } from './observe.ts';

type OfJob = Subject<Job, JobView>;
type Of<T extends Goal['type']> = Extract<Goal, { readonly type: T }>;

export function planJob(goal: Goal, subject: OfJob): Write[] {
  switch (goal.type) {
    case 'Hold':
      return goal.stops === true ? stop(subject) : keep(subject);
    case 'Release':
      return release(goal, subject);
    case 'Rest':
      return restore(subject, goal.forgetsActor);
    case 'Restore':
      return restore(subject, false);
    // Never a goal: its view says why it cannot be rolled back.
    case 'RollBack':
      return [];
  }
}

/**
 * Suspends a Job that failed: its controller deletes the pods that are active, and keeps those that
 * have ended, with their logs.
 */
const stop = (subject: OfJob): Write[] =>
  isEnded(subject) ? [] : patch(subject, [...annotated(subject), ...setSuspend(subject, true)]);

/** The pods that are released go on: only a lost annotation is written again. */
const keep = (subject: OfJob): Write[] =>
  subject.view.borrowed === undefined ? [] : patch(subject, annotated(subject));

/** As many pods at a time as the batch has. Pods that work are never taken away again. */
function release({ target, isLast }: Of<'Release'>, subject: OfJob): Write[] {
  const { object, view } = subject;
  const { own, borrowed } = view;
  // Its hold was removed by hand: everything is released.
  if (borrowed === undefined) return [];
  if (isLast || isEnded(subject)) return patch(subject, setFields(subject, own));
  const before = isSuspended(object) ? 0 : parallelismOf(object);
  const parallelism = Math.min(own.parallelism, Math.max(target, before));
  const fields = { suspend: own.suspend, parallelism };
  return patch(subject, [...annotated(subject), ...setFields(subject, fields)]);
}

/** Restores the user's values and removes AlterShield's annotations. */
function restore(subject: OfJob, forgetsActor: boolean): Write[] {
  const { object, view } = subject;
  if (!view.isMarked) return [];
  return patch(subject, [
    ...setFields(subject, view.own),
    ...dropAnnotation(object, ANNOTATIONS.hold),
    ...(forgetsActor ? dropAnnotation(object, ANNOTATIONS.actor) : []),
  ]);
}

const isEnded = ({ view: { completion } }: OfJob): boolean => completion?.run?.state !== 'Active';

/** The annotation with the user's fields, where it is missing. */
function annotated({ object, view, signing }: OfJob): PatchOp[] {
  const { borrowed, own } = view;
  const saved = borrowed ?? { from: NO_REVISION, userFields: byPath(own), isAnnotated: false };
  const held = { kind: JOB.resource.kind, metadata: asAdmitted(object).metadata };
  const text = saved.isAnnotated
    ? annotationOf(object)
    : writeSavedFields(saved, held, signing.sign);
  return text === undefined ? [] : annotate(object, ANNOTATIONS.hold, text);
}

const setFields = (subject: OfJob, { suspend, parallelism }: JobFields): PatchOp[] => [
  ...setSuspend(subject, suspend),
  ...(parallelismOf(subject.object) === parallelism
    ? []
    : [{ op: 'add', path: PARALLELISM, value: parallelism } as const]),
];

const setSuspend = ({ object }: OfJob, suspend: boolean): PatchOp[] =>
  isSuspended(object) === suspend ? [] : [{ op: 'add', path: SUSPEND, value: suspend }];

const patch = ({ object }: OfJob, ops: readonly PatchOp[]): PatchWrite[] =>
  patchObject(JOB, object, ops);
