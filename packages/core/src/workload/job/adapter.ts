// SPDX-License-Identifier: Apache-2.0
import { ANNOTATIONS } from '@altershield/api';
import type { Signing, WorkloadAdapter } from '../adapter.ts';
import { trialOf } from '../cron-job/trial.ts';
import { jobAdmission } from './admission.ts';
import { JOB, JOB_CONTROLLER } from './descriptor.ts';
import { fixedTemplateOf, type Job } from './objects.ts';
import { viewJob, type JobView } from './observe.ts';
import { planJob } from './plan.ts';

/** Job: suspended when it is created, then released by its `parallelism`. */
export const job: WorkloadAdapter<Job, JobView> = {
  descriptor: JOB,
  admission: jobAdmission,
  templateOf: fixedTemplateOf,
  isLeftAlone,
  observe: viewJob,
  revisionOfPod: ({ metadata }) =>
    metadata.ownerReferences?.find(({ controller }) => controller === true)?.uid,
  plan: planJob,
};

/** A Job of a controller, of another Job controller, or the trial run of a CronJob. */
function isLeftAlone(object: Job, { sign }: Signing): boolean {
  const { metadata, spec } = object;
  if (metadata.annotations?.[ANNOTATIONS.hold] !== undefined) return false;
  const isControlled = metadata.ownerReferences?.some(({ controller }) => controller === true);
  const isManagedElsewhere = (spec?.managedBy ?? JOB_CONTROLLER) !== JOB_CONTROLLER;
  return isControlled === true || isManagedElsewhere || trialOf(object, sign) !== undefined;
}
