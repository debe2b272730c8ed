// SPDX-License-Identifier: Apache-2.0
import {
  RESOURCES,
  type APIResource,
  type ObjectKey,
  type Patch,
  type Scheduler,
} from '@altershield/kube';
import { objectPath } from '../../../kube/src/client/paths.ts';
import type { Lease, LeaseClient } from '../../../kube/src/leader/lease.ts';
import { ObjectStore } from '../object-store.ts';

const PATH = objectPath(RESOURCES.lease, { namespace: 'system', name: 'lock' });

/** One Lease in an object store. */
export class FakeLeaseServer {
  readonly #store = new ObjectStore();
  /** The holder after each write. */
  readonly writes: string[] = [];

  get lease(): Lease | undefined {
    return this.#store.get(PATH);
  }

  read(): Lease {
    return this.#store.read(PATH);
  }

  create(body: object): Lease {
    return this.#written(this.#store.create(PATH.slice(0, PATH.lastIndexOf('/')), body));
  }

  patch(patch: Patch): Lease {
    return this.#written(this.#store.patch(PATH, patch));
  }

  /** Another client writes the Lease, for example an annotation. */
  touch(): void {
    this.#written(this.#store.put(PATH, this.read()));
  }

  remove(): void {
    this.#store.remove(PATH);
  }

  #written(lease: Lease): Lease {
    this.writes.push(lease.spec?.holderIdentity ?? '');
    return lease;
  }
}

/** What may happen to requests of one candidate. */
export interface Weather {
  /** Requests and answers each take up to so long. */
  maxDelayMs: number;
  /** No request arrives; callers wait for their own deadlines. */
  cut: boolean;
  /** Share of requests that vanish, before or after they took effect. */
  loss: number;
}

/** One candidate's way to the server. A request whose caller gave up still arrives. */
export class LeaseLine implements LeaseClient {
  readonly weather: Weather = { maxDelayMs: 0, cut: false, loss: 0 };
  readonly #server: FakeLeaseServer;
  readonly #scheduler: Scheduler;

  constructor(server: FakeLeaseServer, scheduler: Scheduler) {
    this.#server = server;
    this.#scheduler = scheduler;
  }

  get(_: APIResource, _key: ObjectKey, options?: { signal?: AbortSignal }): Promise<Lease> {
    return this.#call(() => this.#server.read(), options?.signal);
  }

  create(
    _: APIResource,
    _ns: string,
    body: object,
    options?: { signal?: AbortSignal },
  ): Promise<Lease> {
    return this.#call(() => this.#server.create(body), options?.signal);
  }

  patch(
    _: APIResource,
    _key: ObjectKey,
    patch: Patch,
    options?: { signal?: AbortSignal },
  ): Promise<Lease> {
    return this.#call(() => this.#server.patch(patch), options?.signal);
  }

  #call(run: () => Lease, signal: AbortSignal | undefined): Promise<Lease> {
    const scheduler = this.#scheduler;
    return new Promise((resolve, reject) => {
      signal?.addEventListener('abort', () => {
        reject(new Error('the caller gave up'));
      });
      scheduler.after(this.#delay(), () => {
        if (this.#isLost()) return;
        const answer = outcomeOf(run);
        scheduler.after(this.#delay(), () => {
          if (this.#isLost()) return;
          if (answer instanceof Error) reject(answer);
          else resolve(answer);
        });
      });
    });
  }

  #delay(): number {
    return Math.floor(this.#scheduler.random() * this.weather.maxDelayMs);
  }

  #isLost(): boolean {
    return this.weather.cut || this.#scheduler.random() < this.weather.loss;
  }
}

function outcomeOf(run: () => Lease): Lease | Error {
  try {
    return run();
  } catch (error) {
    return error instanceof Error ? error : new Error(String(error));
  }
}
