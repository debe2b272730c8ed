// SPDX-License-Identifier: Apache-2.0
import { KubeError } from '../errors/errors.ts';
import type { ObjectKey, APIResource } from '../client/object.ts';
import type { Patch } from '../client/patch.ts';
import type { Scheduler } from '../runtime/scheduler.ts';
import type { Lease, LeaseClient, LeaseSpec } from './lease.ts';

const refuse = (status: number, reason: string): KubeError =>
  new KubeError({ doing: 'lease', status, server: { reason, message: reason } });

const isJsonObject = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null;

/** Holds one Lease, with the optimistic locking of an API server. */
export class FakeLeaseServer {
  lease: Lease | undefined;
  readonly writes: string[] = [];
  #version = 0;
  #uid = 0;

  read(): Lease {
    if (this.lease === undefined) throw refuse(404, 'NotFound');
    return this.lease;
  }

  create(body: object): Lease {
    if (this.lease !== undefined) throw refuse(409, 'AlreadyExists');
    this.#uid += 1;
    return this.#store(`uid-${this.#uid}`, specIn(body));
  }

  patch(patch: Patch): Lease {
    if (patch.type !== 'merge') throw refuse(415, 'UnsupportedMediaType');
    const { uid, resourceVersion } = this.read().metadata;
    if (versionIn(patch.body) !== resourceVersion) throw refuse(409, 'Conflict');
    return this.#store(uid, { ...this.lease?.spec, ...specIn(patch.body) });
  }

  /** Somebody writes an annotation or so. */
  touch(): void {
    const { metadata, spec } = this.read();
    this.#store(metadata.uid, spec ?? {});
  }

  #store(uid: string, spec: LeaseSpec): Lease {
    this.#version += 1;
    this.writes.push(spec.holderIdentity ?? '');
    this.lease = {
      apiVersion: 'coordination.k8s.io/v1',
      kind: 'Lease',
      metadata: {
        name: 'lock',
        namespace: 'system',
        uid,
        resourceVersion: String(this.#version),
        creationTimestamp: '2026-01-01T00:00:00Z',
      },
      spec,
    };
    return this.lease;
  }
}

const specIn = (body: object): LeaseSpec =>
  'spec' in body && isJsonObject(body.spec) ? body.spec : {};

const versionIn = (body: object): unknown =>
  'metadata' in body && isJsonObject(body.metadata) ? body.metadata['resourceVersion'] : undefined;

/** What may happen to requests of one candidate. */
export interface Weather {
  /** Requests and answers each take up to so long. */
  maxDelayMs: number;
  /** Nothing gets through; callers wait for their own deadlines. */
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
