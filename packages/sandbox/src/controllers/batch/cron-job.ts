// SPDX-License-Identifier: Apache-2.0
import { keyOf, parseKey, RESOURCES } from '@altershield/kube';
import type { ApiServer } from '../../api-server/api-server.ts';
import { timestamp } from '../../api-server/util.ts';
import { same } from '../../json.ts';
import { Cluster, ignoring, isFailure } from '../cluster.ts';
import { findCondition } from '../conditions.ts';
import type { Controller } from '../controller.ts';
import { enqueueWithControlled } from '../enqueue.ts';
import { WorkQueue } from '../work-queue.ts';
import type { CronJob, Job } from '../types.ts';
import { isFinished } from './job.ts';
import { Schedule } from './schedule.ts';

const RECONCILE_MS = { min: 2, max: 20 };
const WRITE_MS = { min: 0.5, max: 3 };
const MINUTE_MS = 60_000;

/**
 * Starts Jobs by their schedule. Of several missed runs it starts the newest, at once; none that is
 * older than `startingDeadlineSeconds`.
 */
export class CronJobController implements Controller {
  readonly #cluster: Cluster;
  readonly #queue: WorkQueue;
  #unsubscribe: () => void = () => undefined;

  constructor(server: ApiServer) {
    const name = 'system:serviceaccount:kube-system:cronjob-controller';
    this.#cluster = new Cluster(server, { name, latency: WRITE_MS });
    this.#queue = new WorkQueue({
      scheduler: server.scheduler,
      latency: RECONCILE_MS,
      reconcile: (key) => this.#reconcile(key),
    });
  }

  start(): void {
    this.#queue.start();
    const { cronJob, job } = RESOURCES;
    this.#unsubscribe = enqueueWithControlled(this.#cluster, this.#queue, cronJob, job);
  }

  stop(): void {
    this.#unsubscribe();
    this.#queue.stop();
  }

  async #reconcile(key: string): Promise<void> {
    const cronJob = this.#cluster.get<CronJob>(RESOURCES.cronJob, parseKey(key));
    if (cronJob === undefined) return;
    // Only Jobs that it controls count: an owner alone is not enough.
    const jobs = this.#cluster.controlledBy<Job>(RESOURCES.job, cronJob);
    const startedAt = cronJob.spec.suspend ? undefined : await this.#startDue(key, cronJob, jobs);
    await this.#writeStatus(parseKey(key), startedAt);
    await this.#deleteOld(cronJob, jobs);
  }

  /** Starts the newest run that is due; returns the time it was scheduled for. */
  async #startDue(
    key: string,
    cronJob: CronJob,
    jobs: readonly Job[],
  ): Promise<number | undefined> {
    const { metadata, spec, status = {} } = cronJob;
    const now = this.#cluster.scheduler.now();
    const schedule = new Schedule(spec.schedule);
    this.#queue.addAfter(key, schedule.next(now) - now);
    const since = Date.parse(status.lastScheduleTime ?? metadata.creationTimestamp);
    const deadline = now - (spec.startingDeadlineSeconds ?? Infinity) * 1000;
    const due = schedule.latest(Math.max(since, deadline), now);
    if (due === undefined) return undefined;
    const active = jobs.filter((job) => !isFinished(job));
    if (spec.concurrencyPolicy === 'Forbid' && active.length > 0) return undefined;
    if (spec.concurrencyPolicy === 'Replace') await this.#delete(active);
    await ignoring(409, this.#create(cronJob, due));
    return due;
  }

  async #create({ metadata, spec: { jobTemplate } }: CronJob, due: number): Promise<void> {
    const { name, namespace = '', uid } = metadata;
    const { annotations, labels } = jobTemplate.metadata;
    await this.#cluster.create(RESOURCES.job, {
      metadata: {
        ...{ name: `${name}-${due / MINUTE_MS}`, namespace, labels },
        annotations: {
          ...annotations,
          'batch.kubernetes.io/cronjob-scheduled-timestamp': timestamp(due),
        },
        ownerReferences: [
          {
            ...{ apiVersion: 'batch/v1', kind: 'CronJob', name, uid },
            ...{ controller: true, blockOwnerDeletion: true },
          },
        ],
      },
      spec: jobTemplate.spec,
    });
  }

  async #deleteOld({ spec }: CronJob, jobs: readonly Job[]): Promise<void> {
    const sorted = [...jobs].sort((a, b) =>
      a.metadata.creationTimestamp < b.metadata.creationTimestamp ? -1 : 1,
    );
    const ended = (type: string): Job[] =>
      sorted.filter(({ status }) => findCondition(status?.conditions, type)?.status === 'True');
    const surplus = (all: readonly Job[], limit: number): readonly Job[] =>
      all.slice(0, Math.max(0, all.length - limit));
    await this.#delete([
      ...surplus(ended('Complete'), spec.successfulJobsHistoryLimit),
      ...surplus(ended('Failed'), spec.failedJobsHistoryLimit),
    ]);
  }

  async #delete(jobs: readonly Job[]): Promise<void> {
    const deletes = jobs.map((job) =>
      this.#cluster.delete(RESOURCES.job, keyOf(job), {
        uid: job.metadata.uid,
        propagationPolicy: 'Background',
      }),
    );
    await Promise.all(deletes);
  }

  async #writeStatus(
    key: { namespace: string; name: string },
    startedAt: number | undefined,
  ): Promise<void> {
    const cronJob = this.#cluster.get<CronJob>(RESOURCES.cronJob, key);
    if (cronJob === undefined) return;
    const jobs = this.#cluster.controlledBy<Job>(RESOURCES.job, cronJob);
    const status = statusOf(cronJob, jobs, startedAt);
    if (same(status, cronJob.status ?? {})) return;
    try {
      await this.#cluster.update(RESOURCES.cronJob, { ...cronJob, status }, 'status');
    } catch (error) {
      if (!isFailure(error, 404)) throw error;
    }
  }
}

function statusOf(
  { status: before = {} }: CronJob,
  jobs: readonly Job[],
  startedAt: number | undefined,
) {
  const ends = jobs.flatMap(({ status }) => status?.completionTime ?? []);
  const last = [before.lastSuccessfulTime ?? '', ...ends].sort().at(-1);
  const active = jobs.filter((job) => !isFinished(job)).map(({ metadata }) => metadata.name);
  const scheduled = startedAt === undefined ? before.lastScheduleTime : timestamp(startedAt);
  return {
    ...(active.length === 0
      ? {}
      : { active: active.map((name) => ({ apiVersion: 'batch/v1', kind: 'Job', name })) }),
    ...pick('lastScheduleTime', scheduled),
    ...pick('lastSuccessfulTime', last === '' ? undefined : last),
  };
}

const pick = (name: string, value: string | undefined): Readonly<Record<string, string>> =>
  value === undefined ? {} : { [name]: value };
