// SPDX-License-Identifier: Apache-2.0

import assert from 'node:assert/strict';
import type { ChangePod, ChangeWorkload, Phase } from '@altershield/api';
import type { Deployment, ReplicaSet } from '@altershield/core';
import type { ClusterAccess } from '../../cluster/access.ts';
import type { UserName } from '../../cluster/users.ts';
import { aNamespace } from './cluster.ts';
import { eventually } from '@altershield/testing/eventually';
import { ensureNodes } from './nodes.ts';
import { aDeployment, pluralOf, type AppKind, type WorkloadWishes } from './manifests.ts';
import { imageOf, isActive, isReady, type Pod } from './pods.ts';
import type { Timeline } from './timeline.ts';
import { DeploymentRecorder } from './watch-deployment.ts';
import { watchPods, type PodRecorder } from './watch-pods.ts';

const OURS = '/apis/altershield.io/v1alpha1';

export const RELEASE = 'altershield.io/release';
export const ACTOR = 'altershield.io/actor';

type Json = Readonly<Record<string, unknown>>;

export interface AppOptions {
  readonly kind?: AppKind;
  readonly replicas?: number;
  readonly image?: string;
  /** The spec of its namespace's policy; undefined: there is none. */
  readonly policy?: Json | undefined;
  readonly wishes?: Partial<WorkloadWishes>;
}

/** A fast policy: what tests are about is seldom how long a batch soaks. */
export const QUICK = { release: { batches: [1, '30%', '100%'], soakSeconds: 1 } } as const;

/** A Deployment, or a workload of another kind, named checkout in a namespace of its own, whose pods are recorded from before its creation. */
export class App {
  readonly cluster: ClusterAccess;
  readonly namespace: string;
  readonly kind: AppKind;
  readonly name = 'checkout';
  readonly pods: PodRecorder;
  readonly deployment: DeploymentRecorder;

  constructor(
    cluster: ClusterAccess,
    namespace: string,
    pods: PodRecorder,
    kind: AppKind = 'Deployment',
  ) {
    this.cluster = cluster;
    this.kind = kind;
    this.namespace = namespace;
    this.pods = pods;
    this.deployment = new DeploymentRecorder(cluster, namespace, this.name, pluralOf(kind));
  }

  get timeline(): Timeline {
    return this.pods.timeline;
  }

  get path(): string {
    return `/apis/apps/v1/namespaces/${this.namespace}/${pluralOf(this.kind)}/${this.name}`;
  }

  async get(): Promise<Deployment> {
    return (await this.cluster.call({ path: this.path })) as Deployment;
  }

  /** A merge patch of the Deployment; a developer's unless told. */
  async patch(body: Json, user: UserName = 'developer', query = ''): Promise<Deployment> {
    return (await this.cluster.call(
      {
        method: 'PATCH',
        path: `${this.path}?fieldManager=kubectl-edit${query}`,
        contentType: 'application/strategic-merge-patch+json',
        body,
      },
      user,
    )) as Deployment;
  }

  async setImage(image: string, user: UserName = 'developer', query = ''): Promise<Deployment> {
    return await this.patch(templateWith(image), user, query);
  }

  async scale(replicas: number): Promise<void> {
    await this.cluster.call({
      method: 'PATCH',
      path: `${this.path}/scale`,
      contentType: 'application/merge-patch+json',
      body: { spec: { replicas } },
    });
  }

  /** Its changes, the oldest first. */
  async changes(): Promise<readonly ChangeWorkload[]> {
    const path = `${OURS}/namespaces/${this.namespace}/changeworkloads`;
    const { items } = (await this.cluster.call({ path })) as { items: ChangeWorkload[] };
    return items.sort((a, b) => a.spec.sequence - b.spec.sequence);
  }

