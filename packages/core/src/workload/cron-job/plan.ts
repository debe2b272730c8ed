// SPDX-License-Identifier: Apache-2.0
import { ANNOTATIONS } from '@altershield/api';
import { writeSavedFields } from '../../hold/saved-fields.ts';
import { toJsonPointer, type PatchOp } from '../../json/patch.ts';
import type { DeleteWrite, PatchWrite, Subject, Write } from '../adapter.ts';
import type { Goal } from '../goal.ts';
import { CRON_JOB, JOB_TEMPLATE, SUSPEND } from './descriptor.ts';
import type { CronJob } from './objects.ts';
import type { CronJobView } from './observe.ts';
import { createTrial } from './trial.ts';

type OfCronJob = Subject<CronJob, CronJobView>;
type Of<T extends Goal['type']> = Extract<Goal, { readonly type: T }>;

export function planCronJob(goal: Goal, subject: OfCronJob): Write[] {
  switch (goal.type) {
    case 'Hold':
      return hold(goal, subject);
    case 'Release':
      return release(goal, subject);
    case 'RollBack':
      return rollBack(goal, subject);
    case 'Rest':
      return [...restore(subject, goal.forgetsActor), ...stopTrials(subject), ...tidy(subject)];
    case 'Restore':
      return [...restore(subject, false), ...stopTrials(subject)];
  }
}

/** Saves the user's value in the annotation, and suspends the schedule. */
function hold({ from }: Pick<Of<'Hold'>, 'from'>, { object, view, signing }: OfCronJob): Write[] {
  const { borrowed = { from, userFields: { [SUSPEND]: view.suspend }, isAnnotated: false } } = view;
  const held = { kind: CRON_JOB.resource.kind, metadata: object.metadata };
  const text = borrowed.isAnnotated
    ? annotationOf(object)
    : writeSavedFields(borrowed, held, signing.sign);
  if (text === undefined) return [];
  return patch(object, [...annotate(object, ANNOTATIONS.hold, text), ...setSuspend(object, true)]);
}

/**
 * The schedule stays suspended until the trial run has ended. A release that goes on then has passed:
 * the user's value is restored.
 */
function release(goal: Of<'Release'>, subject: OfCronJob): Write[] {
  const { object, view, signing } = subject;
  const { to, sequence } = goal;
  const { run } = view.completion ?? {};
  if (run !== undefined && run.state !== 'Active') {
    return patch(object, setSuspend(object, view.suspend));
  }
  return [
    ...hold(goal, subject),
    ...stopTrials(subject, (fingerprint) => fingerprint !== to),
    ...(run === undefined ? [createTrial(object, { to, sequence }, signing.sign)] : []),
  ];
}

function rollBack({ template, to }: Of<'RollBack'>, subject: OfCronJob): Write[] {
  const { object, view } = subject;
  const isBack = view.fingerprint !== to;
  return [
    ...patch(object, [
      ...setSuspend(object, view.suspend),
      ...dropAnnotation(object, ANNOTATIONS.hold),
      // The actor of the quarantined template did not write this one.
      ...(isBack ? [] : dropAnnotation(object, ANNOTATIONS.actor)),
      ...(isBack ? [] : [{ op: 'replace', path: JOB_TEMPLATE, value: template } as const]),
    ]),
    ...stopTrials(subject),
  ];
}

/**
 * Suspends the trial runs that have not ended: their controller deletes the pods that are active,
 * and keeps those that failed, with their logs.
 */
const stopTrials = (
  { view }: OfCronJob,
  isStopped: (fingerprint: string) => boolean = () => true,
): PatchWrite[] =>
  view.runs
    .filter((run) => run.isTrial && run.state === 'Active' && !run.isSuspended)
    .filter((run) => isStopped(run.fingerprint))
    .map(({ name, uid }) => ({
      ...{ resource: 'Job', name },
      ops: [
        { op: 'test', path: '/metadata/uid', value: uid },
        { op: 'add', path: SUSPEND, value: true },
      ],
    }));

/** Deletes the trial Jobs of earlier changes: the newest one is kept as evidence. */
const tidy = ({ view }: OfCronJob): DeleteWrite[] =>
  view.runs
    .filter((run) => run.isTrial)
    .slice(0, -1)
    .map(({ name, uid }) => ({ resource: 'Job', name, deletes: uid }));

/** Restores the user's value and removes AlterShield's annotations. */
function restore({ object, view }: OfCronJob, forgetsActor: boolean): Write[] {
  if (!view.isMarked) return [];
  return patch(object, [
    ...setSuspend(object, view.suspend),
    ...dropAnnotation(object, ANNOTATIONS.hold),
    ...(forgetsActor ? dropAnnotation(object, ANNOTATIONS.actor) : []),
  ]);
}

const annotationOf = ({ metadata }: CronJob): string | undefined =>
  metadata.annotations?.[ANNOTATIONS.hold];

const setSuspend = ({ spec }: CronJob, suspend: boolean): PatchOp[] =>
  (spec.suspend ?? false) === suspend ? [] : [{ op: 'add', path: SUSPEND, value: suspend }];

/** The object must be the one that was read, with the same spec and hold. */
function patch(object: CronJob, ops: readonly PatchOp[]): PatchWrite[] {
  if (ops.length === 0) return [];
  const { name, uid, generation = 0 } = object.metadata;
  const text = annotationOf(object);
  return [
    {
      resource: CRON_JOB.resource.kind,
      name,
      ops: [
        { op: 'test', path: '/metadata/uid', value: uid },
        { op: 'test', path: '/metadata/generation', value: generation },
        ...(text === undefined
          ? []
          : [{ op: 'test', path: annotation(ANNOTATIONS.hold), value: text } as const]),
        ...ops,
      ],
    },
  ];
}

const annotation = (name: string): string => toJsonPointer('metadata', 'annotations', name);

function annotate({ metadata }: CronJob, name: string, value: string): PatchOp[] {
  if (metadata.annotations?.[name] === value) return [];
  return metadata.annotations === undefined
    ? [{ op: 'add', path: '/metadata/annotations', value: { [name]: value } }]
    : [{ op: 'add', path: annotation(name), value }];
}

const dropAnnotation = ({ metadata }: CronJob, name: string): PatchOp[] =>
  metadata.annotations?.[name] === undefined ? [] : [{ op: 'remove', path: annotation(name) }];
