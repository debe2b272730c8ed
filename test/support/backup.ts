// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict';
import { after } from 'node:test';
import { ANNOTATIONS, type ChangeWorkload } from '@altershield/api';
import type { KubeObject } from '@altershield/kube';
import { VirtualScheduler, type FaultPlan, type Sandbox } from '@altershield/sandbox';
import { policyManifest } from './manifests.ts';
import { ALICE, Simulation, type RunningOperator } from './simulation.ts';

const PATH = '/apis/batch/v1/namespaces/shop/cronjobs/backup';

interface CronJob extends KubeObject {
  readonly spec: {
    readonly schedule: string;
    readonly suspend: boolean;
    readonly jobTemplate: object;
  };
}

interface Job extends KubeObject {
  readonly spec: { readonly suspend: boolean; readonly template: object };
  readonly status?: { readonly conditions?: readonly { type: string; status: string }[] };
}

export interface BackupOptions {
  readonly seed?: number;
  readonly policy?: object;
  /** Default: at every full hour. */
  readonly schedule?: string;
  /** Other fields of the spec. */
  readonly spec?: object;
  /** Faults of the operator's first life. */
  readonly faults?: (kill: () => void) => FaultPlan;
}

/** The CronJob shop/backup at version 1, whose first run succeeded, under virtual time. */
export class Backup {
  readonly scheduler: VirtualScheduler;
  readonly simulation: Simulation;
  readonly #options: BackupOptions;
  #operator: RunningOperator | undefined;

  private constructor(options: BackupOptions) {
    this.#options = options;
    const { seed } = options;
    this.scheduler = new VirtualScheduler(
      seed === undefined ? { seed: 3 } : { seed, order: 'shuffled' },
    );
    this.simulation = new Simulation({ scheduler: this.scheduler });
  }

  static async start(options: BackupOptions = {}): Promise<Backup> {
    const backup = new Backup(options);
    after(() => {
      assert.deepEqual(backup.simulation.trespasses, []);
    });
    await backup.play(backup.simulation.install(), 1000);
    const { policy = { target: { kinds: ['CronJob'] } } } = options;
    await backup.play(backup.sandbox.apply(policyManifest(policy)), 1000);
    await backup.apply('1', {}, 1000);
    await backup.until('the first run has succeeded', () => backup.ended('1', 'Complete') > 0);
    await backup.startOperator(options.faults);
    return backup;
  }

  get sandbox(): Sandbox {
    return this.simulation.sandbox;
  }

  get isAlive(): boolean {
    return this.#operator?.isAlive() === true;
  }

  async startOperator(faults?: BackupOptions['faults']): Promise<void> {
    const plan = faults?.(() => {
      this.killOperator();
    });
    this.#operator = this.simulation.startOperator(plan === undefined ? {} : { faults: plan });
    await this.scheduler.runFor(2000);
  }

  killOperator(): void {
    this.#operator?.kill();
  }

  readonly play = async <T>(promise: Promise<T>, ms: number): Promise<T> => {
    await Promise.all([this.scheduler.runFor(ms), promise.catch(() => undefined)]);
    return promise;
  };

  async until(what: string, holds: () => boolean, minutes = 130): Promise<void> {
    for (let ms = 0; ms < minutes * 60_000; ms += 100) {
      if (holds()) return;
      await this.scheduler.runFor(100);
    }
    throw new Error(`wait until ${what}: it did not come; ${this.history.join(', ')}`);
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

  /** A merge patch by its user. */
  async patch(body: object, ms = 1000): Promise<void> {
    await this.play(this.sandbox.call('PATCH', { path: PATH, body, user: ALICE }), ms);
  }

  async delete(ms = 1000): Promise<void> {
    await this.play(this.sandbox.call('DELETE', { path: PATH, user: ALICE }), ms);
  }

  get cronJob(): CronJob {
    return this.sandbox.get<CronJob>('cronjobs.batch', 'shop', 'backup') ?? assert.fail('gone');
  }

  get version(): string {
    return versionOf(this.cronJob.spec.jobTemplate);
  }

  get jobs(): Job[] {
    return this.sandbox.server.store.list('jobs.batch', 'shop') as unknown as Job[];
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

  get changes(): ChangeWorkload[] {
    const list = this.sandbox.server.store.list('changeworkloads.altershield.io');
    return (list as unknown as ChangeWorkload[]).sort((a, b) => a.spec.sequence - b.spec.sequence);
  }

  /** `2 Success Verified`: version, phase and reason of each change. */
  get history(): string[] {
    return this.changes.map(
      ({ spec, status }) =>
        `${versionOf(spec.to.images)} ${status?.phase ?? ''} ${status?.reason ?? ''}`,
    );
  }

  /** Nothing is borrowed, and nothing of AlterShield is left on the CronJob. */
  get isFree(): boolean {
    const { metadata, spec } = this.cronJob;
    return metadata.annotations?.[ANNOTATIONS.hold] === undefined && !spec.suspend;
  }
}

const versionOf = (value: unknown): string =>
  /backup:([\w.-]+)/.exec(JSON.stringify(value))?.[1] ?? '';
