// SPDX-License-Identifier: Apache-2.0
import type { ObjectKey } from '@altershield/kube';
import type { Json, StoredObject } from '../json.ts';
import type { ResourceDefinition } from './definition.ts';

/** Who calls, as admission requests report it. */
export interface UserInfo {
  readonly username: string;
  readonly uid?: string;
  readonly groups?: readonly string[];
  readonly extra?: Readonly<Record<string, readonly string[]>>;
}

export type Subresource = '' | 'status' | 'scale';

/** What holds for one write, whatever its verb. */
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
  /** Admission appends what the caller is to be warned of. */
  readonly warnings: string[];
}

export type Operation = 'CREATE' | 'UPDATE' | 'DELETE';

/** One write as admission sees it. */
export interface AdmissionAttributes {
  readonly call: WriteCall;
  readonly operation: Operation;
  /** What mutating webhooks see of a creation has no identity yet. */
  readonly phase: 'Mutating' | 'Validating';
  readonly object: StoredObject | undefined;
  readonly oldObject: StoredObject | undefined;
}