  /** The batches of its changes, in the order of their names. */
  async batches(): Promise<readonly ChangePod[]> {
    const path = `${OURS}/namespaces/${this.namespace}/changepods`;
    const { items } = (await this.cluster.call({ path })) as { items: ChangePod[] };
    return items.sort((a, b) => (a.metadata.name < b.metadata.name ? -1 : 1));
  }

  /** Waits until its newest change of an image, from this number on, is in a phase, and gives it. */
  async until(
    image: string,
    phase: Phase,
    timeoutMs = 60_000,
    sequence = 1,
  ): Promise<ChangeWorkload> {
    const what = `${image} to be ${phase}`;
    const look = async (): Promise<ChangeWorkload> => {
      const changes = await this.changes();
      const isIt = ({ spec }: ChangeWorkload): boolean =>
        spec.to.images?.[0] === image && spec.sequence >= sequence;
      const found = changes.filter(isIt).at(-1);
      const told = changes.map(({ spec, status }) => [spec.to.images?.[0], status]);
      if (found?.status?.phase !== phase) throw new Error(JSON.stringify(told));
      return found;
    };
    return await eventually(look, { what, timeoutMs, everyMs: 200 });
  }

  /** Waits until its newest change of an image is in a phase for this reason, and gives it. */
  async untilReason(
    image: string,
    [phase, reason]: readonly [phase: Phase, reason: string],
  ): Promise<ChangeWorkload> {
    return await eventually(
      async () => {
        const change = await this.until(image, phase);
        assert.equal(change.status?.reason, reason, change.status?.message);
        return change;
      },
      { what: `${image} to be ${phase} for ${reason}`, timeoutMs: 60_000 },
    );
  }

  /** Waits until so many pods of an image are ready and active. */
  async untilReady(image: string, count: number, timeoutMs = 60_000): Promise<void> {
    await this.pods.until(
      `${count} ready pods of ${image}`,
      ({ pods }) => pods.filter((pod) => isSound(pod) && imageOf(pod) === image).length === count,
      timeoutMs,
    );
  }

  /** Waits until at least so many pods of an image exist. */
  async untilOut(image: string, count: number, timeoutMs = 60_000): Promise<void> {
    await this.pods.until(
      `${count} pods of ${image}`,
      ({ pods }) => activeOf(pods, image) >= count,
      timeoutMs,
    );
  }

  /** Its ReplicaSets, the oldest revision first. */
  async revisions(): Promise<readonly ReplicaSet[]> {
    const path = `/apis/apps/v1/namespaces/${this.namespace}/replicasets`;
    const { items } = (await this.cluster.call({ path })) as { items: ReplicaSet[] };
    return items.sort((a, b) => revisionOf(a) - revisionOf(b));
  }

  /** The newest ReplicaSet of an image. */
  async revision(image: string): Promise<ReplicaSet> {
    const isIt = ({ spec }: ReplicaSet): boolean =>
      JSON.stringify(spec.template).includes(`"${image}"`);
    const found = (await this.revisions()).findLast(isIt);
    assert.ok(found, `no ReplicaSet of ${image}`);
    return found;
  }

  /** The annotation that says which revision may have how many pods. */
  async release(): Promise<string | undefined> {
    return (await this.get()).metadata.annotations?.[RELEASE];
  }

  /** The spec is what the user wrote, and the only annotation of the product protects the revision that runs. */
  async assertAtRest(spec: Deployment['spec'], template = spec.template): Promise<void> {
    const image = (template['spec'] as { containers: { image: string }[] }).containers[0]?.image;
    const now = await eventually(
      async () => {
        const found = await this.get();
        const hash = (await this.revision(image ?? '')).metadata.labels?.['pod-template-hash'];
        const [verified, target] = found.metadata.annotations?.[RELEASE]?.split('/') ?? [];
        assert.deepEqual([verified, target], [hash, '']);
        return found;
      },
      { what: 'the annotation at rest', timeoutMs: 10_000 },
    );
    assert.deepEqual(now.spec, { ...spec, template });
    assert.deepEqual(ourAnnotations(now), [RELEASE]);
  }

