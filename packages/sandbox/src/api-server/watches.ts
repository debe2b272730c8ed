// SPDX-License-Identifier: Apache-2.0
import { apiVersionOf, type Scheduler, type Timer } from '@altershield/kube';
import type { Json, StoredObject } from '../json.ts';
import { typeKey, type ResourceDefinition } from './definition.ts';
import { badRequest, expired } from './failure.ts';
import type { Target } from './request.ts';
import { objectTest, type ObjectTest } from './selectors.ts';
import type { ObjectStore, StoreEvent } from './store.ts';

/** One line of a watch: its type, and the whole JSON text with its line feed. */
export interface WatchLine {
  readonly type: 'ADDED' | 'MODIFIED' | 'DELETED' | 'BOOKMARK' | 'ERROR';
  readonly text: string;
}

export interface WatchSink {
  line(line: WatchLine): void;
  /** No more lines: the server's time-out passed. */
  end(): void;
  /** The connection broke. */
  fail(error: Error): void;
}

/** An accepted watch; no event is delivered before `open`. */
export interface Watch {
  open(sink: WatchSink): void;
  close(): void;
}

const BOOKMARK_EVERY_MS = 60_000;
const BOOKMARK_BEFORE_END_MS = 2_000;
const DEFAULT_TIMEOUT_SECONDS = 1800;

/** Serves watches from the store's history and events. */
export class Watches {
  readonly #store: ObjectStore;
  readonly #scheduler: Scheduler;
  readonly #open = new Set<OpenWatch>();
  readonly #json = new WeakMap<StoredObject, string>();

  constructor(store: ObjectStore, scheduler: Scheduler) {
    this.#store = store;
    this.#scheduler = scheduler;
  }

  get count(): number {
    return this.#open.size;
  }

  accept(target: Target): Watch {
    const options = readOptions(target);
    const open: OpenWatch[] = [];
    return {
      open: (sink) => {
        const watch = new OpenWatch(this.#parts(), options, sink);
        open.push(watch);
        this.#open.add(watch);
        watch.start(() => this.#open.delete(watch));
      },
      close: () => {
        for (const watch of open) watch.close();
      },
    };
  }

  /** Breaks every open watch, as a restart of the server does. */
  cutAll(error: Error): void {
    for (const watch of [...this.#open]) watch.cut(error);
  }

  #parts(): WatchParts {
    return {
      store: this.#store,
      scheduler: this.#scheduler,
      jsonOf: (object) => this.#jsonOf(object),
    };
  }

  #jsonOf(object: StoredObject): string {
    const known = this.#json.get(object);
    if (known !== undefined) return known;
    const json = JSON.stringify(object);
    this.#json.set(object, json);
    return json;
  }
}

interface WatchParts {
  readonly store: ObjectStore;
  readonly scheduler: Scheduler;
  readonly jsonOf: (object: StoredObject) => string;
}

interface WatchOptions {
  readonly definition: ResourceDefinition;
  readonly namespace: string;
  readonly selected: ObjectTest;
  /** Undefined: begin with the present state as ADDED events. */
  readonly since: number | undefined;
  readonly timeoutMs: number;
  readonly hasBookmarks: boolean;
}

function readOptions({ definition, key, query }: Target): WatchOptions {
  const asked = (name: string): string => query.get(name) ?? '';
  const byName = key.name === '' ? '' : `metadata.name=${key.name}`;
  const fields = [asked('fieldSelector'), byName].filter((one) => one !== '').join(',');
  const seconds = Number(asked('timeoutSeconds'));
  return {
    definition,
    namespace: key.namespace,
    selected: objectTest(asked('labelSelector'), fields),
    since: readVersion(asked('resourceVersion')),
    timeoutMs: (seconds > 0 ? seconds : DEFAULT_TIMEOUT_SECONDS) * 1000,
    hasBookmarks: ['1', 'true'].includes(asked('allowWatchBookmarks')),
  };
}

/** Undefined for '' and '0', which both ask for the present state first. */
function readVersion(version: string): number | undefined {
  if (/^\d*$/.test(version)) return Number(version) === 0 ? undefined : Number(version);
  throw badRequest(
    `Invalid value: "${version}": strconv.ParseUint: parsing "${version}": invalid syntax`,
  );
}

class OpenWatch {
  readonly #parts: WatchParts;
  readonly #options: WatchOptions;
  readonly #sink: WatchSink;
  readonly #timers = new Set<Timer>();
  #unsubscribe: () => void = () => undefined;
  #onClose: () => void = () => undefined;

  constructor(parts: WatchParts, options: WatchOptions, sink: WatchSink) {
    this.#parts = parts;
    this.#options = options;
    this.#sink = sink;
  }

  start(onClose: () => void): void {
    this.#onClose = onClose;
    if (!this.#replay()) return;
    const type = typeKey(this.#options.definition.resource);
    this.#unsubscribe = this.#parts.store.subscribe((event) => {
      if (event.type === type) this.#deliver(event);
    });
    this.#timer(this.#options.timeoutMs, () => {
      this.close();
      this.#sink.end();
    });
    if (this.#options.hasBookmarks) this.#scheduleBookmarks();
  }

  close(): void {
    this.#unsubscribe();
    for (const timer of this.#timers) timer.cancel();
    this.#onClose();
  }

  cut(error: Error): void {
    this.close();
    this.#sink.fail(error);
  }

  /** Sends events since the watch's version; false when that version has expired. */
  #replay(): boolean {
    const { store } = this.#parts;
    const { definition, namespace, selected, since } = this.#options;
    const type = typeKey(definition.resource);
    if (since === undefined) {
      for (const object of store.list(type, namespace).filter(selected))
        this.#send('ADDED', object);
      return true;
    }
    const missed = store.since(type, since);
    if (missed === undefined) {
      this.#refuse(since);
      return false;
    }
    for (const event of missed) this.#deliver(event);
    return true;
  }

  #refuse(since: number): void {
    const message = `too old resource version: ${since} (${this.#parts.store.revision})`;
    const text = `${JSON.stringify({ type: 'ERROR', object: expired(message).status })}\n`;
    this.#sink.line({ type: 'ERROR', text });
    this.close();
    this.#sink.end();
  }

