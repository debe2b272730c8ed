// SPDX-License-Identifier: Apache-2.0
import type { JsonPatchOp } from '../client/patch.ts';

export type AdmissionOperation = 'CREATE' | 'UPDATE' | 'DELETE' | 'CONNECT';

/** The user who sent the request, as authenticated by the API server. */
export interface AdmissionUser {
  readonly username: string;
  readonly uid?: string;
  readonly groups?: readonly string[];
  readonly extra?: Readonly<Record<string, readonly string[]>>;
}

export interface GroupVersionKind {
  readonly group: string;
  readonly version: string;
  readonly kind: string;
}

export interface GroupVersionResource {
  readonly group: string;
  readonly version: string;
  readonly resource: string;
}

/** The `request` of an `admission.k8s.io/v1` AdmissionReview. Absent strings are ''. */
export interface AdmissionRequest {
  readonly uid: string;
  readonly kind: GroupVersionKind;
  readonly resource: GroupVersionResource;
  readonly subResource: string;
  /** '' on a CREATE with `generateName`. */
  readonly name: string;
  /** '' for cluster-scoped objects. */
  readonly namespace: string;
  readonly operation: AdmissionOperation;
  readonly userInfo: AdmissionUser;
  /** As the server sent it, without `metadata.managedFields`; `null` on DELETE. */
  readonly object: unknown;
  /** As the server sent it, without `metadata.managedFields`; `null` on CREATE. */
  readonly oldObject: unknown;
  readonly dryRun: boolean;
  readonly options: unknown;
}

export interface Allowed {
  readonly allowed: true;
  readonly patch?: readonly JsonPatchOp[];
  readonly warnings?: readonly string[];
  readonly auditAnnotations?: Readonly<Record<string, string>>;
}

export interface Denied {
  readonly allowed: false;
  /** HTTP status the user sees, 400 to 599; anything else becomes 403. */
  readonly code: number;
  /** CamelCase, e.g. `Forbidden`. */
  readonly reason: string;
  readonly message: string;
  readonly warnings?: readonly string[];
  readonly auditAnnotations?: Readonly<Record<string, string>>;
}

export type AdmissionResponse = Allowed | Denied;

/**
 * Answers from memory, without writes; a promise is for rare writes that need a request to the
 * API server. An error reaches the API server as a 500.
 */
export type AdmissionHandler = (
  request: AdmissionRequest,
) => AdmissionResponse | Promise<AdmissionResponse>;

/** Handlers by URL path, e.g. `/mutate`. */
export type AdmissionHandlers = ReadonlyMap<string, AdmissionHandler>;
