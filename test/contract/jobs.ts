// SPDX-License-Identifier: Apache-2.0

import assert from 'node:assert/strict';
import { RESOURCES, type KubeObject } from '@altershield/kube';
import type { Pod } from '../e2e/support/pods.ts';
import { refused, type Condition, type Json } from './helpers.ts';
import { behavior, pause, until, type Behavior, type ContractTarget } from './target.ts';

const { job: jobs, pod: pods } = RESOURCES;

export interface Job extends KubeObject {
  readonly spec: Json & { readonly template: Json };
  readonly status: {
    readonly active?: number;
    readonly succeeded?: number;
    readonly failed?: number;
    readonly conditions?: readonly Condition[];
  };
}

/** The spec of a Job whose pods run this image. */
export const jobSpec = (image: string, more: Json = {}): Json => ({
  ...more,
  template: { spec: { restartPolicy: 'Never', containers: [{ name: 'app', image }] } },
});

class Work {
  readonly target: ContractTarget;
  readonly namespace: string;

  constructor(target: ContractTarget, namespace: string) {
    this.target = target;
    this.namespace = namespace;
  }

  get key() {
    return { namespace: this.namespace, name: 'work' };
  }

  get(): Promise<Job> {
    return this.target.admin.get<Job>(jobs, this.key);
  }

  write(spec: Json): Promise<Job> {
    return this.target.admin.patch<Job>(jobs, this.key, { type: 'merge', body: { spec } });
  }

  async pods(): Promise<readonly Pod[]> {
    const { items } = await this.target.admin.list(pods, { namespace: this.namespace });
    return items as unknown[] as Pod[];
  }

  /** The first state that shows something. */
  until(what: string, shows: (job: Job) => boolean): Promise<Job> {
    return until(this.target, `a Job with ${what}`, async () => {
      const job = await this.get();
      return shows(job) && job;
    });
  }

  ends(type: string): Promise<Job> {
    return this.until(type, (job) => conditionOf(job, type)?.status === 'True');
  }
}

const conditionOf = ({ status }: Job, type: string): Condition | undefined =>
  status.conditions?.find((condition) => condition.type === type);

async function aJob(target: ContractTarget, image: string, more: Json = {}): Promise<Work> {
  const work = new Work(target, await target.namespace());
  const metadata = { name: 'work' };
  const body = { apiVersion: 'batch/v1', kind: 'Job', metadata, spec: jobSpec(image, more) };
  await target.admin.create(jobs, work.namespace, body);
  return work;
}

const phaseOf = ({ status }: Pod): string => (status as { phase: string }).phase;

export const jobBehaviors: readonly Behavior[] = [
  behavior('a Job is completed with defaults, and its pods carry its labels', async (target) => {
    const work = await aJob(target, 'work:v1');
    const { metadata, spec } = await work.get();
    const own = {
      'batch.kubernetes.io/controller-uid': metadata.uid,
      'batch.kubernetes.io/job-name': 'work',
      'controller-uid': metadata.uid,
      'job-name': 'work',
    };
    const { template, ...rest } = spec;
    assert.deepEqual(rest, {
      backoffLimit: 6,
      completionMode: 'NonIndexed',
      completions: 1,
      manualSelector: false,
      parallelism: 1,
      podReplacementPolicy: 'TerminatingOrFailed',
      selector: {
        matchLabels: { 'batch.kubernetes.io/controller-uid': metadata.uid },
      },
      suspend: false,
    });
    assert.deepEqual(template['metadata'], { labels: own });
  }),
  behavior('a Job whose pods succeed is complete', async (target) => {
    const work = await aJob(target, 'work:v1', { parallelism: 2, completions: 3 });
    const job = await work.ends('Complete');
    assert.equal(job.status.succeeded, 3);
    assert.equal(conditionOf(job, 'Complete')?.reason, 'CompletionsReached');
    assert.equal((await work.pods()).length, 3);
  }),
  behavior('a Job fails when more pods failed than its backoffLimit', async (target) => {
    const work = await aJob(target, 'work:jobfail-1', { backoffLimit: 0 });
    const job = await work.ends('Failed');
    const { reason, message } = conditionOf(job, 'Failed') ?? {};
    assert.equal(reason, 'BackoffLimitExceeded');
    assert.equal(message, 'Job has reached the specified backoff limit');
    assert.deepEqual((await work.pods()).map(phaseOf), ['Failed'], 'the pod stays');
  }),
  behavior('a Job whose pods never start is neither complete nor failed', async (target) => {
    const work = await aJob(target, 'work:bad-1', { backoffLimit: 0 });
    await work.until('an active pod', ({ status }) => status.active === 1);
    await pause(target, 5000);
    const { status } = await work.get();
    assert.deepEqual(
      (status.conditions ?? []).map(({ type }) => type),
      [],
    );
  }),
  behavior('a Job that is created suspended has no pods until it is resumed', async (target) => {
    const work = await aJob(target, 'work:v1', { suspend: true });
    await work.ends('Suspended');
    await pause(target, 1000);
    assert.deepEqual(await work.pods(), []);
    await work.write({ suspend: false });
    const job = await work.ends('Complete');
    assert.equal(conditionOf(job, 'Suspended')?.status, 'False');
  }),
  behavior(
    'a Job that is suspended loses its active pods and keeps those that failed',
    async (target) => {
      const failing = await aJob(target, 'work:jobfail-1');
      await failing.until('a failed pod', ({ status }) => (status.failed ?? 0) > 0);
      await failing.write({ suspend: true });
      await failing.ends('Suspended');
      assert.ok((await failing.pods()).every((pod) => phaseOf(pod) === 'Failed'));
      assert.ok((await failing.pods()).length > 0);
      const stuck = await aJob(target, 'work:bad-1');
      await stuck.until('an active pod', ({ status }) => status.active === 1);
      await stuck.write({ suspend: true });
      await until(target, 'no pods', async () => (await stuck.pods()).length === 0);
    },
  ),
  behavior('a Job with parallelism 0 loses its active pods as well', async (target) => {
    const work = await aJob(target, 'work:bad-1');
    await work.until('an active pod', ({ status }) => status.active === 1);
    await work.write({ parallelism: 0 });
    await until(target, 'no pods', async () => (await work.pods()).length === 0);
  }),
  behavior('the image of a Job cannot be changed, its parallelism can', async (target) => {
    const work = await aJob(target, 'work:v1', { suspend: true, completions: 4 });
    const { template } = jobSpec('work:v2') as { template: Json };
    const wanted = { status: 422, reason: 'Invalid', message: /field is immutable/ };
    await refused(work.write({ template }), wanted);
    const { spec } = await work.write({ parallelism: 2 });
    assert.equal(spec['parallelism'], 2);
  }),
  behavior('the pods of a Job stay when it is deleted without a policy', async (target) => {
    const work = await aJob(target, 'work:v1');
    await work.ends('Complete');
    await target.admin.delete(jobs, work.key);
    await until(target, 'no Job', async () => {
      const { items } = await target.admin.list(jobs, { namespace: work.namespace });
      return items.length === 0;
    });
    await pause(target, 2000);
    assert.equal((await work.pods()).length, 1);
  }),
];
