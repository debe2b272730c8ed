// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict';
import { ANNOTATIONS, type ChangeWorkload } from '@altershield/api';
import { HELD, isInFlight, parseReleaseCap } from '@altershield/core';
import type { KubeObject } from '@altershield/kube';
import { VirtualScheduler, type Sandbox } from '@altershield/sandbox';
import { kindNamed, storeType, workloadPath, type KindUnderTest } from '../support/kinds.ts';
import { NODES, NODE_LABEL, setNodes } from '../support/nodes.ts';
import { policyManifest, workloadManifest } from '../support/manifests.ts';
import { ALICE, Simulation } from '../support/simulation.ts';
import { Replicas } from './replicas.ts';
import type { Story } from './story.ts';

export const CHANGES = 'changeworkloads.altershield.io';
const APPROVALS = '/apis/altershield.io/v1alpha1/namespaces/shop/changeapprovals';

/** Between two looks; a whole story has some thousands. */
const MAX_TASKS = 50_000;

/** The workload shop/checkout of a story, a policy that selects it, and two replicas. */
export class World {
  readonly kind: KindUnderTest;
  readonly scheduler: VirtualScheduler;
  readonly simulation: Simulation;
  readonly replicas: Replicas;
  readonly #story: Story;

  constructor(story: Story) {
    this.#story = story;
    this.kind = kindNamed(story.kind);
    this.scheduler = new VirtualScheduler({
      ...{ seed: story.seed, order: 'shuffled', maxTasks: MAX_TASKS },
    });
    this.simulation = new Simulation({
      scheduler: this.scheduler,
      ...(this.kind.isPerNode ? { nodes: NODES } : {}),
    });
    this.replicas = new Replicas(this.simulation);
  }

  /** Resolves when the workload is healthy and guarded. */
  async start(): Promise<void> {
    await this.play(this.simulation.install(), 200);
    if (this.kind.isPerNode) await this.play(setNodes(this.sandbox, this.#story.replicas), 0);
    await this.play(this.create('1'), 0);
    await this.play(this.sandbox.apply(policyManifest(this.policy)), 0);
    const { replicas } = this.#story;
    await this.until('the pods are ready', () => this.readyPods === replicas, 1000);
    this.replicas.start();
    const webhooks = 'mutatingwebhookconfigurations.admissionregistration.k8s.io';
    await this.until(
      'the webhooks are registered',
      () => this.sandbox.get(webhooks, '', 'altershield') !== undefined,
      250,
    );
    await this.scheduler.runFor(2000);
  }

  get policy(): object {
    const { readyDeadlineSeconds } = this.kind;
    return { ...this.#story.policy, checks: { podHealth: { readyDeadlineSeconds } } };
  }

  get sandbox(): Sandbox {
    return this.simulation.sandbox;
  }

  get workload(): KubeObject | undefined {
    return this.sandbox.get(storeType(this.kind), 'shop', 'checkout');
  }

  /** Whether a change is held. A policy with `Fail` holds, at rest, whatever comes. */
  get isHeld(): boolean {
    const { annotations } = this.workload?.metadata ?? {};
    if (annotations?.[ANNOTATIONS.hold] !== undefined) return true;
    const cap = parseReleaseCap(annotations?.[ANNOTATIONS.release]);
    return cap !== undefined && cap !== 'Invalid' && isInFlight(cap) && cap.target !== HELD;
  }

  get changes(): ChangeWorkload[] {
    const list = this.sandbox.server.store.list(CHANGES) as unknown as ChangeWorkload[];
    return list.sort((a, b) => a.spec.sequence - b.spec.sequence);
  }

  /** `2 Success Verified`: each change with the version that it brought. */
  get history(): string[] {
    return this.changes.map(
      ({ spec, status }) =>
        `${versionOf(spec.to.images)} ${status?.phase ?? ''} ${status?.reason ?? ''}`,
    );
  }

  get podCounts(): Readonly<Record<string, number>> {
    const counts: Record<string, number> = {};
    for (const { spec } of this.sandbox.pods({ namespace: 'shop' })) {
      const version = versionOf(spec);
      counts[version] = (counts[version] ?? 0) + 1;
    }
    return counts;
  }

  get readyPods(): number {
    return this.sandbox.pods({ namespace: 'shop' }).filter(isReady).length;
  }

  create(version: string): Promise<KubeObject> {
    return this.sandbox.apply(this.manifest(version), ALICE);
  }

  /** The workload as its user writes it. */
  manifest(version: string): Readonly<Record<string, unknown>> {
    const { group, version: apiVersion, kind } = this.kind.adapter.descriptor.resource;
    const { replicas, strategy } = this.#story;
    const manifest = workloadManifest(
      { apiVersion: `${group}/${apiVersion}`, kind },
      {
        ...{ image: imageOf(version), replicas, spec: { ...this.kind.spec, ...strategy } },
        ...(this.kind.isPerNode ? { podSpec: { nodeSelector: NODE_LABEL } } : {}),
      },
    );
    if (this.kind.isPerNode) Reflect.deleteProperty(manifest.spec, 'replicas');
    return manifest;
  }

  delete(): Promise<KubeObject> {
    return this.sandbox.call('DELETE', { path: workloadPath(this.kind), user: ALICE });
  }

  /** A merge patch of the workload, through admission. */
  patch(body: object): Promise<KubeObject> {
    return this.sandbox.call('PATCH', { path: workloadPath(this.kind), body, user: ALICE });
  }

  /** A decision of a user on the newest change. */
  async decide(action: string): Promise<void> {
    const name = this.changes.at(-1)?.metadata.name;
    if (name === undefined) return;
    const body = {
      apiVersion: 'altershield.io/v1alpha1',
      kind: 'ChangeApproval',
      metadata: { generateName: 'decision-', namespace: 'shop' },
      spec: { change: { name }, decision: action },
    };
    await this.sandbox.call('POST', { path: APPROVALS, body, user: ALICE });
  }

  /** Lets time pass: this much, and until the promise settles. */
  async play<T>(promise: Promise<T>, ms: number): Promise<T> {
    promise.catch(() => undefined);
    await this.scheduler.runFor(ms);
    return this.scheduler.complete(promise);
  }

  async until(what: string, holds: () => boolean, everyMs: number): Promise<void> {
    for (let ms = 0; ms < 600_000; ms += everyMs) {
      if (holds()) return;
      await this.scheduler.runFor(everyMs);
    }
    assert.fail(`wait until ${what}: it did not come`);
  }
}

interface PodLike {
  readonly metadata: { readonly deletionTimestamp?: string | undefined };
  readonly status: {
    readonly conditions?: readonly { type: string; status: string }[] | undefined;
  };
}

export const isReady = ({ metadata, status }: PodLike): boolean =>
  metadata.deletionTimestamp === undefined &&
  (status.conditions ?? []).some(({ type, status: is }) => type === 'Ready' && is === 'True');

export const imageOf = (version: string): string => `shop/checkout:${version}`;

export const versionOf = (value: unknown): string =>
  /checkout:([\w.-]+)/.exec(JSON.stringify(value))?.[1] ?? '';
