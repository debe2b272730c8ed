// SPDX-License-Identifier: Apache-2.0

export type FailureKind =
  | 'ImagePull'
  | 'ConfigError'
  | 'Crash'
  | 'OutOfMemory'
  | 'Restarts'
  | 'Flapping'
  | 'Unschedulable'
  | 'NotReady'
  | 'Failed';

/** One pod, reduced to what a verdict needs. Times are milliseconds since the epoch. */
export interface PodView {
  readonly name: string;
  readonly uid: string;
  readonly node: string;
  readonly createdAt: number;
  readonly ready: boolean;
  /** When it became ready, by the clock of its node; 0 while it is not. */
  readonly readySince: number;
  /** When the operator first saw it ready, by the operator's clock; absent: not known. */
  readonly readySeenAt?: number;
  /** When it lost its readiness, or never had it from; absent while it is ready. */
  readonly unreadySince?: number;
  readonly scheduled: boolean;
  readonly restarts: number;
  /** How often it lost readiness since we watch it. */
  readonly unreadyCount: number;
  /** It ended for good (evicted, say) and another was made in its place: evidence, but no pod of a batch. */
  readonly terminated?: boolean;
  /** The worst container, when something is wrong by itself; waiting alone is not. */
  readonly failure?: {
    readonly kind: FailureKind;
    readonly reason: string;
    readonly message: string;
    readonly container: string;
    /** When the operator first saw it, for a failure that may pass by itself. */
    readonly seenAt?: number;
  };
  /** Its node rejected it before any container ran: no evidence for or against the change. */
  readonly nodeRejection?: { readonly reason: string; readonly message: string };
}

/** Why the pods of a revision, or its ReplicaSet, cannot be created now: a condition with its text. */
export interface CreateFailure {
  readonly reason: string;
  readonly message: string;
  /** When it began, by the controller's clock; milliseconds since the epoch. */
  readonly since: number;
}
