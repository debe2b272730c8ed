// SPDX-License-Identifier: Apache-2.0
import { ANNOTATIONS, type ChangeWorkload } from '@altershield/api';
import type { Deployment } from '@altershield/core';
import {
  VirtualScheduler,
  type FaultPlan,
  type Sandbox,
  type UserInfo,
} from '@altershield/sandbox';
import { deploymentManifest, policyManifest } from './manifests.ts';
import { ALICE, Simulation, type RunningOperator } from './simulation.ts';

export interface CheckoutOptions {
  readonly policy: object;
  readonly faults?: FaultPlan;
  readonly replicas?: number;
}

/** Deployment shop/checkout at version 1, healthy, governed by a policy, under virtual time. */
export class Checkout {
  readonly scheduler = new VirtualScheduler({ seed: 3 });
  readonly simulation = new Simulation({ scheduler: this.scheduler });
  readonly #options: CheckoutOptions;
  #operator: RunningOperator | undefined;

  private constructor(options: CheckoutOptions) {
    this.#options = options;
  }

  static async start(options: CheckoutOptions): Promise<Checkout> {
    const checkout = new Checkout(options);
    await checkout.play(checkout.simulation.install(), 1000);
    await checkout.apply('1', 8000);
    await checkout.play(checkout.sandbox.apply(policyManifest(options.policy)), 1000);
    await checkout.startOperator();
    return checkout;
  }

  get sandbox(): Sandbox {
    return this.simulation.sandbox;
  }

  async startOperator(): Promise<void> {
    const { faults } = this.#options;
    this.#operator = this.simulation.startOperator(faults === undefined ? {} : { faults });
    await this.scheduler.runFor(2000);
  }

  killOperator(): void {
    this.#operator?.kill();
  }

  /** Lets so much time pass, within which the promise must settle. */
  async play<T>(promise: Promise<T>, ms: number): Promise<T> {
    await Promise.all([this.scheduler.runFor(ms), promise.catch(() => undefined)]);
    return promise;
  }

  async apply(version: string, ms: number, user: UserInfo = ALICE): Promise<void> {
    const { replicas } = this.#options;
    const image = `shop/checkout:${version}`;
    const manifest = deploymentManifest(replicas === undefined ? { image } : { image, replicas });
    await this.play(this.sandbox.apply(manifest, user), ms);
  }

  /** Time passes until this holds; 30 virtual minutes at most. */
  async until(what: string, holds: () => boolean): Promise<void> {
    for (let i = 0; i < 36_000; i += 1) {
      if (holds()) return;
      await this.scheduler.runFor(50);
    }
    throw new Error(`wait until ${what}: it did not come`);
  }

  get deployment(): Deployment {
    return this.sandbox.get('deployments.apps', 'shop', 'checkout') as unknown as Deployment;
  }

  get isHeld(): boolean {
    return ANNOTATIONS.hold in (this.deployment.metadata.annotations ?? {});
  }

  get changes(): ChangeWorkload[] {
    return this.sandbox.server.store.list(
      'changeworkloads.altershield.io',
    ) as unknown as ChangeWorkload[];
  }

  /** Where each change is: phase and reason, in order. */
  get story(): string[] {
    return this.changes.map(({ status }) => `${status?.phase ?? ''}/${status?.reason ?? ''}`);
  }

  /** Pods by version. */
  get pods(): Readonly<Record<string, number>> {
    const counts: Record<string, number> = {};
    for (const { spec } of this.sandbox.pods({ namespace: 'shop' })) {
      const [, version = ''] = /checkout:([\w.-]+)/.exec(JSON.stringify(spec)) ?? [];
      counts[version] = (counts[version] ?? 0) + 1;
    }
    return counts;
  }

  get version(): string {
    const [, version = ''] =
      /checkout:([\w.-]+)/.exec(JSON.stringify(this.deployment.spec.template)) ?? [];
    return version;
  }

  /** A person's word on a change, as the command line writes it. */
  async decide(change: string, action: 'Resume' | 'RollBack' | 'Lift', ms: number): Promise<void> {
    const path = `/apis/altershield.io/v1alpha1/namespaces/shop/changeworkloads/${change}`;
    const at = new Date(this.scheduler.now()).toISOString();
    const body = { spec: { decision: { action, at } } };
    await this.play(this.sandbox.call('PATCH', { path, body }), ms);
  }
}