  async close(): Promise<void> {
    await Promise.all([this.pods.stop(), this.deployment.stop()]);
  }
}

/** The annotations of the product on an object, by their names. */
export const ourAnnotations = ({ metadata }: Deployment): readonly string[] =>
  Object.keys(metadata.annotations ?? {}).filter((name) => name.startsWith('altershield.io/'));

const revisionOf = ({ metadata }: ReplicaSet): number =>
  Number(metadata.annotations?.['deployment.kubernetes.io/revision']);

export const isSound = (pod: Pod): boolean => isActive(pod) && isReady(pod);

export const activeOf = (pods: readonly Pod[], image: string): number =>
  pods.filter((pod) => isActive(pod) && imageOf(pod) === image).length;

export const templateWith = (image: string): Json => ({
  spec: { template: { spec: { containers: [{ name: 'app', image }] } } },
});

/** The greatest number of active pods of an image before a moment of the wall clock (milliseconds). */
export function mostBefore(timeline: Timeline, image: string, until: number): number {
  const offset = Date.now() - performance.now();
  const pods = new Map<string, boolean>();
  let most = 0;
  for (const { type, pod, at } of timeline.events) {
    if (at + offset >= until) break;
    pods.set(pod.metadata.uid, type !== 'DELETED' && activeOf([pod], image) === 1);
    most = Math.max(most, [...pods.values()].filter(Boolean).length);
  }
  return most;
}

/** Creates an app with its policy and waits until it runs, is known as verified, and is guarded. */
export async function anApp(cluster: ClusterAccess, options: AppOptions = {}): Promise<App> {
  const { kind = 'Deployment', replicas = 10, image = 'checkout:v1', wishes = {} } = options;
  const namespace = await aNamespace(cluster, 'story');
  const policy = 'policy' in options ? options.policy : QUICK;
  const pods = await watchPods(cluster, namespace, 'app=checkout');
  const app = new App(cluster, namespace, pods, kind);
  try {
    await app.deployment.start();
    if (kind === 'DaemonSet') await ensureNodes(cluster, replicas);
    await create(app, { replicas, image, ...wishes });
    await app.untilReady(image, replicas);
    if (policy === undefined) return app;
    await applyPolicy(cluster, namespace, policy);
    await untilGuarded(app);
    return app;
  } catch (error) {
    // A watch left open would keep the test file from ending.
    await app.close();
    throw error;
  }
}

export async function create(app: App, wishes: Partial<WorkloadWishes>): Promise<void> {
  const { namespace, name, kind } = app;
  const body = aDeployment({ kind, name, namespace, image: 'checkout:v1', ...wishes });
  const path = `/apis/apps/v1/namespaces/${namespace}/${pluralOf(kind)}`;
  await app.cluster.call({ method: 'POST', path, body }, 'developer');
}

export async function applyPolicy(
  cluster: ClusterAccess,
  namespace: string,
  spec: Json,
  name = 'guard',
): Promise<void> {
  await cluster.call({
    method: 'PATCH',
    path: `${OURS}/namespaces/${namespace}/changepolicies/${name}?fieldManager=test&force=true`,
    contentType: 'application/apply-patch+yaml',
    body: {
      apiVersion: 'altershield.io/v1alpha1',
      kind: 'ChangePolicy',
      metadata: { name, namespace },
      spec,
    },
  });
}

/** Waits until the API server asks our webhook about changes of the app; a dry run tells. */
export async function untilGuarded(app: App): Promise<void> {
  const probe = { spec: { template: { metadata: { annotations: { probe: 'is-it-guarded' } } } } };
  await eventually(
    async () => {
      const { metadata } = await app.patch(probe, 'developer', '&dryRun=All');
      return metadata.annotations?.[ACTOR] !== undefined;
    },
    { what: 'the webhook to be in force', timeoutMs: 15_000 },
  );
}
