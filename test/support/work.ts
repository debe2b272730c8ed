// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict';
import { ANNOTATIONS } from '@altershield/api';
import type { Pod, UserInfo } from '@altershield/sandbox';
import { BatchStory, type Job, type StoryOptions } from './batch-story.ts';
import { policyManifest } from './manifests.ts';
import { ALICE } from './simulation.ts';

const JOBS = '/apis/batch/v1/namespaces/shop/jobs';

export interface WorkOptions extends StoryOptions {
  readonly release?: object;
}

export interface Creation {
  readonly metadata?: object;
  readonly spec?: object;
  readonly user?: UserInfo;
  readonly ms?: number;
}

/** Jobs of namespace shop, first of all the Job `work`, which a policy names, under virtual time. */
export class Work extends BatchStory {
  private constructor(options: WorkOptions) {
    super('jobs/work', options);
  }

  static async start(options: WorkOptions = {}): Promise<Work> {
    const work = new Work(options);
    await work.play(work.simulation.install(), 1000);
    const { release = { batches: [1, '100%'], soakSeconds: 10 } } = options;
    const { policy = { target: { kinds: ['Job'] }, release } } = options;
    await work.play(work.sandbox.apply(policyManifest(policy)), 1000);
    await work.startOperator(options.faults);
    return work;
  }

  /** Creates the Job with this image, as its user does. */
  async create(version: string, creation: Creation = {}): Promise<void> {
    const { metadata = { name: 'work' }, spec = {}, user = ALICE, ms = 1000 } = creation;
    const containers = [{ name: 'app', image: `shop/work:${version}` }];
    const body = {
      apiVersion: 'batch/v1',
      kind: 'Job',
      metadata,
      spec: { ...spec, template: { spec: { restartPolicy: 'Never', containers } } },
    };
    await this.play(this.sandbox.call('POST', { path: JOBS, body, user }), ms);
  }

  /** A CronJob, as the owner that controls its Jobs. */
  async cronJob(): Promise<object> {
    const containers = [{ name: 'app', image: 'shop/work:1' }];
    const template = { spec: { restartPolicy: 'Never', containers } };
    const [apiVersion, kind, name] = ['batch/v1', 'CronJob', 'nightly'];
    const manifest = {
      ...{ apiVersion, kind, metadata: { name, namespace: 'shop' } },
      spec: { schedule: '0 0 * * *', suspend: true, jobTemplate: { spec: { template } } },
    };
    await this.play(this.sandbox.apply(manifest, ALICE), 1000);
    const uid = this.sandbox.get('cronjobs.batch', 'shop', name)?.metadata.uid;
    return { apiVersion, kind, name, uid, controller: true };
  }

  get job(): Job {
    return this.jobs[0] ?? assert.fail('there is a Job');
  }

  /** What of its fields AlterShield may borrow. */
  get fields(): string {
    const { suspend, parallelism } = this.job.spec;
    return `${suspend ? 'suspended' : 'running'} ${parallelism}`;
  }

  get isHeld(): boolean {
    return this.job.metadata.annotations?.[ANNOTATIONS.hold] !== undefined;
  }

  isOver(job = this.job): boolean {
    return ['Complete', 'Failed'].some((type) =>
      job.status?.conditions?.some((c) => c.type === type && c.status === 'True'),
    );
  }

  pods(...phases: readonly string[]): readonly Pod[] {
    const pods = this.sandbox.pods({ namespace: 'shop' });
    return phases.length === 0 ? pods : pods.filter(({ status }) => phases.includes(status.phase));
  }
}
