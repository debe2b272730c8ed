// SPDX-License-Identifier: Apache-2.0
import { silentLogger, type Logger } from '../runtime/logger.ts';
import type { Scheduler } from '../runtime/scheduler.ts';
import { isJsonObject } from './body.ts';
import { RestClient, type ClientObserver } from './rest-client.ts';
import { Discovery, type DiscoveredResource, type DiscoveryQuery } from './discovery.ts';
import { listPageOf, objectOf, type ListPage } from './list.ts';
import type { KubeObject, ObjectKey, APIResource } from './object.ts';
import { bodyOf, contentTypeOf, type Patch } from './patch.ts';
import { collectionPath, objectPath, withQuery } from './paths.ts';
import type { HttpRequest, Transport } from './transport.ts';
import { readEvents, type WatchEvent } from './watch.ts';

export interface ClientDeps {
  readonly transport: Transport;
  readonly scheduler: Scheduler;
  /** The name of this client in `managedFields`. */
  readonly fieldManager: string;
  /** Default: the field manager. */
  readonly userAgent?: string;
  readonly log?: Logger;
  readonly observer?: ClientObserver;
  /** Bound of one call, milliseconds; default 60,000. */
  readonly timeoutMs?: number;
}

export interface CallOptions {
  readonly signal?: AbortSignal | undefined;
  /** Never waits for a connection behind other calls. For a call or two at a time, as elections make. */
  readonly urgent?: boolean | undefined;
}

export interface WriteOptions extends CallOptions {
  /** The server runs every step except storing the object. */
  readonly dryRun?: boolean | undefined;
}

export interface PatchOptions extends WriteOptions {
  readonly subresource?: 'status' | 'scale' | undefined;
}

export interface ListSelector {
  /** Default: all namespaces. */
  readonly namespace?: string | undefined;
  readonly labelSelector?: string | undefined;
  readonly fieldSelector?: string | undefined;
}

export interface ListOptions extends ListSelector, CallOptions {
  readonly limit?: number | undefined;
  readonly continue?: string | undefined;
  readonly resourceVersion?: string | undefined;
}

export interface WatchOptions extends ListSelector, CallOptions {
  readonly resourceVersion: string;
  /** After which the server ends the watch. */
  readonly timeoutSeconds: number;
  /** Called when the server accepted the watch, which may be long before its first event. */
  readonly opened?: (() => void) | undefined;
}

export interface DeleteOptions extends CallOptions {
  /** Preconditions: the server answers 409 when the object is a different or a newer one. */
  readonly uid?: string | undefined;
  readonly resourceVersion?: string | undefined;
  readonly propagationPolicy?: 'Foreground' | 'Background' | 'Orphan' | undefined;
  readonly dryRun?: boolean | undefined;
}

/**
 * Talks to one API server. Objects stay as the server sent them. Failures are `KubeError`s; the
 * client does not retry.
 */
export class Client {
  readonly #restClient: RestClient;
  readonly #discovery: Discovery;
  readonly #fieldManager: string;

  constructor(deps: ClientDeps) {
    const { transport, scheduler, fieldManager, userAgent = fieldManager } = deps;
    const { timeoutMs = 60_000, observer = () => undefined, log = silentLogger } = deps;
    this.#fieldManager = fieldManager;
    this.#restClient = new RestClient({ transport, scheduler, userAgent, timeoutMs, observer });
    this.#discovery = new Discovery({ restClient: this.#restClient, scheduler, log });
  }

