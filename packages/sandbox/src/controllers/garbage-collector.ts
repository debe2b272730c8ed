// SPDX-License-Identifier: Apache-2.0
import {
  keyOf,
  RESOURCES,
  type ObjectKey,
  type OwnerReference,
  type APIResource,
} from '@altershield/kube';
import type { ApiServer } from '../api-server/api-server.ts';
import { typeKey } from '../api-server/definition.ts';
import type { StoreEvent } from '../api-server/store.ts';
import type { StoredObject } from '../json.ts';
import { within, type Span } from '../scheduler/random.ts';
import { Cluster, ignoring } from './cluster.ts';
import type { Controller } from './controller.ts';

const COLLECT_MS: Span = { min: 2, max: 40 };

/** Deletes objects whose owners are all deleted, and empties terminating namespaces. */
export class GarbageCollector implements Controller {
  readonly #cluster: Cluster;
  #unsubscribe: () => void = () => undefined;
  #isStopped = true;

  constructor(server: ApiServer) {
    const name = 'system:serviceaccount:kube-system:generic-garbage-collector';
    this.#cluster = new Cluster(server, { name, latency: COLLECT_MS });
  }

  start(): void {
    this.#isStopped = false;
    this.#unsubscribe = this.#cluster.onEvent((event) => {
      this.#see(event);
    });
    for (const resource of this.#resources()) {
      for (const object of this.#cluster.list<StoredObject>(resource)) {
        this.#see({
          kind: 'Added',
          type: typeKey(resource),
          object,
          previous: undefined,
          revision: 0,
        });
      }
    }
  }

  stop(): void {
    this.#isStopped = true;
    this.#unsubscribe();
  }

  #see({ kind, type, object }: StoreEvent): void {
    if (kind === 'Deleted') {
      this.#later(() => this.#collectDependents(object));
      return;
    }
    const { ownerReferences = [], deletionTimestamp } = object.metadata;
    if (kind === 'Added' && ownerReferences.length > 0) {
      const resource = this.#resources().find((one) => typeKey(one) === type);
      if (resource !== undefined) this.#later(() => this.#collect(resource, object));
    }
    if (type === typeKey(RESOURCES.namespace) && deletionTimestamp !== undefined) {
      this.#later(() => this.#emptyNamespace(object.metadata.name));
    }
  }

  #later(run: () => Promise<void>): void {
    const { scheduler } = this.#cluster;
    const delay = within(COLLECT_MS, () => scheduler.random());
    scheduler.after(delay, () => {
      if (!this.#isStopped) run().catch(() => undefined);
    });
  }

  #resources(): APIResource[] {
    return this.#cluster.server.registry.all().map(({ resource }) => resource);
  }

  async #collectDependents(owner: StoredObject): Promise<void> {
    for (const resource of this.#resources()) {
      const dependents = this.#cluster
        .list<StoredObject>(resource)
        .filter(({ metadata }) =>
          metadata.ownerReferences?.some(({ uid }) => uid === owner.metadata.uid),
        );
      await Promise.all(dependents.map((object) => this.#collect(resource, object)));
    }
  }

  async #collect(resource: APIResource, { metadata }: StoredObject): Promise<void> {
    const key: ObjectKey = { namespace: metadata.namespace ?? '', name: metadata.name };
    const current = this.#cluster.get<StoredObject>(resource, key);
    if (current?.metadata.uid !== metadata.uid) return;
    const owners = current.metadata.ownerReferences ?? [];
    if (owners.length === 0 || owners.some((owner) => this.#exists(owner, key.namespace))) return;
    await ignoring(409, this.#cluster.delete(resource, key, { uid: metadata.uid }));
  }

  #exists({ apiVersion, kind, name, uid }: OwnerReference, home: string): boolean {
    const definition = this.#cluster.server.registry.byKind(apiVersion, kind);
    // An owner of an unserved kind may exist: its dependents are kept.
    if (definition === undefined) return true;
    const namespace = definition.resource.namespaced ? home : '';
    return this.#cluster.get(definition.resource, { namespace, name })?.metadata.uid === uid;
  }

  async #emptyNamespace(namespace: string): Promise<void> {
    const { store } = this.#cluster.server;
    for (const resource of this.#resources().filter(({ namespaced }) => namespaced)) {
      for (const object of this.#cluster.list(resource, namespace)) {
        store.remove(typeKey(resource), keyOf(object));
      }
    }
    store.remove(typeKey(RESOURCES.namespace), { namespace: '', name: namespace });
    return Promise.resolve();
  }
}
