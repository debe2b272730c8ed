// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict';
import { after } from 'node:test';
import { ANNOTATIONS, type ChangeApproval, type ChangeWorkload } from '@altershield/api';
import { changeName, isInFlight, parseReleaseCap, type Deployment } from '@altershield/core';
import type { KubeObject } from '@altershield/kube';
import { VirtualScheduler, type Sandbox, type UserInfo } from '@altershield/sandbox';
import { kindNamed, storeType, workloadPath, type KindUnderTest } from './kinds.ts';
import { NODE_LABEL, NODES, setNodes } from './nodes.ts';
import { policyManifest, workloadManifest } from './manifests.ts';
import {
  ALICE,
  Simulation,
  type OperatorRun,
  type RunningOperator,
  type SimulationOptions,
} from './simulation.ts';

const APPROVALS = '/apis/altershield.io/v1alpha1/namespaces/shop/changeapprovals';
const RECORDS = '/apis/altershield.io/v1alpha1/namespaces/shop/changeworkloads';

/** Path of the Deployment. */
export const DEPLOYMENT = '/apis/apps/v1/namespaces/shop/deployments/checkout';

export interface CheckoutOptions extends OperatorRun {
  /** Default: Deployment. */
  readonly kind?: KindUnderTest;
  /** Default: nothing governs it. */
  readonly policy?: object;
  readonly replicas?: number;
  /** Of an order of events that is as good as any. Default: everything in its own order. */
  readonly seed?: number;
  /** What an older version borrowed of the spec is given back: nothing else writes it. Default false. */
  readonly isUpgrade?: boolean;
  /** Default: every user may do everything. */
  readonly authorize?: SimulationOptions['authorize'];
}

interface Wear {
  readonly restartCount: number;
  /** Default true. */
  readonly ready?: boolean;
  /** Of which version. Default: whichever. */
  readonly version?: string;
}

/** The workload shop/checkout at version 1, healthy, governed by a policy, under virtual time. */
export class Checkout {
  readonly kind: KindUnderTest;
  readonly scheduler: VirtualScheduler;
  readonly simulation: Simulation;
  readonly #options: CheckoutOptions;
  #operator: RunningOperator | undefined;

  private constructor(options: CheckoutOptions) {
    this.#options = options;
    const { seed, kind = kindNamed('Deployment') } = options;
    this.kind = kind;
    this.scheduler = new VirtualScheduler(
      seed === undefined ? { seed: 3 } : { seed, order: 'shuffled' },
    );
    const { authorize } = options;
    this.simulation = new Simulation({
      scheduler: this.scheduler,
      ...(authorize === undefined ? {} : { authorize }),
      ...(kind.isPerNode ? { nodes: NODES } : {}),
    });
  }

  static async start(options: CheckoutOptions = {}): Promise<Checkout> {
    const checkout = new Checkout(options);
    if (options.isUpgrade !== true)
      after(() => {
        assert.deepEqual(checkout.simulation.trespasses, []);
      });
    await checkout.play(checkout.simulation.install(), 1000);
    const { kind, replicas = 10 } = { kind: checkout.kind, ...options };
    if (kind.isPerNode) await checkout.play(setNodes(checkout.sandbox, replicas), 1000);
    await checkout.apply('1', 8000);
    if (options.policy !== undefined) await checkout.govern(options.policy);
    await checkout.startOperator();
    return checkout;
  }

  get sandbox(): Sandbox {
    return this.simulation.sandbox;
  }

  async startOperator(): Promise<void> {
    this.#operator = this.simulation.startOperator(this.#options);
    await this.scheduler.runFor(2000);
  }

  killOperator(): void {
    this.#operator?.kill();
  }

  async govern(policy: object, ms = 1000): Promise<void> {
    await this.play(this.sandbox.apply(policyManifest(policy)), ms);
  }

  /** Lets so much time pass, within which the promise must settle. */
  readonly play = async <T>(promise: Promise<T>, ms: number): Promise<T> => {
    await Promise.all([this.scheduler.runFor(ms), promise.catch(() => undefined)]);
    return promise;
  };

  async apply(version: string, ms: number, user: UserInfo = ALICE): Promise<void> {
    const { replicas } = this.#options;
    const image = `shop/checkout:${version}`;
    const { group, version: apiVersion, kind } = this.kind.adapter.descriptor.resource;
    const manifest = workloadManifest(
      { apiVersion: `${group}/${apiVersion}`, kind },
      {
        ...{ image, spec: this.kind.spec, ...(replicas === undefined ? {} : { replicas }) },
        ...(this.kind.isPerNode ? { podSpec: { nodeSelector: NODE_LABEL } } : {}),
      },
    );
    if (this.kind.isPerNode) Reflect.deleteProperty(manifest.spec, 'replicas');
    await this.play(this.sandbox.apply(manifest, user), ms);
  }

  /** Time passes until this holds, looked at so often; 30 virtual minutes at most. */
  async until(what: string, holds: () => boolean, everyMs = 50): Promise<void> {
    for (let ms = 0; ms < 1_800_000; ms += everyMs) {
      if (holds()) return;
      await this.scheduler.runFor(everyMs);
    }
    throw new Error(`wait until ${what}: it did not come`);
  }