  async get<T extends KubeObject = KubeObject>(
    resource: APIResource,
    key: ObjectKey,
    options: CallOptions = {},
  ): Promise<T> {
    const path = objectPath(resource, key);
    const call = { method: 'GET', path, ...callOf(resource, options) } as const;
    return objectOf<T>(call, await this.#restClient.json(call));
  }

  /** One page; a `continue` in it leads to the next. Items get the `kind` that lists leave out. */
  async list<T extends KubeObject = KubeObject>(
    resource: APIResource,
    { namespace = '', ...query }: ListOptions = {},
  ): Promise<ListPage<T>> {
    const path = withQuery(collectionPath(resource, namespace), {
      ...selectionQuery(query),
      limit: query.limit,
      continue: query.continue,
      resourceVersion: query.resourceVersion,
    });
    const call = { method: 'GET', path, ...callOf(resource, query) } as const;
    return listPageOf<T>(call, resource, await this.#restClient.json(call));
  }

  async create<T extends KubeObject = KubeObject>(
    resource: APIResource,
    namespace: string,
    body: object,
    { dryRun, ...options }: WriteOptions = {},
  ): Promise<T> {
    const path = withQuery(collectionPath(resource, namespace), this.#writeQuery(dryRun));
    const call = { method: 'POST', path, ...callOf(resource, options) } as const;
    return objectOf<T>(call, await this.#restClient.json({ ...call, body: JSON.stringify(body) }));
  }

  async patch<T extends KubeObject = KubeObject>(
    resource: APIResource,
    key: ObjectKey,
    patch: Patch,
    { dryRun, subresource, ...options }: PatchOptions = {},
  ): Promise<T> {
    const target = objectPath(resource, key) + (subresource === undefined ? '' : `/${subresource}`);
    const force = patch.type === 'apply' && patch.force === true;
    const path = withQuery(target, { ...this.#writeQuery(dryRun), force });
    const call = { method: 'PATCH', path, ...callOf(resource, options) } as const;
    const body = { body: bodyOf(patch), contentType: contentTypeOf(patch) };
    return objectOf<T>(call, await this.#restClient.json({ ...call, ...body }));
  }

  /**
   * Resolves with the object when the server only marked it (finalizers, grace period), with
   * `undefined` when the object is deleted. 404 is an error: see `isNotFound`.
   */
  async delete<T extends KubeObject = KubeObject>(
    resource: APIResource,
    key: ObjectKey,
    { dryRun, ...options }: DeleteOptions = {},
  ): Promise<T | undefined> {
    const path = withQuery(objectPath(resource, key), { dryRun: dryRun === true && 'All' });
    const call = { method: 'DELETE', path, ...callOf(resource, options) } as const;
    const body = JSON.stringify(deleteOptionsOf(options));
    const answer = await this.#restClient.json({ ...call, body });
    const marked = isJsonObject(answer) && answer['kind'] === resource.kind;
    return marked ? objectOf<T>(call, answer) : undefined;
  }

  /**
   * Changes after `resourceVersion`, bookmarks included, until the server ends the watch or `signal`
   * aborts. Throws a `KubeError` for an ERROR event (410: list again) and for a garbled stream.
   */
  async *watch<T extends KubeObject = KubeObject>(
    resource: APIResource,
    { namespace = '', opened, ...query }: WatchOptions,
  ): AsyncGenerator<WatchEvent<T>, void> {
    const path = withQuery(collectionPath(resource, namespace), {
      watch: true,
      allowWatchBookmarks: true,
      ...selectionQuery(query),
      resourceVersion: query.resourceVersion,
      timeoutSeconds: query.timeoutSeconds,
    });
    const call = { method: 'GET', path, ...callOf(resource, query) } as const;
    yield* readEvents<T>(call, this.#restClient.lines(call, opened));
  }

  /** Matching resource types; repeats discovery, at most every 10 s, when none matches. */
  discover(query: DiscoveryQuery = {}): Promise<readonly DiscoveredResource[]> {
    return this.#discovery.find(query);
  }

  /** Any path; the answer's JSON as it came. */
  raw(
    method: HttpRequest['method'],
    path: string,
    body?: unknown,
    options: CallOptions & { readonly contentType?: string } = {},
  ): Promise<unknown> {
    const text = body === undefined ? {} : { body: JSON.stringify(body) };
    return this.#restClient.json({ method, path, ...text, ...options });
  }

  #writeQuery(dryRun: boolean | undefined): { fieldManager: string; dryRun: string | undefined } {
    return { fieldManager: this.#fieldManager, dryRun: dryRun === true ? 'All' : undefined };
  }
}

const callOf = ({ plural }: APIResource, { signal, urgent }: CallOptions) =>
  ({ resource: plural, signal, urgent }) as const;

function selectionQuery({ labelSelector, fieldSelector }: ListSelector): ListSelector {
  return { labelSelector, fieldSelector };
}

function deleteOptionsOf({ uid, resourceVersion, propagationPolicy }: DeleteOptions): object {
  const preconditions = { ...(uid && { uid }), ...(resourceVersion && { resourceVersion }) };
  return {
    apiVersion: 'v1',
    kind: 'DeleteOptions',
    ...(Object.keys(preconditions).length > 0 && { preconditions }),
    ...(propagationPolicy && { propagationPolicy }),
  };
}
