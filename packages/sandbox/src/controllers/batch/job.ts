// SPDX-License-Identifier: Apache-2.0
import { keyOf, parseKey, RESOURCES } from '@altershield/kube';
import type { ApiServer } from '../../api-server/api-server.ts';
import { timestamp } from '../../api-server/util.ts';
import { same } from '../../json.ts';
import { Cluster, isFailure } from '../cluster.ts';
import { findCondition, isActive, isReady } from '../conditions.ts';
import type { Controller } from '../controller.ts';
import { enqueueWithControlled } from '../enqueue.ts';
import { WorkQueue } from '../work-queue.ts';
import type { Condition, Job, JobStatus, Pod } from '../types.ts';

const RECONCILE_MS = { min: 1, max: 10 };
const WRITE_MS = { min: 0.5, max: 3 };
/** The pause after the first failed pod; it doubles with every further one, up to six minutes. */
const BACKOFF_MS = 10_000;
const MAX_BACKOFF_MS = 360_000;

/** Whether a Job has ended, either way. */
export const isFinished = ({ status }: Job): boolean =>
  ['Complete', 'Failed'].some((type) => findCondition(status?.conditions, type)?.status === 'True');

/** Runs the pods of Jobs until enough of them succeeded, or too many failed. */
export class JobController implements Controller {
  readonly #cluster: Cluster;
  readonly #queue: WorkQueue;
  #unsubscribe: () => void = () => undefined;

  constructor(server: ApiServer) {
    const name = 'system:serviceaccount:kube-system:job-controller';
    this.#cluster = new Cluster(server, { name, latency: WRITE_MS });
    this.#queue = new WorkQueue({
      scheduler: server.scheduler,
      latency: RECONCILE_MS,
      reconcile: (key) => this.#reconcile(key),
    });
  }

  start(): void {
    this.#queue.start();
    const { job, pod } = RESOURCES;
    this.#unsubscribe = enqueueWithControlled(this.#cluster, this.#queue, job, pod);
  }

  stop(): void {
    this.#unsubscribe();
    this.#queue.stop();
  }

  async #reconcile(key: string): Promise<void> {
    const job = this.#cluster.get<Job>(RESOURCES.job, parseKey(key));
    if (job === undefined || isFinished(job)) return;
    if (job.metadata.deletionTimestamp !== undefined) return;
    const pods = this.#cluster.controlledBy<Pod>(RESOURCES.pod, job);
    const counts = countsOf(job, pods);
    const end = endOf(job, counts, this.#cluster.scheduler.now());
    if (end.length > 0 || job.spec.suspend) await this.#delete(pods.filter(isActive));
    else await this.#manage(key, job, counts);
    await this.#writeStatus(parseKey(key), end);
  }

  /** Keeps as many active pods as the Job asks for and still needs. */
  async #manage(key: string, job: Job, { active, succeeded, failed }: Counts): Promise<void> {
    const { parallelism, completions = Infinity } = job.spec;
    const wanted = Math.min(parallelism, completions - succeeded);
    if (active.length > wanted) await this.#delete(active.slice(wanted));
    if (active.length >= wanted) return;
    const wait = this.#backoff(job, failed);
    if (wait > 0) {
      this.#queue.addAfter(key, wait);
      return;
    }
    const missing = Array.from({ length: wanted - active.length }, () => this.#createPod(job));
    const failure = (await Promise.allSettled(missing)).find((one) => one.status === 'rejected');
    if (failure !== undefined) throw failure.reason;
  }

  /** How long no pod is created after one that failed. */
  #backoff(job: Job, failed: number): number {
    if (failed === 0) return 0;
    const ends = this.#cluster
      .controlledBy<Pod>(RESOURCES.pod, job)
      .filter(({ status }) => status.phase === 'Failed')
      .map(({ status }) => status.containerStatuses?.[0]?.state.terminated?.finishedAt ?? '');
    const last = Math.max(0, ...ends.map((time) => Date.parse(time) || 0));
    const pause = Math.min(BACKOFF_MS * 2 ** (failed - 1), MAX_BACKOFF_MS);
    return last + pause - this.#cluster.scheduler.now();
  }

  async #delete(pods: readonly Pod[]): Promise<void> {
    const deletes = pods.map((pod) =>
      this.#cluster.delete(RESOURCES.pod, keyOf(pod), { uid: pod.metadata.uid }),
    );
    await Promise.all(deletes);
  }

  async #createPod({ metadata, spec }: Job): Promise<void> {
    const { name, namespace = '', uid } = metadata;
    await this.#cluster.create(RESOURCES.pod, {
      metadata: {
        ...spec.template.metadata,
        ...{ generateName: `${name}-`, namespace },
        ownerReferences: [
          {
            ...{ apiVersion: 'batch/v1', kind: 'Job', name, uid },
            ...{ controller: true, blockOwnerDeletion: true },
          },
        ],
      },
      spec: spec.template.spec,
    });
  }

  async #writeStatus(
    key: { namespace: string; name: string },
    end: readonly Condition[],
  ): Promise<void> {
    const job = this.#cluster.get<Job>(RESOURCES.job, key);
    if (job === undefined) return;
    const now = timestamp(this.#cluster.scheduler.now());
    const pods = this.#cluster.controlledBy<Pod>(RESOURCES.pod, job);
    const status = statusOf(job, pods, { now, end });
    if (same(status, job.status)) return;
    try {
      await this.#cluster.update(RESOURCES.job, { ...job, status }, 'status');
    } catch (error) {
      if (!isFailure(error, 404)) throw error;
    }
  }
}

