// SPDX-License-Identifier: Apache-2.0

/** Keys that wait for a worker: higher priorities first, first come first served within one. */
export class ReadyList {
  /** Sorted by priority, highest first. There are few priorities, so no heap is needed. */
  readonly #lanes: { readonly priority: number; readonly keys: Set<string> }[] = [];
  readonly #priorities = new Map<string, number>();

  get size(): number {
    return this.#priorities.size;
  }

  /** A key that waits already keeps its place, or moves to a higher priority. False if it waited. */
  add(key: string, priority: number): boolean {
    const known = this.#priorities.get(key);
    if (known !== undefined && known >= priority) return false;
    if (known !== undefined) this.#lane(known).delete(key);
    this.#priorities.set(key, priority);
    this.#lane(priority).add(key);
    return known === undefined;
  }

  take(): string | undefined {
    for (const { keys } of this.#lanes) {
      for (const key of keys) {
        keys.delete(key);
        this.#priorities.delete(key);
        return key;
      }
    }
    return undefined;
  }

  clear(): void {
    this.#priorities.clear();
    this.#lanes.length = 0;
  }

  #lane(priority: number): Set<string> {
    const at = this.#lanes.findIndex((lane) => lane.priority <= priority);
    const there = this.#lanes[at];
    if (there?.priority === priority) return there.keys;
    const lane = { priority, keys: new Set<string>() };
    this.#lanes.splice(at < 0 ? this.#lanes.length : at, 0, lane);
    return lane.keys;
  }
}
