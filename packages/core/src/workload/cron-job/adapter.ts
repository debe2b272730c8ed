// SPDX-License-Identifier: Apache-2.0
import type { WorkloadAdapter } from '../adapter.ts';
import { cronJobAdmission } from './admission.ts';
import { CRON_JOB } from './descriptor.ts';
import type { CronJob } from './objects.ts';
import { viewCronJob, type CronJobView } from './observe.ts';
import { planCronJob } from './plan.ts';

/** CronJob: suspended while a trial run of the new `jobTemplate` is the batch. */
export const cronJob: WorkloadAdapter<CronJob, CronJobView> = {
  descriptor: CRON_JOB,
  admission: cronJobAdmission,
  observe: viewCronJob,
  revisionOfPod: ({ metadata }) =>
    metadata.ownerReferences?.find(({ controller }) => controller === true)?.uid,
  plan: planCronJob,
};
