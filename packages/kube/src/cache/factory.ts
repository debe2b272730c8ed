// SPDX-License-Identifier: Apache-2.0
import type { ListSelector } from '../client/client.ts';
import {
  apiVersionOf,
  type KubeObject,
  type ObjectKey,
  type APIResource,
} from '../client/object.ts';
import type { Logger } from '../runtime/logger.ts';
import type { Scheduler } from '../runtime/scheduler.ts';
import { Informer } from './informer.ts';
import type { ListWatchClient } from './reflector.ts';
import { optionalResource } from './optional-resource.ts';
import { listSelectorKey } from './list-selector.ts';
import type { IndexFunction } from './store.ts';

export interface InformerFactoryDeps {
  readonly client: ListWatchClient;
  readonly scheduler: Scheduler;
  readonly log: Logger;
  /** For all informers; see `InformerOptions`. */
  readonly pageSize?: number;
}

export interface SharedOptions<T extends KubeObject> extends ListSelector {
  readonly transform?: (object: T) => T;
  readonly indexes?: Readonly<Record<string, IndexFunction<T>>>;
  /** The server may not serve the resource: then there are no objects of it. */
  readonly isOptional?: boolean;
}

interface Shared {
  readonly informer: Informer<KubeObject>;
  readonly transform: unknown;
}

/** One informer per resource and selection, however many ask for it. */
export class InformerFactory {
  readonly #deps: InformerFactoryDeps;
  readonly #shared = new Map<string, Shared>();
  readonly #ended: Promise<void>[] = [];
  #signal: AbortSignal | undefined;

  constructor(deps: InformerFactoryDeps) {
    this.#deps = deps;
  }

  /** Adds missing indexes. An informer requested after `start` starts at once. */
  informer<T extends KubeObject>(
    resource: APIResource,
    options: SharedOptions<T> = {},
  ): Informer<T> {
    const key = `${typeKey(resource)}|${listSelectorKey(options)}`;
    const shared = this.#shared.get(key);
    if (shared === undefined) return this.#create(key, resource, options);
    if (options.transform !== undefined && options.transform !== shared.transform) {
      throw new TypeError(`share an informer of ${resource.plural}: the transforms differ`);
    }
    // The key contains the resource, so the informer's objects have the requested type.
    const informer = shared.informer as unknown as Informer<T>;
    for (const [name, valuesOf] of Object.entries(options.indexes ?? {})) {
      informer.addIndex(name, valuesOf);
    }
    return informer;
  }

  /** Starts all; resolves when `signal` aborted and all have ended. */
  async start(signal: AbortSignal): Promise<void> {
    this.#signal = signal;
    for (const { informer } of this.#shared.values()) this.#ended.push(informer.start(signal));
    await aborted(signal);
    await Promise.all(this.#ended);
  }

  get synced(): boolean {
    return [...this.#shared.values()].every(({ informer }) => informer.synced);
  }

  /** All informers, for health checks and metrics. */
  all(): Informer<KubeObject>[] {
    return [...this.#shared.values()].map(({ informer }) => informer);
  }

  async whenSynced(signal?: AbortSignal): Promise<void> {
    await Promise.all(this.all().map((informer) => informer.whenSynced(signal)));
  }

  /** Applies the server's answer to a write to every informer of this resource type. */
  applyWrite(resource: APIResource, object: KubeObject): void {
    for (const informer of this.#of(resource)) informer.applyWrite(object);
  }

  applyDelete(resource: APIResource, key: ObjectKey, uid: string): void {
    for (const informer of this.#of(resource)) informer.applyDelete(key, uid);
  }

  #of(resource: APIResource): Informer<KubeObject>[] {
    return this.all().filter((informer) => typeKey(informer.resource) === typeKey(resource));
  }

  #create<T extends KubeObject>(
    key: string,
    resource: APIResource,
    options: SharedOptions<T>,
  ): Informer<T> {
    const { transform, isOptional = false, ...rest } = options;
    const { client, scheduler } = this.#deps;
    const informer = new Informer<T>({
      ...{ ...this.#deps, ...rest, resource, transform },
      client: isOptional ? optionalResource(client, scheduler) : client,
    });
    this.#shared.set(key, { informer: informer as unknown as Informer<KubeObject>, transform });
    if (this.#signal !== undefined) this.#ended.push(informer.start(this.#signal));
    return informer;
  }
}

const typeKey = (resource: APIResource): string => `${apiVersionOf(resource)}/${resource.plural}`;

const aborted = (signal: AbortSignal): Promise<void> =>
  new Promise((resolve) => {
    if (signal.aborted) resolve();
    else
      signal.addEventListener(
        'abort',
        () => {
          resolve();
        },
        { once: true },
      );
  });