interface Counts {
  readonly active: readonly Pod[];
  readonly succeeded: number;
  readonly failed: number;
}

/** A pod that was counted once counts even when it is deleted. */
function countsOf({ status }: Job, pods: readonly Pod[]): Counts {
  const inPhase = (phase: string): number =>
    pods.filter((pod) => pod.status.phase === phase).length;
  return {
    active: pods.filter(isActive),
    succeeded: Math.max(status?.succeeded ?? 0, inPhase('Succeeded')),
    failed: Math.max(status?.failed ?? 0, inPhase('Failed')),
  };
}

const condition = (type: string, reason: string, message: string, now: number): Condition => ({
  ...{ type, status: 'True', reason, message },
  lastTransitionTime: timestamp(now),
});

/** The conditions of the end; none while the Job goes on. */
function endOf({ spec }: Job, { succeeded, failed }: Counts, now: number): readonly Condition[] {
  if (failed > spec.backoffLimit) {
    const why = ['BackoffLimitExceeded', 'Job has reached the specified backoff limit'] as const;
    return ['FailureTarget', 'Failed'].map((type) => condition(type, ...why, now));
  }
  if (spec.completions === undefined || succeeded < spec.completions) return [];
  const why = ['CompletionsReached', 'Reached expected number of succeeded pods'] as const;
  return ['SuccessCriteriaMet', 'Complete'].map((type) => condition(type, ...why, now));
}

function statusOf(
  job: Job,
  pods: readonly Pod[],
  { now, end }: { readonly now: string; readonly end: readonly Condition[] },
): JobStatus {
  const { active, succeeded, failed } = countsOf(job, pods);
  const before = job.status?.conditions ?? [];
  const isComplete = end.some(({ type }) => type === 'Complete');
  const startTime = job.spec.suspend ? undefined : (job.status?.startTime ?? now);
  return {
    conditions: [...suspended(job, before, now), ...end],
    ...(startTime === undefined ? {} : { startTime }),
    ...(isComplete ? { completionTime: now } : {}),
    ...aboveZero({ active: active.length, succeeded, failed }),
    ready: active.filter(isReady).length,
  };
}

const aboveZero = (counts: Readonly<Record<string, number>>): Readonly<Record<string, number>> =>
  Object.fromEntries(Object.entries(counts).filter(([, count]) => count > 0));

/** A Job that goes on keeps its condition `Suspended`, as False. */
function suspended(
  { spec }: Job,
  conditions: readonly Condition[],
  now: string,
): readonly Condition[] {
  const current = findCondition(conditions, 'Suspended');
  const isSuspended = current?.status === 'True';
  if (isSuspended === spec.suspend) return conditions;
  const next: Condition = spec.suspend
    ? {
        type: 'Suspended',
        status: 'True',
        reason: 'JobSuspended',
        message: 'Job suspended',
        lastTransitionTime: now,
      }
    : {
        type: 'Suspended',
        status: 'False',
        reason: 'JobResumed',
        message: 'Job resumed',
        lastTransitionTime: now,
      };
  return [...conditions.filter(({ type }) => type !== 'Suspended'), next];
}