  /** One pod was restarted this often in its life. */
  async degrade({ restartCount, ready = true, version = '' }: Wear): Promise<void> {
    const pod = this.sandbox
      .pods({ namespace: 'shop' })
      .find(({ spec }) => JSON.stringify(spec).includes(`checkout:${version}`));
    const path = `/api/v1/namespaces/shop/pods/${pod?.metadata.name ?? ''}/status`;
    const { containerStatuses = [], conditions = [] } = pod?.status ?? {};
    const lastTransitionTime = new Date(this.scheduler.now()).toISOString();
    const lost = { status: 'False', lastTransitionTime };
    const status = {
      containerStatuses: containerStatuses.map((c) => ({ ...c, ready, restartCount })),
      conditions: conditions.map((c) => (c.type === 'Ready' && !ready ? { ...c, ...lost } : c)),
    };
    await this.play(this.sandbox.call('PATCH', { path, body: { status } }), 1000);
  }

  /** Path of the workload. */
  get path(): string {
    return workloadPath(this.kind);
  }

  get workload(): KubeObject {
    const found = this.sandbox.get(storeType(this.kind), 'shop', 'checkout');
    return found ?? assert.fail('the workload exists');
  }

  get deployment(): Deployment {
    return this.workload as unknown as Deployment;
  }

  /** The annotation that says which revision may have how many pods. */
  get release(): string | undefined {
    return this.deployment.metadata.annotations?.[ANNOTATIONS.release];
  }

  get isHeld(): boolean {
    if (this.workload.metadata.annotations?.[ANNOTATIONS.hold] !== undefined) return true;
    const cap = parseReleaseCap(this.release);
    return cap !== undefined && cap !== 'Invalid' && isInFlight(cap);
  }

  /** The records, in order. */
  get changes(): ChangeWorkload[] {
    const list = this.sandbox.server.store.list('changeworkloads.altershield.io');
    return (list as unknown as ChangeWorkload[]).sort((a, b) => a.spec.sequence - b.spec.sequence);
  }

  /** `Success/Verified`: where each change is. */
  get story(): string[] {
    return this.changes.map(({ status }) => `${status?.phase ?? ''}/${status?.reason ?? ''}`);
  }

  /** `2 Success Verified`: the same with the version that it brought. */
  get history(): string[] {
    return this.changes.map(
      ({ spec, status }) =>
        `${versionOf(spec.to.images)} ${status?.phase ?? ''} ${status?.reason ?? ''}`,
    );
  }

  /** Pods by version. */
  get pods(): Readonly<Record<string, number>> {
    const counts: Record<string, number> = {};
    for (const { spec } of this.sandbox.pods({ namespace: 'shop' })) {
      const version = versionOf(spec);
      counts[version] = (counts[version] ?? 0) + 1;
    }
    return counts;
  }

  /** Reasons of the Events. */
  get events(): string[] {
    const list = this.sandbox.server.store.list('events.', 'shop') as unknown as {
      reason: string;
    }[];
    return list.map(({ reason }) => reason);
  }

  get version(): string {
    return versionOf(this.deployment.spec.template);
  }

  /** A person decides on the change with this number. */
  decide(
    sequence: number,
    action: ChangeApproval['spec']['decision'],
    ms: number,
  ): Promise<unknown> {
    return this.approve(sequence, { decision: action }, { ms });
  }

  /** A user creates a ChangeApproval for the change with this number. */
  approve(
    sequence: number,
    spec: Partial<ChangeApproval['spec']>,
    { user = ALICE, ms = 1000 }: { readonly user?: UserInfo; readonly ms?: number } = {},
  ): Promise<unknown> {
    const { kind } = this.kind.adapter.descriptor.resource;
    const body = {
      apiVersion: 'altershield.io/v1alpha1',
      kind: 'ChangeApproval',
      metadata: { generateName: 'decision-', namespace: 'shop' },
      spec: {
        change: { name: changeName(kind, 'checkout', sequence) },
        decision: 'Approve',
        ...spec,
      },
    };
    return this.play(this.simulation.client(user).raw('POST', APPROVALS, body), ms);
  }

  /** Decisions of users, in the order of their names. */
  get approvals(): ChangeApproval[] {
    const list = this.sandbox.server.store.list('changeapprovals.altershield.io');
    return list as unknown as ChangeApproval[];
  }

  /** A merge patch of the workload, through admission. */
  patch(body: object, ms: number): Promise<unknown> {
    return this.play(this.sandbox.call('PATCH', { path: this.path, body }), ms);
  }

  /** As many pods are wanted: by the workload, or by labels of nodes. */
  scale(replicas: number, ms: number): Promise<unknown> {
    return this.kind.isPerNode
      ? this.play(setNodes(this.sandbox, replicas), ms)
      : this.patch({ spec: { replicas } }, ms);
  }

  /** Somebody edits the annotation of the Deployment; null: removes it. */
  editRelease(value: string | null, ms: number): Promise<unknown> {
    return this.patch({ metadata: { annotations: { [ANNOTATIONS.release]: value } } }, ms);
  }

  /** Applied while the operator is away, and found when it is back. */
  async applyUnseen(version: string): Promise<void> {
    this.killOperator();
    await this.apply(version, 2000);
    await this.startOperator();
    await this.scheduler.runFor(60_000);
  }

  /** A call of `user` about a record: of the collection, or of the one with this number. */
  record(
    method: 'POST' | 'PATCH' | 'DELETE',
    { sequence, body, user = ALICE }: { sequence?: number; body?: object; user?: UserInfo },
    ms = 1000,
  ): Promise<unknown> {
    const path =
      sequence === undefined
        ? RECORDS
        : `${RECORDS}/${changeName(this.kind.adapter.descriptor.resource.kind, 'checkout', sequence)}`;
    const merge = method === 'PATCH' ? { contentType: 'application/merge-patch+json' } : {};
    return this.play(this.simulation.client(user).raw(method, path, body, merge), ms);
  }
}

const versionOf = (value: unknown): string =>
  /checkout:([\w.-]+)/.exec(JSON.stringify(value))?.[1] ?? '';
