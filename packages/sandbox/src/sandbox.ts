// SPDX-License-Identifier: Apache-2.0
import { KubeError, RESOURCES, type KubeObject, type Transport } from '@altershield/kube';
import { ApiServer, type ApiResponse, type ApiServerOptions } from './api-server/api-server.ts';
import type { UserInfo } from './api-server/call.ts';
import { typeKey } from './api-server/definition.ts';
import { compileLabelSelector } from './api-server/selectors.ts';
import type { StoreEvent } from './api-server/store.ts';
import { CronJobController } from './controllers/batch/cron-job.ts';
import { JobController } from './controllers/batch/job.ts';
import type { Controller } from './controllers/controller.ts';
import { DaemonSetController } from './controllers/daemon-set/controller.ts';
import { DeploymentController } from './controllers/deployment/controller.ts';
import { GarbageCollector } from './controllers/garbage-collector.ts';
import { Kubelet, type KubeletOptions } from './controllers/kubelet.ts';
import { PodScheduler } from './controllers/pod-scheduler.ts';
import { ReplicaSetController } from './controllers/replica-set.ts';
import { StatefulSetController } from './controllers/stateful-set/controller.ts';
import type { Pod } from './controllers/types.ts';
import { inProcessTransport, type InProcessOptions } from './transport/in-process.ts';
import { isJsonObject, asJsonObject, text, type Json } from './json.ts';

export interface SandboxOptions extends ApiServerOptions, KubeletOptions {
  /** Default 3. */
  readonly nodes?: number;
  /** Namespaces to begin with, besides `default` and `kube-system`. */
  readonly namespaces?: readonly string[];
}

export interface PodEvent {
  readonly kind: StoreEvent['kind'];
  readonly pod: Pod;
  readonly atMs: number;
}

export interface PodSelection {
  readonly namespace?: string;
  readonly labels?: Readonly<Record<string, string>>;
}

export const ADMIN: UserInfo = { username: 'admin', groups: ['system:masters'] };

/** A whole simulated cluster: an API server, its controllers and its nodes. */
export class Sandbox {
  readonly server: ApiServer;
  readonly controllers: Readonly<
    Record<
      | 'deployment'
      | 'replicaSet'
      | 'statefulSet'
      | 'daemonSet'
      | 'job'
      | 'cronJob'
      | 'scheduler'
      | 'kubelet'
      | 'garbageCollector',
      Controller
    >
  >;

  constructor(options: SandboxOptions) {
    this.server = new ApiServer(options);
    this.controllers = {
      deployment: new DeploymentController(this.server),
      replicaSet: new ReplicaSetController(this.server),
      statefulSet: new StatefulSetController(this.server),
      daemonSet: new DaemonSetController(this.server),
      job: new JobController(this.server),
      cronJob: new CronJobController(this.server),
      scheduler: new PodScheduler(this.server),
      kubelet: new Kubelet(this.server, { scenario: options.scenario }),
      garbageCollector: new GarbageCollector(this.server),
    };
    for (const name of ['default', 'kube-system', ...(options.namespaces ?? [])]) {
      this.#seedObject('v1', 'Namespace', name);
    }
    for (let node = 1; node <= (options.nodes ?? 3); node += 1) {
      this.#seedObject('v1', 'Node', `node-${node}`);
    }
    for (const controller of Object.values(this.controllers)) controller.start();
  }

  /** A client's connection as `user`, through the scheduler, with faults if wanted. */
  transport(user: UserInfo, options: Omit<InProcessOptions, 'user'> = {}): Transport {
    return inProcessTransport(this.server, { ...options, user });
  }

  /**
   * Server-side apply with force, as GitOps tools do it. Rejects with a KubeError when the server
   * refuses; needs the scheduler to run when admission is slow or far.
   */
  apply(manifest: Json, user: UserInfo = ADMIN, fieldManager = 'kubectl'): Promise<KubeObject> {
    const query = `?fieldManager=${encodeURIComponent(fieldManager)}&force=true`;
    return this.call('PATCH', { path: `${this.#pathOf(manifest)}${query}`, body: manifest, user });
  }

