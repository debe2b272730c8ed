// SPDX-License-Identifier: Apache-2.0
import type { ObjectKey } from '@altershield/kube';
import { keyOf } from '@altershield/kube';
import type { StoredObject } from '../json.ts';

export interface StoreEvent {
  readonly kind: 'Added' | 'Modified' | 'Deleted';
  /** The resource type, see `typeKey`. */
  readonly type: string;
  readonly object: StoredObject;
  readonly previous: StoredObject | undefined;
  readonly revision: number;
}

export type StoreListener = (event: StoreEvent) => void;

const DEFAULT_HISTORY = 20_000;
/** Not 1, so that tests can use an expired version below it. */
const FIRST_REVISION = 100;

const mapKey = ({ namespace, name }: ObjectKey): string => `${namespace}/${name}`;

/**
 * All objects of the cluster under one revision counter, with a bounded history for watches.
 * Listeners run synchronously, in the order in which they subscribed.
 */
export class ObjectStore {
  readonly #types = new Map<string, Map<string, StoredObject>>();
  readonly #listeners = new Set<StoreListener>();
  readonly #historyLimit: number;
  #history: StoreEvent[] = [];
  readonly #previous = new WeakMap<StoredObject, StoredObject>();
  #compacted = FIRST_REVISION;
  #revision = FIRST_REVISION;

  constructor({ historyLimit = DEFAULT_HISTORY }: { readonly historyLimit?: number } = {}) {
    this.#historyLimit = historyLimit;
  }

  get revision(): number {
    return this.#revision;
  }

  get(type: string, key: ObjectKey): StoredObject | undefined {
    return this.#types.get(type)?.get(mapKey(key));
  }

  /** The object before its last write. */
  previousOf(object: StoredObject): StoredObject | undefined {
    return this.#previous.get(object);
  }

  /** Objects in the order of their keys; `namespace` '' means all. */
  list(type: string, namespace = ''): StoredObject[] {
    const found = [...(this.#types.get(type)?.entries() ?? [])];
    const within =
      namespace === '' ? found : found.filter(([key]) => key.startsWith(`${namespace}/`));
    return within.sort(([a], [b]) => (a < b ? -1 : 1)).map(([, object]) => object);
  }

  /** Writes an object and gives it back with its new resourceVersion. */
  put(type: string, object: StoredObject): StoredObject {
    const previous = this.get(type, keyOf(object));
    const stored = this.#stamp(object);
    if (previous !== undefined) this.#previous.set(stored, previous);
    this.#objects(type).set(mapKey(keyOf(stored)), stored);
    const kind = previous === undefined ? 'Added' : 'Modified';
    this.#emit({ kind, type, object: stored, previous, revision: this.#revision });
    return stored;
  }

  remove(type: string, key: ObjectKey): StoredObject | undefined {
    const previous = this.get(type, key);
    if (previous === undefined) return undefined;
    const object = this.#stamp(previous);
    this.#objects(type).delete(mapKey(key));
    this.#emit({ kind: 'Deleted', type, object, previous, revision: this.#revision });
    return object;
  }

  subscribe(listener: StoreListener): () => void {
    this.#listeners.add(listener);
    return () => {
      this.#listeners.delete(listener);
    };
  }

  /** Events of a type after `revision`; undefined when they are no longer known. */
  since(type: string, revision: number): StoreEvent[] | undefined {
    if (revision < this.#compacted) return undefined;
    return this.#history.filter((event) => event.revision > revision && event.type === type);
  }

  /** Forgets the history, as etcd's compaction does: watches from before it get 410. */
  compact(): void {
    this.#compacted = this.#revision;
    this.#history = [];
  }

  #stamp(object: StoredObject): StoredObject {
    this.#revision += 1;
    const resourceVersion = String(this.#revision);
    return { ...object, metadata: { ...object.metadata, resourceVersion } };
  }

  #objects(type: string): Map<string, StoredObject> {
    const known = this.#types.get(type) ?? new Map<string, StoredObject>();
    this.#types.set(type, known);
    return known;
  }

  #emit(event: StoreEvent): void {
    this.#history.push(event);
    if (this.#history.length > this.#historyLimit * 2) this.#trim();
    for (const listener of [...this.#listeners]) listener(event);
  }

  #trim(): void {
    const cut = this.#history.length - this.#historyLimit;
    this.#compacted = this.#history[cut - 1]?.revision ?? this.#compacted;
    this.#history = this.#history.slice(cut);
  }
}
