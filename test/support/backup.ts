// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict';
import { ANNOTATIONS } from '@altershield/api';
import type { KubeObject } from '@altershield/kube';
import { BatchStory, versionOf, type StoryOptions } from './batch-story.ts';
import { policyManifest } from './manifests.ts';
import { ALICE } from './simulation.ts';

interface CronJob extends KubeObject {
  readonly spec: {
    readonly schedule: string;
    readonly suspend: boolean;
    readonly jobTemplate: object;
  };
}

export interface BackupOptions extends StoryOptions {
  /** Default: at every full hour. */
  readonly schedule?: string;
  /** Other fields of the spec. */
  readonly spec?: object;
}

/** The CronJob shop/backup at version 1, whose first run succeeded, under virtual time. */
export class Backup extends BatchStory {
  readonly #options: BackupOptions;

  private constructor(options: BackupOptions) {
    super('cronjobs/backup', options);
    this.#options = options;
  }

  static async start(options: BackupOptions = {}): Promise<Backup> {
    const backup = new Backup(options);
    await backup.play(backup.simulation.install(), 1000);
    const { policy = { target: { kinds: ['CronJob'] } } } = options;
    await backup.play(backup.sandbox.apply(policyManifest(policy)), 1000);
    await backup.apply('1', {}, 1000);
    await backup.until('the first run has succeeded', () => backup.ended('1', 'Complete') > 0);
    await backup.startOperator(options.faults);
    return backup;
  }

  /** The manifest as its user writes it, with this version. */
  async apply(version: string, spec: object = {}, ms = 60_000): Promise<void> {
    const { schedule = '0 * * * *', spec: other = {} } = this.#options;
    const containers = [{ name: 'app', image: `shop/backup:${version}` }];
    const manifest = {
      apiVersion: 'batch/v1',
      kind: 'CronJob',
      metadata: { name: 'backup', namespace: 'shop' },
      spec: {
        ...{ schedule, ...other, ...spec },
        jobTemplate: {
          spec: { backoffLimit: 1, template: { spec: { restartPolicy: 'Never', containers } } },
        },
      },
    };
    await this.play(this.sandbox.apply(manifest, ALICE), ms);
  }

  get cronJob(): CronJob {
    return this.sandbox.get<CronJob>('cronjobs.batch', 'shop', 'backup') ?? assert.fail('gone');
  }

  get version(): string {
    return versionOf(this.cronJob.spec.jobTemplate);
  }

  /** Names of the trial Jobs. */
  get trials(): string[] {
    return this.jobs.map(({ metadata }) => metadata.name).filter((name) => /-trial-/.test(name));
  }

  /** Versions of the Jobs that the schedule started after this time. */
  scheduledSince(at: number): string[] {
    return this.jobs
      .filter(({ metadata }) => metadata.ownerReferences?.[0]?.controller === true)
      .filter(({ metadata }) => Date.parse(metadata.creationTimestamp) > at)
      .map(({ spec }) => versionOf(spec.template));
  }

  ended(version: string, type: 'Complete' | 'Failed'): number {
    return this.jobs
      .filter(({ spec }) => versionOf(spec.template) === version)
      .filter(({ status }) => status?.conditions?.some((c) => c.type === type)).length;
  }

  /** Nothing is borrowed, and nothing of AlterShield is left on the CronJob. */
  get isFree(): boolean {
    const { metadata, spec } = this.cronJob;
    return metadata.annotations?.[ANNOTATIONS.hold] === undefined && !spec.suspend;
  }
}
