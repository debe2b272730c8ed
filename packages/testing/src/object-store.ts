// SPDX-License-Identifier: Apache-2.0
import { isJsonObject } from '../../core/src/json/json.ts';
import {
  KubeError,
  type APIResource,
  type KubeObject,
  type ObjectKey,
  type Patch,
} from '@altershield/kube';
import { collectionPath, objectPath } from '../../kube/src/client/paths.ts';

/** RFC 7396. */
export function applyMergePatch(target: unknown, patch: unknown): unknown {
  if (!isJsonObject(patch)) return patch;
  const result: Record<string, unknown> = isJsonObject(target) ? { ...target } : {};
  for (const [key, value] of Object.entries(patch)) {
    if (value === null) Reflect.deleteProperty(result, key);
    else result[key] = applyMergePatch(result[key], value);
  }
  return result;
}

/** An error of the API server. */
export const statusError = (status: number, reason: string): KubeError =>
  new KubeError({ doing: 'call the object store', status, server: { reason, message: reason } });

export interface StoredObject extends KubeObject {
  readonly [field: string]: unknown;
}

/** Objects by their path, with the optimistic locking of an API server. */
export class ObjectStore {
  readonly #objects = new Map<string, StoredObject>();
  #version = 100;
  #uids = 0;

  /** The version of the newest write. */
  get version(): number {
    return this.#version;
  }

  get(path: string): StoredObject | undefined {
    return this.#objects.get(path);
  }

  entries(): readonly (readonly [path: string, object: StoredObject])[] {
    return [...this.#objects];
  }

  /** Stores an object unconditionally, with a new version. */
  put(path: string, object: object): StoredObject {
    const sent = isJsonObject(object) ? object : {};
    const metadata = isJsonObject(sent['metadata']) ? sent['metadata'] : {};
    const known = this.get(path)?.metadata;
    this.#version += 1;
    const stored = {
      ...{ apiVersion: 'v1', kind: '' },
      ...sent,
      metadata: {
        name: path.slice(path.lastIndexOf('/') + 1),
        creationTimestamp: known?.creationTimestamp ?? '2026-01-01T00:00:00Z',
        ...metadata,
        uid: known?.uid ?? metadata['uid'] ?? this.#newUid(),
        resourceVersion: String(this.#version),
      },
    } as StoredObject;
    this.#objects.set(path, stored);
    return stored;
  }

  /** Removes an object unconditionally; the removal is a version, too. */
  remove(path: string): StoredObject | undefined {
    const known = this.get(path);
    if (known !== undefined) this.#version += 1;
    this.#objects.delete(path);
    return known;
  }

  read(path: string): StoredObject {
    const known = this.get(path);
    if (known === undefined) throw statusError(404, 'NotFound');
    return known;
  }

  create(collection: string, body: object): StoredObject {
    const { name } = { ...Object(Object(body).metadata) } as { readonly name?: string };
    const path = `${collection}/${name ?? ''}`;
    if (this.get(path) !== undefined) throw statusError(409, 'AlreadyExists');
    return this.put(path, body);
  }

  /** A merge patch; `uid` and `resourceVersion` in its metadata are preconditions. */
  patch(path: string, patch: Patch): StoredObject {
    if (patch.type !== 'merge') throw statusError(415, 'UnsupportedMediaType');
    const known = this.read(path);
    const { uid, resourceVersion } = { ...Object(Object(patch.body).metadata) } as {
      readonly uid?: string;
      readonly resourceVersion?: string;
    };
    const isStale =
      (uid !== undefined && uid !== known.metadata.uid) ||
      (resourceVersion !== undefined && resourceVersion !== known.metadata.resourceVersion);
    if (isStale) throw statusError(409, 'Conflict');
    return this.put(path, applyMergePatch(known, patch.body) as object);
  }

  #newUid(): string {
    this.#uids += 1;
    return `uid-${this.#uids}`;
  }
}

/** What a write sent, in the order in which writes arrived. */
export interface SentWrite {
  /** `create`, `patch` or `patch status`. */
  readonly verb: string;
  readonly name: string;
  readonly body: object;
}

interface CallOptions {
  readonly signal?: AbortSignal;
  readonly subresource?: string;
}

/** The calls of `Client` on an object store, each answered at once unless a fault is due. */
export class StoreClient {
  readonly store: ObjectStore;
  readonly writes: SentWrite[] = [];
  /** What happens to the next calls instead, in order; `silence` is never answered. */
  readonly faults: (KubeError | 'silence')[] = [];
  calls = 0;

  constructor(store = new ObjectStore()) {
    this.store = store;
  }

  async get<T extends KubeObject>(resource: APIResource, key: ObjectKey): Promise<T> {
    await this.#arrive();
    return this.store.read(objectPath(resource, key)) as KubeObject as T;
  }

  async create<T extends KubeObject>(
    resource: APIResource,
    namespace: string,
    body: object,
    _options?: CallOptions,
  ): Promise<T> {
    await this.#arrive();
    const created = this.store.create(collectionPath(resource, namespace), body);
    this.writes.push({ verb: 'create', name: created.metadata.name, body });
    return created as KubeObject as T;
  }

  async patch<T extends KubeObject>(
    resource: APIResource,
    key: ObjectKey,
    patch: Patch,
    { subresource }: CallOptions = {},
  ): Promise<T> {
    await this.#arrive();
    const patched = this.store.patch(objectPath(resource, key), patch);
    const verb = subresource === undefined ? 'patch' : `patch ${subresource}`;
    this.writes.push({ verb, name: key.name, body: patch.type === 'merge' ? patch.body : patch });
    return patched as KubeObject as T;
  }

  async #arrive(): Promise<void> {
    this.calls += 1;
    await Promise.resolve();
    const fault = this.faults.shift();
    if (fault === 'silence') await new Promise(() => undefined);
    if (fault instanceof KubeError) throw fault;
  }
}
