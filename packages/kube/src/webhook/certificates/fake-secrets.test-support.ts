// SPDX-License-Identifier: Apache-2.0
import { KubeError } from '../../errors/errors.ts';
import type { ObjectKey, APIResource } from '../../client/object.ts';
import type { Patch } from '../../client/patch.ts';
import type { CertificateSet } from './certificate-set.ts';
import { type Secret, type SecretClient, dataOf, setOf } from './secret.ts';

const refuse = (status: number, reason: string): KubeError =>
  new KubeError({ doing: 'secret', status, server: { reason, message: reason } });

const isJsonObject = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null;

/** Holds one Secret, with the optimistic locking of an API server. */
export class FakeSecrets implements SecretClient {
  secret: Secret | undefined;
  writes = 0;
  /** Errors for the next calls, in order. */
  readonly faults: KubeError[] = [];
  #version = 0;

  async get(): Promise<Secret> {
    await this.#arrive();
    if (this.secret === undefined) throw refuse(404, 'NotFound');
    return this.secret;
  }

  async create(_: APIResource, _ns: string, body: object): Promise<Secret> {
    await this.#arrive();
    if (this.secret !== undefined) throw refuse(409, 'AlreadyExists');
    return this.#store('data' in body ? body.data : {});
  }

  async patch(_: APIResource, _key: ObjectKey, patch: Patch): Promise<Secret> {
    await this.#arrive();
    if (this.secret === undefined) throw refuse(404, 'NotFound');
    if (patch.type !== 'merge' || !('metadata' in patch.body) || !('data' in patch.body)) {
      throw refuse(400, 'BadRequest');
    }
    const { metadata, data } = patch.body;
    if (!isJsonObject(metadata) || metadata['resourceVersion'] !== String(this.#version)) {
      throw refuse(409, 'Conflict');
    }
    return this.#store({ ...this.secret.data, ...(isJsonObject(data) ? data : {}) });
  }

  put(set: CertificateSet): void {
    this.#store(dataOf(set));
  }

  /** Made by an installer, without content. */
  putEmpty(): void {
    this.#store(undefined);
  }

  read(): CertificateSet {
    const set = this.secret && setOf(this.secret);
    if (set === undefined) throw new Error('no certificates are stored');
    return set;
  }

  async #arrive(): Promise<void> {
    await Promise.resolve();
    const fault = this.faults.shift();
    if (fault !== undefined) throw fault;
  }

  #store(data: unknown): Secret {
    this.#version += 1;
    this.writes += 1;
    const texts = isJsonObject(data)
      ? Object.fromEntries(Object.entries(data).map(([key, value]) => [key, String(value)]))
      : undefined;
    this.secret = {
      apiVersion: 'v1',
      kind: 'Secret',
      metadata: {
        name: 'hook-tls',
        namespace: 'system',
        uid: 's-1',
        resourceVersion: String(this.#version),
        creationTimestamp: '2026-01-01T00:00:00Z',
      },
      ...(texts !== undefined && { data: texts }),
    };
    return this.secret;
  }
}
