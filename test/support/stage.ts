// SPDX-License-Identifier: Apache-2.0
import type { ChangeWorkload } from '@altershield/api';
import type { Deployment } from '@altershield/core';
import { VirtualScheduler, type UserInfo } from '@altershield/sandbox';
import { deploymentManifest, policyManifest } from './manifests.ts';
import { ALICE, Simulation, type OperatorRun, type RunningOperator } from './simulation.ts';

const RECORDS = '/apis/altershield.io/v1alpha1/namespaces/shop/changeworkloads';

/** Deployment `shop/checkout` in version 1 under a policy, and what a test does to it. */
export class Stage {
  readonly scheduler = new VirtualScheduler({ seed: 3 });
  readonly simulation = new Simulation({ scheduler: this.scheduler });
  readonly sandbox = this.simulation.sandbox;
  #operator: RunningOperator | undefined;

  /** With version 1 running, the policy in force and, unless told otherwise, one operator. */
  static async set(policy: object | undefined, run: OperatorRun = {}): Promise<Stage> {
    const stage = new Stage();
    await stage.play(stage.simulation.install(), 1000);
    await stage.apply('1', 8000);
    if (policy !== undefined) await stage.govern(policy);
    stage.start(run);
    await stage.scheduler.runFor(2000);
    return stage;
  }

  start(run?: OperatorRun): void {
    this.#operator = this.simulation.startOperator(run);
  }

  /** As `kill -9`: there is no webhook until the next start. */
  kill(): void {
    this.#operator?.kill();
  }

  async play<T>(promise: Promise<T>, ms: number): Promise<T> {
    // Refused while time runs: the caller hears of it afterwards.
    void promise.catch(() => undefined);
    await this.scheduler.runFor(ms);
    return promise;
  }

  /** Alice deploys this tag. */
  apply(tag: string, ms: number): Promise<unknown> {
    const manifest = deploymentManifest({ image: `shop/checkout:${tag}` });
    return this.play(this.sandbox.apply(manifest, ALICE), ms);
  }

  govern(policy: object, ms = 1000): Promise<unknown> {
    return this.play(this.sandbox.apply(policyManifest(policy)), ms);
  }

  /** A call of `user` about a record: of the collection, or of the one with this number. */
  record(
    method: 'POST' | 'PATCH' | 'DELETE',
    { sequence, body, user = ALICE }: { sequence?: number; body?: object; user?: UserInfo },
    ms = 1000,
  ): Promise<unknown> {
    const path = sequence === undefined ? RECORDS : `${RECORDS}/deployment-checkout-${sequence}`;
    const merge = method === 'PATCH' ? { contentType: 'application/merge-patch+json' } : {};
    return this.play(this.simulation.client(user).raw(method, path, body, merge), ms);
  }

  deployment(): Deployment {
    return this.sandbox.get('deployments.apps', 'shop', 'checkout') as unknown as Deployment;
  }

  records(): ChangeWorkload[] {
    const list = this.sandbox.server.store.list('changeworkloads.altershield.io');
    return (list as unknown as ChangeWorkload[]).sort((a, b) => a.spec.sequence - b.spec.sequence);
  }

  /** `2 Success Verified`: tag, phase and reason of each record. */
  story(): string[] {
    return this.records().map(
      ({ spec, status }) =>
        `${tagOf(spec.to.images.join())} ${status?.phase ?? ''} ${status?.reason ?? ''}`,
    );
  }

  tag(): string {
    return tagOf(JSON.stringify(this.deployment().spec.template));
  }

  /** Tags of the pods there are, each once. */
  podTags(): string[] {
    const pods = this.sandbox.pods({ namespace: 'shop' });
    return [...new Set(pods.map((pod) => tagOf(JSON.stringify(pod.spec))))].sort();
  }
}

const tagOf = (text: string): string => /checkout:([\w.-]+)/.exec(text)?.[1] ?? '';
