// SPDX-License-Identifier: Apache-2.0
import { POD, batch, type KindDescriptor } from '../adapter.ts';

export const SUSPEND = '/spec/suspend';
export const JOB_TEMPLATE = '/spec/jobTemplate';

export const CRON_JOB: KindDescriptor = {
  resource: batch('CronJob', 'cronjobs'),
  isOptIn: true,
  cliNames: ['cj', 'cronjob', 'cronjobs'],
  revisionPath: JOB_TEMPLATE,
  borrowedFields: [SUSPEND],
  holdsWithoutOperator: 'Webhook',
  relatedResources: {
    jobs: {
      resource: batch('Job', 'jobs'),
      ownedBy: 'object',
      verbs: ['create', 'patch', 'delete'],
    },
    pods: { resource: POD, ownedBy: 'jobs', verbs: [] },
  },
  verbs: { '': ['get', 'patch'] },
  strategies: {
    ...{ Rolling: true, Batch: true },
    Canary: 'its trial run is the whole batch, so there are no stable pods beside it',
    BlueGreen: 'its runs serve no traffic',
  },
  byTopology: 'its trial run is one Job, and the scheduler chooses the nodes',
  leaks: [],
  deletes: [],
};
