// SPDX-License-Identifier: Apache-2.0

import assert from 'node:assert/strict';
import { RESOURCES, type KubeObject } from '@altershield/kube';
import type { Json } from './helpers.ts';
import { jobSpec, type Job } from './jobs.ts';
import { behavior, pause, until, type Behavior, type ContractTarget } from './target.ts';

const { cronJob: cronJobs, job: jobs } = RESOURCES;
const MINUTE_MS = 60_000;
/** A run starts at a full minute, and ends seconds later. */
const RUN_MS = 90_000;

interface CronJob extends KubeObject {
  readonly spec: Json & { readonly jobTemplate: Json };
  readonly status: { readonly lastScheduleTime?: string; readonly lastSuccessfulTime?: string };
}

class Clockwork {
  readonly target: ContractTarget;
  readonly namespace: string;

  constructor(target: ContractTarget, namespace: string) {
    this.target = target;
    this.namespace = namespace;
  }

  get key() {
    return { namespace: this.namespace, name: 'nightly' };
  }

  get(): Promise<CronJob> {
    return this.target.admin.get<CronJob>(cronJobs, this.key);
  }

  write(spec: Json): Promise<CronJob> {
    return this.target.admin.patch<CronJob>(cronJobs, this.key, { type: 'merge', body: { spec } });
  }

  async jobs(): Promise<readonly Job[]> {
    return (await this.target.admin.list<Job>(jobs, { namespace: this.namespace })).items;
  }

  /** The Jobs, once there are so many that are complete. */
  complete(count: number): Promise<readonly Job[]> {
    const isComplete = ({ status }: Job): boolean =>
      status.conditions?.some(({ type }) => type === 'Complete') === true;
    return until(
      this.target,
      `${count} complete Jobs`,
      async () => {
        const all = await this.jobs();
        return all.filter(isComplete).length >= count && all;
      },
      RUN_MS,
    );
  }

  /** A Job as `kubectl create job --from` makes it, or one that the CronJob only owns. */
  async run(name: string, controller: boolean): Promise<void> {
    const { metadata, spec } = await this.get();
    const { uid } = metadata;
    const owner = { apiVersion: 'batch/v1', kind: 'CronJob', name: 'nightly', uid, controller };
    const annotations = { 'cronjob.kubernetes.io/instantiate': 'manual' };
    await this.target.admin.create(jobs, this.namespace, {
      apiVersion: 'batch/v1',
      kind: 'Job',
      metadata: { name, annotations, ownerReferences: [owner] },
      spec: spec.jobTemplate['spec'],
    });
  }
}

async function aCronJob(target: ContractTarget, more: Json = {}): Promise<Clockwork> {
  const clockwork = new Clockwork(target, await target.namespace());
  const spec = { schedule: '* * * * *', jobTemplate: { spec: jobSpec('work:v1') }, ...more };
  const body = { apiVersion: 'batch/v1', kind: 'CronJob', metadata: { name: 'nightly' }, spec };
  await target.admin.create(cronJobs, clockwork.namespace, body);
  return clockwork;
}

/** In the first half of a minute a run is missed that is newer than half a minute. */
async function untilSecond(target: ContractTarget, from: number, to: number): Promise<void> {
  await until(
    target,
    `a time between second ${from} and ${to}`,
    () => {
      const second = Math.floor(target.scheduler.now() / 1000) % 60;
      return Promise.resolve(second >= from && second <= to);
    },
    2 * MINUTE_MS,
  );
}

export const cronJobBehaviors: readonly Behavior[] = [
  behavior('a CronJob is completed with defaults', async (target) => {
    const clockwork = await aCronJob(target, { suspend: true });
    const { jobTemplate, ...spec } = (await clockwork.get()).spec;
    assert.deepEqual(spec, {
      concurrencyPolicy: 'Allow',
      failedJobsHistoryLimit: 1,
      schedule: '* * * * *',
      successfulJobsHistoryLimit: 3,
      suspend: true,
    });
    const { template } = jobTemplate['spec'] as { template: { spec: Json } };
    assert.equal(template.spec['dnsPolicy'], 'ClusterFirst');
  }),
  behavior(
    'a CronJob starts a Job of its jobTemplate at each time of its schedule',
    async (target) => {
      const clockwork = await aCronJob(target);
      const [job] = await clockwork.complete(1);
      const { name, annotations = {}, ownerReferences = [] } = job?.metadata ?? { name: '' };
      const scheduled = annotations['batch.kubernetes.io/cronjob-scheduled-timestamp'] ?? '';
      assert.equal(name, `nightly-${Date.parse(scheduled) / MINUTE_MS}`);
      assert.equal(ownerReferences[0]?.controller, true);
      await until(target, 'a successful run in the status', async () => {
        const { status } = await clockwork.get();
        return status.lastScheduleTime === scheduled && status.lastSuccessfulTime !== undefined;
      });
    },
  ),
  behavior(
    'a CronJob that is no longer suspended starts the newest missed run at once, and no other',
    async (target) => {
      const clockwork = await aCronJob(target, { suspend: true });
      await pause(target, 2 * MINUTE_MS);
      await untilSecond(target, 15, 35);
      assert.deepEqual(await clockwork.jobs(), []);
      await clockwork.write({ suspend: false });
      await until(target, 'a Job', async () => (await clockwork.jobs()).length > 0);
      await pause(target, 5000);
      assert.equal((await clockwork.jobs()).length, 1);
    },
  ),
  behavior(
    'a CronJob starts no missed run that is older than its startingDeadlineSeconds',
    async (target) => {
      const clockwork = await aCronJob(target, { suspend: true, startingDeadlineSeconds: 10 });
      await pause(target, MINUTE_MS);
      await untilSecond(target, 20, 40);
      await clockwork.write({ suspend: false });
      await pause(target, 5000);
      assert.deepEqual(await clockwork.jobs(), []);
    },
  ),
  behavior(
    'a CronJob counts a Job that it controls, and ignores one that it only owns',
    async (target) => {
      const limits = { successfulJobsHistoryLimit: 0, schedule: '0 0 1 1 *' };
      const clockwork = await aCronJob(target, limits);
      await clockwork.run('owned', false);
      await clockwork.complete(1);
      await clockwork.run('controlled', true);
      await until(target, 'the end of the controlled Job', async () => {
        const { status } = await clockwork.get();
        return status.lastSuccessfulTime !== undefined;
      });
      await until(target, 'only the owned Job', async () => {
        const names = (await clockwork.jobs()).map(({ metadata }) => metadata.name);
        return names.join() === 'owned';
      });
      await target.admin.delete(cronJobs, clockwork.key, { propagationPolicy: 'Background' });
      await until(target, 'no Job', async () => (await clockwork.jobs()).length === 0);
    },
  ),
];
