// SPDX-License-Identifier: Apache-2.0
import {
  apiVersionOf,
  keyOf,
  sleep,
  type KubeObject,
  type ObjectKey,
  type APIResource,
  type Scheduler,
} from '@altershield/kube';
import type { ApiServer } from '../api-server/api-server.ts';
import type { Subresource, WriteCall } from '../api-server/call.ts';
import { typeKey } from '../api-server/definition.ts';
import { StatusError } from '../api-server/failure.ts';
import type { StoreEvent } from '../api-server/store.ts';
import type { Json } from '../json.ts';
import { within, type Span } from '../scheduler/random.ts';

export interface DeleteOptions {
  readonly uid?: string;
  readonly gracePeriodSeconds?: number;
  readonly propagationPolicy?: 'Background';
}

/**
 * How a simulated controller reaches the cluster: reads are immediate, writes take a while, pass
 * admission like everybody's, and fail when the object has changed since it was read.
 */
export class Cluster {
  readonly server: ApiServer;
  readonly #name: string;
  readonly #latency: Span;

  constructor(server: ApiServer, { name, latency }: { name: string; latency: Span }) {
    this.server = server;
    this.#name = name;
    this.#latency = latency;
  }

  get scheduler(): Scheduler {
    return this.server.scheduler;
  }

  // eslint-disable-next-line @typescript-eslint/no-unnecessary-type-parameters -- the caller knows the kind
  get<T extends KubeObject>(resource: APIResource, key: ObjectKey): T | undefined {
    return this.server.store.get(typeKey(resource), key) as T | undefined;
  }

  list<T extends KubeObject>(resource: APIResource, namespace = ''): T[] {
    return this.server.store.list(typeKey(resource), namespace) as unknown[] as T[];
  }

  /** The objects that `owner` controls. */
  controlledBy<T extends KubeObject>(resource: APIResource, owner: KubeObject): T[] {
    return this.list<T>(resource, owner.metadata.namespace).filter(
      (object) => controllerOf(object)?.uid === owner.metadata.uid,
    );
  }

  async create<T extends KubeObject>(resource: APIResource, body: NewObject): Promise<T> {
    await this.#advance();
    const { namespace = '', name = '' } = body.metadata;
    const call = this.#call(resource, { namespace, name }, '');
    const typed = { ...body, apiVersion: apiVersionOf(resource), kind: resource.kind };
    return (await this.server.writes.create(call, typed)) as unknown as T;
  }

  /** Replaces the object that was read, or fails with 409. */
  async update<T extends KubeObject>(
    resource: APIResource,
    object: T,
    subresource: Subresource = '',
  ): Promise<T> {
    await this.#advance();
    const call = this.#call(resource, keyOf(object), subresource);
    const plan = { change: () => object as unknown as Json, isReplace: true };
    return (await this.server.writes.update(call, plan)) as unknown as T;
  }

  /** Deletes an object; a missing one is not an error. */
  async delete(
    resource: APIResource,
    key: ObjectKey,
    deleteOptions: DeleteOptions = {},
  ): Promise<void> {
    await this.#advance();
    const { uid, gracePeriodSeconds, propagationPolicy } = deleteOptions;
    const options = {
      ...(gracePeriodSeconds === undefined ? {} : { gracePeriodSeconds }),
      ...(propagationPolicy === undefined ? {} : { propagationPolicy }),
      ...(uid === undefined ? {} : { preconditions: { uid } }),
    };
    await ignoring(404, this.server.deletes.delete(this.#call(resource, key, ''), options));
  }

  onEvent(listener: (event: StoreEvent) => void): () => void {
    return this.server.store.subscribe(listener);
  }

  #advance(): Promise<void> {
    return sleep(
      this.scheduler,
      within(this.#latency, () => this.scheduler.random()),
    );
  }

  #call(resource: APIResource, key: ObjectKey, subresource: Subresource): WriteCall {
    return {
      definition: this.server.registry.of(resource),
      key,
      subresource,
      user: { username: this.#name, groups: ['system:authenticated'] },
      dryRun: false,
      fieldManager: MANAGER,
      isApply: false,
      options: { kind: 'UpdateOptions', apiVersion: 'meta.k8s.io/v1' },
      warnings: [],
    };
  }
}

const MANAGER = 'kube-controller-manager';

export type NewObject = Json & {
  readonly metadata: Json & { readonly name?: string; readonly namespace?: string };
};

export const controllerOf = (object: KubeObject) =>
  object.metadata.ownerReferences?.find(({ controller }) => controller === true);

/** The reference of whatever a workload controls. */
export const ownerReference = ({ apiVersion, kind, metadata }: KubeObject) => ({
  apiVersion,
  kind,
  name: metadata.name,
  uid: metadata.uid,
  controller: true,
  blockOwnerDeletion: true,
});

export const isFailure = (error: unknown, code: number): boolean =>
  error instanceof StatusError && error.code === code;

export async function ignoring(code: number, work: Promise<unknown>): Promise<void> {
  try {
    await work;
  } catch (error) {
    if (!isFailure(error, code)) throw error;
  }
}
