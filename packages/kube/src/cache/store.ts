// SPDX-License-Identifier: Apache-2.0
import { keyOf, keyString, type KubeObject } from '../client/object.ts';

export type IndexFunction<T> = (object: T) => readonly string[];

interface Index<T> {
  readonly valuesOf: IndexFunction<T>;
  readonly keys: Map<string, Set<string>>;
}

const BY_NAMESPACE = 'namespace';

export const storeKeyOf = (object: KubeObject): string => keyString(keyOf(object));

/** Objects by `namespace/name`, with indexes that never lag behind. */
export class Store<T extends KubeObject> {
  readonly #objects = new Map<string, T>();
  readonly #indexes = new Map<string, Index<T>>();

  constructor(indexes: Readonly<Record<string, IndexFunction<T>>> = {}) {
    this.addIndex(BY_NAMESPACE, ({ metadata }) => [metadata.namespace ?? '']);
    for (const [name, valuesOf] of Object.entries(indexes)) this.addIndex(name, valuesOf);
  }

  get size(): number {
    return this.#objects.size;
  }

  get(key: string): T | undefined {
    return this.#objects.get(key);
  }

  entries(): IterableIterator<[string, T]> {
    return this.#objects.entries();
  }

  list(namespace?: string): T[] {
    return namespace === undefined
      ? [...this.#objects.values()]
      : this.byIndex(BY_NAMESPACE, namespace);
  }

  /** Throws when there is no such index: that is a mistake in the program. */
  byIndex(name: string, value: string): T[] {
    const index = this.#indexes.get(name);
    if (index === undefined) {
      const known = [...this.#indexes.keys()].join(', ');
      throw new TypeError(`look up in index "${name}": no such index; known: ${known}`);
    }
    const found: T[] = [];
    for (const key of index.keys.get(value) ?? []) {
      const object = this.#objects.get(key);
      if (object !== undefined) found.push(object);
    }
    return found;
  }

  hasIndex(name: string): boolean {
    return this.#indexes.has(name);
  }

  /** Also indexes existing objects. An object for which the function throws gets no value. */
  addIndex(name: string, valuesOf: IndexFunction<T>): void {
    const index: Index<T> = { valuesOf: orNone(valuesOf), keys: new Map() };
    for (const [key, object] of this.#objects) enter(index, key, object);
    this.#indexes.set(name, index);
  }

  set(key: string, object: T): void {
    this.#leaveAll(key);
    this.#objects.set(key, object);
    for (const index of this.#indexes.values()) enter(index, key, object);
  }

  delete(key: string): void {
    this.#leaveAll(key);
    this.#objects.delete(key);
  }

  #leaveAll(key: string): void {
    const object = this.#objects.get(key);
    if (object === undefined) return;
    for (const index of this.#indexes.values()) leave(index, key, object);
  }
}

/** One unreadable object must not keep all others out of the cache. */
function orNone<T>(valuesOf: IndexFunction<T>): IndexFunction<T> {
  return (object) => {
    try {
      return valuesOf(object);
    } catch {
      return [];
    }
  };
}

function enter<T>({ valuesOf, keys }: Index<T>, key: string, object: T): void {
  for (const value of valuesOf(object)) {
    const there = keys.get(value);
    if (there === undefined) keys.set(value, new Set([key]));
    else there.add(key);
  }
}

function leave<T>({ valuesOf, keys }: Index<T>, key: string, object: T): void {
  for (const value of valuesOf(object)) {
    const there = keys.get(value);
    there?.delete(key);
    if (there?.size === 0) keys.delete(value);
  }
}
