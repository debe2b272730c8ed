// SPDX-License-Identifier: Apache-2.0

import { createInterface } from 'node:readline';
import { setTimeout as sleep } from 'node:timers/promises';
import { callApi, openApi, type Endpoint } from '../../cluster/api.ts';

const RETRY_MS = 200;

/** As much of an object as a watch needs to know. */
export interface Watched {
  readonly metadata: { readonly uid: string; readonly resourceVersion: string };
}

export type WatchType = 'ADDED' | 'MODIFIED' | 'DELETED';

export interface Collection {
  readonly endpoint: Endpoint;
  readonly path: string;
  /** Selectors, as a query string. */
  readonly query: string;
}

/** Hears every event of a collection, and outlives restarts of the API server. */
export class ObjectWatch<T extends Watched> {
  readonly #collection: Collection;
  readonly #hear: (type: WatchType, object: T) => void;
  readonly #known = new Map<string, T>();
  readonly #abort = new AbortController();
  #resourceVersion = '';
  #running: Promise<void> = Promise.resolve();
  #gaps = 0;

  constructor(collection: Collection, hear: (type: WatchType, object: T) => void) {
    this.#collection = collection;
    this.#hear = hear;
  }

  /** How often the server had forgotten events between two watches, so that states may be missing. */
  get gaps(): number {
    return this.#gaps;
  }

  /** Gives the objects that exist, and hears what happens from then on. */
  async start(): Promise<readonly T[]> {
    const found = await this.#list();
    for (const object of found) this.#known.set(object.metadata.uid, object);
    this.#running = this.#watchOn();
    return found;
  }

  async stop(): Promise<void> {
    this.#abort.abort();
    await this.#running.catch(() => undefined);
  }

  async #watchOn(): Promise<void> {
    while (!this.#abort.signal.aborted) {
      // The server is away or has ended the watch: go on from the last event.
      await this.#watchOnce().catch(() =>
        sleep(RETRY_MS, undefined, { signal: this.#abort.signal }),
      );
    }
  }

  async #watchOnce(): Promise<void> {
    const { endpoint, path, query } = this.#collection;
    const watch = `watch=1&resourceVersion=${this.#resourceVersion}&allowWatchBookmarks=true`;
    const { signal } = this.#abort;
    const stream = await openApi(endpoint, { path: `${path}?${query}&${watch}`, signal });
    for await (const line of createInterface({ input: stream })) {
      const event = JSON.parse(line) as WatchEvent<T>;
      if (event.type === 'ERROR') {
        await this.#relist();
        return;
      }
      this.#resourceVersion = event.object.metadata.resourceVersion;
      if (event.type !== 'BOOKMARK') this.#add(event.type, event.object);
    }
  }

  async #relist(): Promise<void> {
    this.#gaps += 1;
    const found = await this.#list();
    const uids = new Set(found.map(({ metadata }) => metadata.uid));
    for (const object of [...this.#known.values()]) {
      if (!uids.has(object.metadata.uid)) this.#add('DELETED', object);
    }
    for (const object of found) this.#add('MODIFIED', object);
  }

  async #list(): Promise<readonly T[]> {
    const { endpoint, path, query } = this.#collection;
    const list = (await callApi(endpoint, { path: `${path}?${query}` })) as List<T>;
    this.#resourceVersion = list.metadata.resourceVersion;
    return list.items;
  }

  #add(type: WatchType, object: T): void {
    if (type === 'DELETED') this.#known.delete(object.metadata.uid);
    else this.#known.set(object.metadata.uid, object);
    this.#hear(type, object);
  }
}

interface List<T> {
  readonly metadata: { readonly resourceVersion: string };
  readonly items: readonly T[];
}

type WatchEvent<T> =
  { readonly type: WatchType | 'BOOKMARK'; readonly object: T } | { readonly type: 'ERROR' };
