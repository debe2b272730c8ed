// SPDX-License-Identifier: Apache-2.0
import { ANNOTATIONS, type RecordedHold } from '@altershield/api';
import type { Signing, Snapshot } from '../adapter.ts';
import { borrowedFields } from '../borrowed-fields.ts';
import type { BorrowedFields, RevisionView, WorkloadView } from '../view.ts';
import { objectView } from '../writes.ts';
import { JOB } from './descriptor.ts';
import { asAdmitted, fieldsOf, savedValues, type JobFields } from './hold.ts';
import { fixedTemplateOf, isSuspended, parallelismOf, viewRun, type Job } from './objects.ts';

export interface JobView extends WorkloadView {
  /** The user's own values, even while the object has borrowed ones. */
  readonly own: JobFields;
}

export function viewJob(
  { object }: Snapshot<Job>,
  { fingerprintOf, sign }: Signing,
  recorded?: RecordedHold,
): JobView {
  const template = fixedTemplateOf(object);
  const fingerprint = fingerprintOf(template);
  const borrowed = borrowedFields(JOB, asAdmitted(object), { sign, recorded });
  const own = borrowed === undefined ? fieldsOf(object) : savedValues(borrowed.userFields, object);
  const size = sizeOf(object, own);
  const run = viewRun(object);
  return {
    ...objectView({ descriptor: JOB, object }, fingerprint, sign),
    ...{ fingerprint, template, own, size },
    ...{ replicas: size, minReady: 0, isAllOrNothing: false },
    // The status of a Job says nothing of its generation.
    isObserved: true,
    isPaused: own.suspend,
    resumeHint: 'set `spec.suspend` to false to start the Job',
    rollbackProblem: ROLLBACK_PROBLEM,
    completion: { run },
    allowed: isSuspended(object) ? 0 : parallelismOf(object),
    minReadySeconds: 0,
    progressDeadlineSeconds: START_DEADLINE_SECONDS,
    revisions: [revisionOf(object, fingerprint, size)],
    rollout: { isInProgress: false, lastProgressAt: 0 },
    // An annotation that is not valid is one to remove, too.
    isMarked:
      borrowed !== undefined || object.metadata.annotations?.[ANNOTATIONS.hold] !== undefined,
    ...(borrowed === undefined ? {} : { borrowed, hold: holdOf(borrowed, run.state === 'Active') }),
  };
}

/** A Job has no progress deadline, and waits forever for pods that never start. */
const START_DEADLINE_SECONDS = 600;

const ROLLBACK_PROBLEM =
  'a Job cannot be rolled back, because its pod template cannot be changed; it is suspended: create another Job, or run `altershield resume` to let this one try again';

/** Pods that run at a time: never more than are wanted in all. */
const sizeOf = ({ spec }: Job, { parallelism }: JobFields): number =>
  Math.min(parallelism, spec?.completions ?? Infinity);

/** Once the user's fields are back, nothing is held any more; the Job still runs. */
const holdOf = ({ from, isRestored }: BorrowedFields, isActive: boolean) => ({
  from,
  isInFlight: isActive && !isRestored,
});

const revisionOf = (
  { metadata, status }: Job,
  fingerprint: string,
  replicas: number,
): RevisionView => ({
  ...{ name: metadata.name, uid: metadata.uid, fingerprint, replicas },
  createdAt: Date.parse(metadata.creationTimestamp ?? '') || 0,
  ready: status?.ready ?? 0,
  isHealthy: false,
});