  /** One call without latency; returns the object or throws a KubeError. */
  async call(
    method: string,
    { path, body, user = ADMIN }: { path: string; body?: unknown; user?: UserInfo },
  ): Promise<KubeObject> {
    const contentType = method === 'PATCH' ? patchType(body, path) : 'application/json';
    const answer = await this.server.handle({
      method,
      path,
      headers: { 'content-type': contentType, 'user-agent': 'sandbox' },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
      user,
    });
    return readAnswer(answer, `${method} ${path}`);
  }

  pods({ namespace = '', labels = {} }: PodSelection = {}): Pod[] {
    const matches = compileLabelSelector({ matchLabels: labels });
    return this.#list<Pod>('pods.', namespace).filter(({ metadata }) =>
      matches(metadata.labels ?? {}),
    );
  }

  // eslint-disable-next-line @typescript-eslint/no-unnecessary-type-parameters -- the caller knows the kind
  get<T extends KubeObject>(type: string, namespace: string, name: string): T | undefined {
    return this.server.store.get(type, { namespace, name }) as unknown as T | undefined;
  }

  /** Shows every state of every pod at the moment it is stored: nothing can slip between two looks. */
  onPod(listener: (event: PodEvent) => void): () => void {
    return this.server.store.subscribe(({ type, kind, object }) => {
      if (type !== typeKey(RESOURCES.pod)) return;
      listener({ kind, pod: object as unknown as Pod, atMs: this.server.scheduler.now() });
    });
  }

  /** Stops all controllers and breaks all watches; scheduled tasks finish. */
  stop(): void {
    for (const controller of Object.values(this.controllers)) controller.stop();
    this.server.stop();
  }

  #list<T>(type: string, namespace: string): T[] {
    return this.server.store.list(type, namespace) as unknown[] as T[];
  }

  #pathOf(manifest: Json): string {
    const apiVersion = text(manifest['apiVersion']);
    const definition = this.server.registry.byKind(apiVersion, text(manifest['kind']));
    if (definition === undefined) {
      throw new Error(
        `apply ${text(manifest['kind'])} of ${apiVersion}: no such kind is served; apply its CRD first`,
      );
    }
    const { group, version, plural, namespaced } = definition.resource;
    const { name, namespace } = asJsonObject(manifest['metadata']);
    const root = group === '' ? `/api/${version}` : `/apis/${group}/${version}`;
    const home = namespaced ? `/namespaces/${text(namespace) || 'default'}` : '';
    return `${root}${home}/${plural}/${text(name)}`;
  }

  #seedObject(apiVersion: string, kind: string, name: string): void {
    const definition = this.server.registry.byKind(apiVersion, kind);
    if (definition === undefined) return;
    const creationTimestamp = new Date(this.server.scheduler.now()).toISOString().slice(0, 19);
    const metadata = {
      name,
      uid: `00000000-0000-4000-a000-${name.padStart(12, '0').slice(-12)}`,
      resourceVersion: '',
      creationTimestamp: `${creationTimestamp}Z`,
      ...(kind === 'Node' ? { labels: { 'kubernetes.io/hostname': name } } : {}),
    };
    const status = kind === 'Node' ? { status: nodeStatus(metadata.creationTimestamp) } : {};
    const object = { apiVersion, kind, metadata, ...status };
    const now = metadata.creationTimestamp;
    const complete = definition.rules.complete(object, { now, old: undefined });
    this.server.store.put(typeKey(definition.resource), complete);
  }
}

export const createSandbox = (options: SandboxOptions): Sandbox => new Sandbox(options);

const nodeStatus = (lastTransitionTime: string): Json => ({
  capacity: { cpu: '64', memory: '256Gi', pods: '1000' },
  allocatable: { cpu: '64', memory: '256Gi', pods: '1000' },
  conditions: [
    {
      type: 'Ready',
      status: 'True',
      reason: 'KubeletReady',
      message: 'kubelet is posting ready status',
      lastHeartbeatTime: lastTransitionTime,
      lastTransitionTime,
    },
  ],
});

function patchType(body: unknown, path: string): string {
  if (Array.isArray(body)) return 'application/json-patch+json';
  return path.includes('fieldManager=')
    ? 'application/apply-patch+yaml'
    : 'application/merge-patch+json';
}

function readAnswer({ status, body }: ApiResponse, doing: string): KubeObject {
  const parsed = typeof body === 'string' ? (JSON.parse(body) as unknown) : undefined;
  if (status < 400) return parsed as KubeObject;
  throw new KubeError({ doing, status, server: isJsonObject(parsed) ? parsed : {} });
}
