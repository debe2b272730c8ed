// SPDX-License-Identifier: Apache-2.0
import type { ObjectKey } from '@altershield/kube';
import type { Json, StoredObject } from '../json.ts';
import type { ResourceDefinition } from './definition.ts';

/** The user of a call, as in admission requests. */
export interface UserInfo {
  readonly username: string;
  readonly uid?: string;
  readonly groups?: readonly string[];
  readonly extra?: Readonly<Record<string, readonly string[]>>;
}

export type Subresource = '' | 'status' | 'scale';

/** Properties of one write, independent of its verb. */
export interface WriteCall {
  readonly definition: ResourceDefinition;
  readonly key: ObjectKey;
  readonly subresource: Subresource;
  readonly user: UserInfo;
  readonly dryRun: boolean;
  readonly fieldManager: string;
  /** True for server-side apply: the manager is recorded as an applier. */
  readonly isApply: boolean;
  /** `CreateOptions`, `PatchOptions`…, as admission requests carry them. */
  readonly options: Json;
  /** Admission appends warnings for the caller. */
  readonly warnings: string[];
}

export type Operation = 'CREATE' | 'UPDATE' | 'DELETE';

/** One write as admission sees it. */
export interface AdmissionAttributes {
  readonly call: WriteCall;
  readonly operation: Operation;
  /** An object in creation has no identity yet when mutating webhooks see it. */
  readonly phase: 'Mutating' | 'Validating';
  readonly object: StoredObject | undefined;
  readonly oldObject: StoredObject | undefined;
}