  #deliver({ kind, object, previous }: StoreEvent): void {
    const { namespace, selected } = this.#options;
    if (namespace !== '' && object.metadata.namespace !== namespace) return;
    const was = previous !== undefined && selected(previous);
    const is = kind !== 'Deleted' && selected(object);
    if (is) this.#send(was ? 'MODIFIED' : 'ADDED', object);
    // Like the real one: an object that leaves the selection is shown as it was, with the new version.
    else if (was) this.#send('DELETED', departed(previous, object));
  }

  #send(type: 'ADDED' | 'MODIFIED' | 'DELETED', object: StoredObject): void {
    this.#sink.line({ type, text: `{"type":"${type}","object":${this.#parts.jsonOf(object)}}\n` });
  }

  #scheduleBookmarks(): void {
    const { timeoutMs } = this.#options;
    if (timeoutMs > BOOKMARK_BEFORE_END_MS) {
      this.#timer(timeoutMs - BOOKMARK_BEFORE_END_MS, () => {
        this.#bookmark();
      });
    }
    // Armed first: the reader of the bookmark may close the watch, which ends the series.
    const repeat = (): void => {
      this.#timer(BOOKMARK_EVERY_MS, repeat);
      this.#bookmark();
    };
    this.#timer(BOOKMARK_EVERY_MS, repeat);
  }

  #bookmark(): void {
    const { resource } = this.#options.definition;
    const resourceVersion = String(this.#parts.store.revision);
    const object: Json = {
      kind: resource.kind,
      apiVersion: apiVersionOf(resource),
      metadata: { resourceVersion, creationTimestamp: null },
    };
    const text = `${JSON.stringify({ type: 'BOOKMARK', object })}\n`;
    this.#sink.line({ type: 'BOOKMARK', text });
  }

  #timer(delayMs: number, run: () => void): void {
    const timer = this.#parts.scheduler.after(delayMs, () => {
      this.#timers.delete(timer);
      run();
    });
    this.#timers.add(timer);
  }
}

const departed = (previous: StoredObject, object: StoredObject): StoredObject => ({
  ...previous,
  metadata: { ...previous.metadata, resourceVersion: object.metadata.resourceVersion },
});
