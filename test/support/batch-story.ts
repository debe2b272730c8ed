// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict';
import { after } from 'node:test';
import type { ChangeWorkload } from '@altershield/api';
import type { KubeObject } from '@altershield/kube';
import {
  VirtualScheduler,
  type FaultPlan,
  type Sandbox,
  type UserInfo,
} from '@altershield/sandbox';
import { ALICE, Simulation, type RunningOperator } from './simulation.ts';

export interface StoryOptions {
  readonly seed?: number | undefined;
  readonly policy?: object;
  /** Faults of the operator's first life. */
  readonly faults?: (kill: () => void) => FaultPlan;
}

export interface Job extends KubeObject {
  readonly spec: {
    readonly suspend: boolean;
    readonly parallelism: number;
    readonly template: object;
  };
  readonly status?: {
    readonly succeeded?: number;
    readonly conditions?: readonly { type: string; status: string }[];
  };
}

/** A story about one object of the API group `batch` in namespace `shop`, under virtual time. */
export class BatchStory {
  readonly scheduler: VirtualScheduler;
  readonly simulation: Simulation;
  readonly #path: string;
  #operator: RunningOperator | undefined;

  /** @param name `cronjobs/backup` */
  constructor(name: string, { seed }: StoryOptions) {
    this.#path = `/apis/batch/v1/namespaces/shop/${name}`;
    this.scheduler = new VirtualScheduler(
      seed === undefined ? { seed: 3 } : { seed, order: 'shuffled' },
    );
    this.simulation = new Simulation({ scheduler: this.scheduler });
    after(() => {
      assert.deepEqual(this.simulation.trespasses, []);
    });
  }

  get sandbox(): Sandbox {
    return this.simulation.sandbox;
  }

  get isAlive(): boolean {
    return this.#operator?.isAlive() === true;
  }

  async startOperator(faults?: StoryOptions['faults']): Promise<void> {
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

  /** A merge patch by its user. */
  async patch(body: object, ms = 1000, user: UserInfo = ALICE): Promise<void> {
    await this.play(this.sandbox.call('PATCH', { path: this.#path, body, user }), ms);
  }

  async delete(ms = 1000): Promise<void> {
    await this.play(this.sandbox.call('DELETE', { path: this.#path, user: ALICE }), ms);
  }

  /** A ChangeApproval by a user. */
  async decide(decision: string, change: string, ms = 5000): Promise<void> {
    const body = {
      apiVersion: 'altershield.io/v1alpha1',
      kind: 'ChangeApproval',
      metadata: { generateName: 'decision-', namespace: 'shop' },
      spec: { change: { name: change }, decision },
    };
    const path = '/apis/altershield.io/v1alpha1/namespaces/shop/changeapprovals';
    await this.play(this.sandbox.call('POST', { path, body }), ms);
  }

  get jobs(): Job[] {
    return this.sandbox.server.store.list('jobs.batch', 'shop') as unknown as Job[];
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
}

export const versionOf = (value: unknown): string =>
  /shop\/\w+:([\w.-]+)/.exec(JSON.stringify(value))?.[1] ?? '';
