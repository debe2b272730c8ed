// SPDX-License-Identifier: Apache-2.0
import type {
  CallOptions,
  Client,
  DeleteOptions,
  PatchOptions,
  WriteOptions,
} from '../client/client.ts';
import type { KubeObject, ObjectKey, APIResource } from '../client/object.ts';
import type { Patch } from '../client/patch.ts';
import type { InformerFactory } from './factory.ts';

export type WriteClient = Pick<Client, 'get' | 'create' | 'patch' | 'delete'>;

/**
 * A client that applies the answer to each write to the informers: a read of the cache after a write
 * returns that write or a newer state. `get` reads from the server.
 */
export class WriteThroughClient implements WriteClient {
  readonly #client: WriteClient;
  readonly #informers: Pick<InformerFactory, 'applyWrite' | 'applyDelete'>;

  constructor(client: WriteClient, informers: Pick<InformerFactory, 'applyWrite' | 'applyDelete'>) {
    this.#client = client;
    this.#informers = informers;
  }

  get<T extends KubeObject = KubeObject>(
    resource: APIResource,
    key: ObjectKey,
    options?: CallOptions,
  ): Promise<T> {
    return this.#client.get<T>(resource, key, options);
  }

  async create<T extends KubeObject = KubeObject>(
    resource: APIResource,
    namespace: string,
    body: object,
    options?: WriteOptions,
  ): Promise<T> {
    const object = await this.#client.create<T>(resource, namespace, body, options);
    return this.#tell(resource, object, options);
  }

  async patch<T extends KubeObject = KubeObject>(
    resource: APIResource,
    key: ObjectKey,
    patch: Patch,
    options?: PatchOptions,
  ): Promise<T> {
    const object = await this.#client.patch<T>(resource, key, patch, options);
    return this.#tell(resource, object, options);
  }

  async delete<T extends KubeObject = KubeObject>(
    resource: APIResource,
    key: ObjectKey,
    options?: DeleteOptions,
  ): Promise<T | undefined> {
    const marked = await this.#client.delete<T>(resource, key, options);
    if (marked !== undefined) return this.#tell(resource, marked, options);
    const { uid, dryRun } = options ?? {};
    if (uid !== undefined && dryRun !== true) this.#informers.applyDelete(resource, key, uid);
    return undefined;
  }

  /** The answer to a scale patch is a Scale, not the object. */
  #tell<T extends KubeObject>(resource: APIResource, object: T, options: WriteOptions = {}): T {
    if (options.dryRun !== true && object.kind === resource.kind) {
      this.#informers.applyWrite(resource, object);
    }
    return object;
  }
}
