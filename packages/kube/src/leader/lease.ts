// SPDX-License-Identifier: Apache-2.0
import type { CallOptions } from '../client/client.ts';
import type { KubeObject, ObjectKey, APIResource } from '../client/object.ts';
import type { Patch } from '../client/patch.ts';

export interface LeaseSpec {
  /** '' or absent: no holder. */
  readonly holderIdentity?: string;
  readonly leaseDurationSeconds?: number;
  /** RFC 3339 with microseconds, as are all times of a Lease. */
  readonly acquireTime?: string;
  readonly renewTime?: string;
  readonly leaseTransitions?: number;
}

export interface Lease extends KubeObject {
  readonly spec?: LeaseSpec;
}

/** The calls that an election takes; `Client` has them. */
export interface LeaseClient {
  get(resource: APIResource, key: ObjectKey, options?: CallOptions): Promise<Lease>;
  create(
    resource: APIResource,
    namespace: string,
    body: object,
    options?: CallOptions,
  ): Promise<Lease>;
  patch(resource: APIResource, key: ObjectKey, patch: Patch, options?: CallOptions): Promise<Lease>;
}

/** The form of `MicroTime`. */
export const microTime = (ms: number): string => new Date(ms).toISOString().replace('Z', '000Z');

export const holderOf = (lease: Lease): string => lease.spec?.holderIdentity ?? '';
