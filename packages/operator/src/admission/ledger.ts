// SPDX-License-Identifier: Apache-2.0
import {
  isNotFound,
  sleep,
  type CachedClient,
  type Logger,
  type Scheduler,
} from '@altershield/kube';
import { CHANGES, type ChangeObject } from '../kinds.ts';
import type { World } from '../observe/world.ts';

interface Denials {
  count: number;
  lastUser: string;
  lastAt: number;
}

export interface LedgerDeps {
  readonly client: CachedClient;
  readonly world: Pick<World, 'changes'>;
  readonly scheduler: Scheduler;
  readonly log: Logger;
}

/** The API server may ask twice about one write: first of a stale object, then of the newest. */
const SAME_WRITE_MS = 250;
/** Denials of this long are counted together into one write. */
const FLUSH_MS = 5000;

/** Counts applications of refused revisions on the record that refuses them. Never in a review. */
export class DenialLedger {
  readonly name = 'denial-ledger';
  readonly #deps: LedgerDeps;
  readonly #waiting = new Map<string, Denials>();
  #last = { change: '', user: '', at: 0 };

  constructor(deps: LedgerDeps) {
    this.#deps = deps;
  }

  /**
   * Answers whether it is another write than the one before.
   * @param change `namespace/name` of the record that refuses
   */
  add(change: string, user: string): boolean {
    const at = this.#deps.scheduler.now();
    const { change: lastChange, user: lastUser, at: lastAt } = this.#last;
    this.#last = { change, user, at };
    if (lastChange === change && lastUser === user && at - lastAt < SAME_WRITE_MS) return false;
    const count = (this.#waiting.get(change)?.count ?? 0) + 1;
    this.#waiting.set(change, { count, lastUser: user, lastAt: at });
    return true;
  }

  async start(signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      await sleep(this.#deps.scheduler, FLUSH_MS, signal);
      await this.#flush();
    }
  }

  async #flush(): Promise<void> {
    for (const [key, denials] of [...this.#waiting]) {
      this.#waiting.delete(key);
      const change = this.#deps.world.changes.get(key);
      if (change !== undefined) await this.#write(key, change, denials);
    }
  }

  async #write(key: string, { metadata, status }: ChangeObject, denials: Denials): Promise<void> {
    const { namespace = '', name, uid, resourceVersion } = metadata;
    const denied = {
      count: (status?.denied?.count ?? 0) + denials.count,
      lastUser: denials.lastUser.slice(0, 512),
      lastAt: new Date(denials.lastAt).toISOString(),
    };
    const body = { metadata: { uid, resourceVersion }, status: { denied } };
    try {
      const patch = { type: 'merge', body } as const;
      await this.#deps.client.patch(CHANGES, { namespace, name }, patch, { subresource: 'status' });
    } catch (err) {
      if (isNotFound(err)) return;
      this.#deps.log.debug('count denials later', { change: key, err });
      this.#putBack(key, denials);
    }
  }

  #putBack(key: string, denials: Denials): void {
    const newer = this.#waiting.get(key);
    const count = denials.count + (newer?.count ?? 0);
    this.#waiting.set(key, { ...denials, ...newer, count });
  }
}
