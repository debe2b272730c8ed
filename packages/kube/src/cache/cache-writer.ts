// SPDX-License-Identifier: Apache-2.0
import type { KubeObject } from '../client/object.ts';
import type { WatchEvent } from '../client/watch.ts';
import { isNewer, newest } from './resource-version.ts';
import { storeKeyOf, type Store } from './store.ts';

/** A change of the cached state. `initial`: from the first list, not from a later change. */
export interface InformerEvent<T extends KubeObject> {
  readonly type: 'Added' | 'Updated' | 'Deleted';
  /** For `Deleted`: the last known state, which may be older than the object's final state. */
  readonly object: T;
  readonly old?: T;
  readonly initial: boolean;
}

export interface CacheWriterOptions<T extends KubeObject> {
  readonly store: Store<T>;
  readonly transform: (object: T) => T;
  /** Whether the list and the watch would contain this object. */
  readonly selects: (object: T) => boolean;
  readonly emit: (event: InformerEvent<T>) => void;
}

interface Listing {
  readonly resourceVersion: string;
  /** Objects at or below this version are removed unless the list contains them. */
  readonly horizon: string;
  readonly seen: Set<string>;
  readonly seenRemoved: Set<string>;
}

/** The last state that was cached of an object that this client deleted. */
interface Removed {
  readonly key: string;
  readonly resourceVersion: string;
}

/**
 * The rules by which lists, watch events and own writes form one state that never becomes older.
 *
 *     list ──► snapshot at L ─┐
 *     watch ─► events > L ────┼──► store: per name the newest version wins
 *     own writes ─────────────┘
 *
 * `progress` is the version up to which the server's history was applied in full. So an own write at
 * or below it is already applied, even if its object is deleted; one above it is ahead of the watch,
 * and older events of that object are ignored until the watch catches up.
 */
export class CacheWriter<T extends KubeObject> {
  readonly #options: CacheWriterOptions<T>;
  /** Objects that this client deleted and whose DELETED event is still expected, by uid. */
  readonly #removed = new Map<string, Removed>();
  #progress = '';
  #listing: Listing | undefined;
  #synced = false;

  constructor(options: CacheWriterOptions<T>) {
    this.#options = options;
  }

  /** Where a watch resumes; '' before the first list is complete. */
  get resourceVersion(): string {
    return this.#progress;
  }

  get synced(): boolean {
    return this.#synced;
  }

  /** A list at this snapshot begins, or begins again. */
  beginList(resourceVersion: string): void {
    this.#listing = {
      resourceVersion,
      horizon: newest(resourceVersion, this.#progress),
      seen: new Set(),
      seenRemoved: new Set(),
    };
  }

  applyListed(object: T): void {
    const listing = this.#listing;
    if (listing === undefined) throw new TypeError('beginList must be called before applyListed');
    const key = storeKeyOf(object);
    listing.seen.add(key);
    if (this.#removed.has(object.metadata.uid)) {
      listing.seenRemoved.add(object.metadata.uid);
      return;
    }
    this.#put(key, object, this.#isLostFuture(key, listing));
  }

  /** Deletes objects that the list did not contain, one step per object; then the list is in force. */
  *endList(): Generator<void, void> {
    const listing = this.#listing;
    if (listing === undefined) throw new TypeError('beginList must be called before endList');
    for (const [key, object] of this.#options.store.entries()) {
      const ahead = isNewer(object.metadata.resourceVersion, listing.horizon);
      if (!listing.seen.has(key) && !ahead) this.#drop(key, object);
      yield;
    }
    for (const uid of this.#removed.keys())
      if (!listing.seenRemoved.has(uid)) this.#removed.delete(uid);
    this.#progress = listing.resourceVersion;
    this.#listing = undefined;
    this.#synced = true;
  }

  /** Events at or below `progress` are repetitions: their effect, or a later one, is there. */
  applyEvent({ type, object }: WatchEvent<T>): void {
    const { resourceVersion } = object.metadata;
    if (!isNewer(resourceVersion, this.#progress)) return;
    this.#progress = resourceVersion;
    if (type === 'BOOKMARK') return;
    const key = storeKeyOf(object);
    if (type === 'DELETED') this.#watchedDelete(key, object);
    else if (!this.#isPast(key, object)) this.#put(key, object, false);
  }

  /** Applies the server's answer to a write of this client. */
  applyWrite(object: T): void {
    const key = storeKeyOf(object);
    if (!isNewer(object.metadata.resourceVersion, this.#progress)) return;
    if (this.#isPast(key, object)) return;
    if (this.#options.selects(object)) this.#put(key, object, false);
    else this.#deselect(key, object);
  }

  /** Applies a delete of this client that the server confirmed. */
  applyDelete(key: string, uid: string): void {
    const current = this.#options.store.get(key);
    if (current?.metadata.uid !== uid) return;
    this.#removed.set(uid, { key, resourceVersion: current.metadata.resourceVersion });
    this.#drop(key, current);
  }

  /** The object was deleted by this client, or had the name before one that was. */
  #isPast(key: string, { metadata: { uid, resourceVersion } }: T): boolean {
    if (this.#removed.has(uid)) return true;
    for (const former of this.#removed.values()) {
      if (former.key === key && isNewer(former.resourceVersion, resourceVersion)) return true;
    }
    return false;
  }

  #watchedDelete(key: string, object: T): void {
    this.#removed.delete(object.metadata.uid);
    const current = this.#options.store.get(key);
    if (current === undefined) return;
    const same = current.metadata.uid === object.metadata.uid;
    // A different uid under this name: an older object, unless its version is newer.
    if (same) this.#drop(key, this.#options.transform(object));
    else if (isNewerThan(object, current)) this.#drop(key, current);
  }

  #deselect(key: string, object: T): void {
    const current = this.#options.store.get(key);
    if (current !== undefined && isNewerThan(object, current)) this.#drop(key, current);
  }

  /** A server restored from a backup lists an older state; newer cached objects no longer exist. */
  #isLostFuture(key: string, { resourceVersion }: Listing): boolean {
    const known = this.#options.store.get(key)?.metadata.resourceVersion;
    if (known === undefined) return false;
    return isNewer(known, resourceVersion) && !isNewer(known, this.#progress);
  }

  #put(key: string, received: T, anyway: boolean): void {
    const { store, transform, emit } = this.#options;
    const current = store.get(key);
    if (current !== undefined && !anyway && !isNewerThan(received, current)) return;
    const object = transform(received);
    const initial = !this.#synced;
    if (current?.metadata.uid === object.metadata.uid) {
      store.set(key, object);
      emit({ type: 'Updated', object, old: current, initial });
      return;
    }
    // Deleted and created again under the same name between two lists: two events, not one.
    if (current !== undefined) this.#drop(key, current);
    store.set(key, object);
    emit({ type: 'Added', object, initial });
  }

  #drop(key: string, object: T): void {
    this.#options.store.delete(key);
    this.#options.emit({ type: 'Deleted', object, initial: false });
  }
}

const isNewerThan = (a: KubeObject, b: KubeObject): boolean =>
  isNewer(a.metadata.resourceVersion, b.metadata.resourceVersion);
