// SPDX-License-Identifier: Apache-2.0
import { ANNOTATIONS, type RecordedHold } from '@altershield/api';
import type { RunView } from '../../check/run.ts';
import type { Template } from '../../json/objects.ts';
import { isSameTemplate } from '../../revision/fingerprint.ts';
import type { Signing, Snapshot } from '../adapter.ts';
import { borrowedFields } from '../borrowed-fields.ts';
import type { BorrowedFields, RevisionView, WorkloadView } from '../view.ts';
import { objectView } from '../writes.ts';
import { CRON_JOB, JOB_TEMPLATE, SUSPEND } from './descriptor.ts';
import { userTemplateOf, viewRun, type Job } from '../job/objects.ts';
import { podTemplateOf, type CronJob } from './objects.ts';
import { trialOf } from './trial.ts';

/** A Job of the CronJob. */
interface RunOfCronJob extends RunView {
  readonly uid: string;
  readonly fingerprint: string;
  readonly isTrial: boolean;
  readonly isSuspended: boolean;
}

export interface CronJobView extends WorkloadView {
  /** Its Jobs, oldest first. */
  readonly runs: readonly RunOfCronJob[];
  /** The user's own value, even while the object has the borrowed one. */
  readonly suspend: boolean;
}

export const savedSuspend = ({ userFields }: Pick<BorrowedFields, 'userFields'>): boolean =>
  userFields[SUSPEND] === true;

export function viewCronJob(
  { object, related }: Snapshot<CronJob>,
  { fingerprintOf, sign }: Signing,
  recorded?: RecordedHold,
): CronJobView {
  const { metadata, spec } = object;
  const fingerprint = fingerprintOf(spec.jobTemplate);
  const borrowed = borrowedFields(CRON_JOB, object, { sign, recorded });
  const suspend = borrowed === undefined ? spec.suspend === true : savedSuspend(borrowed);
  const from = contentOf(borrowed);
  const current = { fingerprint, template: spec.jobTemplate };
  const known = from === undefined ? [current] : [current, from];
  const runs = runsOf(related['jobs'] ?? [], known, sign);
  return {
    ...objectView({ descriptor: CRON_JOB, object }, fingerprint, sign),
    ...{ ...current, suspend, runs },
    // A run is the unit: the whole change is one trial run.
    ...{ replicas: 1, size: 1, minReady: 0, isAllOrNothing: true },
    // The status of a CronJob says nothing of its generation.
    isObserved: true,
    isPaused: suspend,
    resumeHint: 'set `spec.suspend` to false to start the change',
    minReadySeconds: 0,
    progressDeadlineSeconds: START_DEADLINE_SECONDS,
    revisions: [
      // First: of the revisions with its fingerprint it alone has the content.
      ...(from === undefined ? [] : [earlierRevision(object, from, runs)]),
      ...runs.map(viewRevision),
    ],
    rollout: { isInProgress: false, lastProgressAt: 0 },
    // An annotation that is not valid is one to remove, too.
    isMarked: borrowed !== undefined || metadata.annotations?.[ANNOTATIONS.hold] !== undefined,
    ...holdOf(borrowed, fingerprint, runs),
  };
}

type Held = Pick<CronJobView, 'borrowed' | 'hold' | 'completion' | 'allowed'>;

/** What is held, and the run that decides about it: while held, only a trial run does. */
function holdOf(
  borrowed: BorrowedFields | undefined,
  fingerprint: string,
  runs: readonly RunOfCronJob[],
): Held {
  const ofRevision = runs.filter((run) => run.fingerprint === fingerprint);
  const kept = borrowed === undefined ? {} : { borrowed };
  if (borrowed === undefined || borrowed.from === fingerprint) {
    return { ...kept, completion: completionOf(ofRevision.at(-1)), allowed: 0 };
  }
  const run = ofRevision.findLast(({ isTrial }) => isTrial);
  return {
    ...kept,
    completion: completionOf(run),
    allowed: run?.hasStarted === true ? 0 : 1,
    // A trial run that has ended is recorded: `Rest` removes the hold that is left.
    hold: { from: borrowed.from, isInFlight: run === undefined || run.state === 'Active' },
  };
}

const completionOf = (run: RunView | undefined) => (run === undefined ? {} : { run });

/** A CronJob has no progress deadline: use the default of a Deployment. */
const START_DEADLINE_SECONDS = 600;

interface KnownRevision {
  readonly fingerprint: string;
  readonly template: Template;
}

/** The revision that a held change came from: no object of Kubernetes has its `jobTemplate`. */
function contentOf(borrowed: BorrowedFields | undefined): KnownRevision | undefined {
  const template = borrowed?.content?.[JOB_TEMPLATE] as Template | undefined;
  return borrowed === undefined || template === undefined
    ? undefined
    : { fingerprint: borrowed.from, template };
}

const runsOf = (
  jobs: readonly Job[],
  known: readonly KnownRevision[],
  sign: Signing['sign'],
): RunOfCronJob[] =>
  jobs.map((job) => runOf(job, known, sign)).sort((a, b) => a.createdAt - b.createdAt);

function runOf(job: Job, known: readonly KnownRevision[], sign: Signing['sign']): RunOfCronJob {
  const { uid } = job.metadata;
  const trial = trialOf(job, sign);
  const own = userTemplateOf(job);
  const revision = known.find(({ template }) => isSameTemplate(podTemplateOf(template), own));
  return {
    ...viewRun(job),
    uid,
    fingerprint: trial?.to ?? revision?.fingerprint ?? `job-${uid}`,
    isTrial: trial !== undefined,
    isSuspended: job.spec?.suspend === true,
  };
}

/** A Job has the pods of one run: it is listed so that pods are found by their owner. */
const viewRevision = ({ name, uid, fingerprint, createdAt }: RunOfCronJob): RevisionView => ({
  ...{ name, uid, fingerprint, createdAt },
  ...{ replicas: 0, ready: 0, isHealthy: false },
});

/**
 * The revision before the held change. It is healthy when its last finished run succeeded; without
 * runs in the history, when the status says so of the last scheduled run.
 */
function earlierRevision(
  { metadata, status = {} }: CronJob,
  { fingerprint, template }: KnownRevision,
  runs: readonly RunOfCronJob[],
): RevisionView {
  const last = runs.findLast((r) => r.fingerprint === fingerprint && r.state !== 'Active');
  const { lastScheduleTime = '', lastSuccessfulTime = '' } = status;
  const hasSucceeded = lastSuccessfulTime !== '' && lastSuccessfulTime >= lastScheduleTime;
  const name = `${metadata.name}@${fingerprint}`;
  return {
    ...{ name, uid: name, fingerprint, template },
    ...{ createdAt: 0, replicas: 1, ready: 0 },
    isHealthy: last === undefined ? hasSucceeded : last.state === 'Succeeded',
  };
}
