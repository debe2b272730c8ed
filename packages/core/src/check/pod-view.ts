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
  /** When it became ready, by its node's clock; 0 while it is not ready. */
  readonly readySince: number;
  /** When the operator first saw it ready, by the operator's clock; absent: not known. */
  readonly readySeenAt?: number;
  /** Since when it is not ready, including a pod that never was; absent while it is ready. */
  readonly unreadySince?: number;
  readonly scheduled: boolean;
  /** Its containers have started, whether they are ready or not; absent: not yet, or it ended. */
  readonly started?: true;
  /** When the last of its running containers started, by its node's clock; absent: not known. */
  readonly startedAt?: number;
  readonly restarts: number;
  /** How often it lost readiness since the watch started. */
  readonly unreadyCount: number;
  /**
   * It terminated for good (for example evicted) and was replaced: evidence, but not a pod of the
   * batch.
   */
  readonly terminated?: boolean;
  /** The worst container failure; waiting alone is not a failure. */
  readonly failure?: {
    readonly kind: FailureKind;
    readonly reason: string;
    readonly message: string;
    readonly container: string;
    /** When the operator first saw the failure, if it may be transient. */
    readonly seenAt?: number;
  };
  /** Its node rejected it before any container ran: not evidence about the change. */
  readonly nodeRejection?: { readonly reason: string; readonly message: string };
}

/**
 * Why the pods of a revision, or its ReplicaSet, cannot be created now: a condition with its
 * message.
 */
export interface CreateFailure {
  readonly reason: string;
  readonly message: string;
  /** When the failure started, by the controller's clock; milliseconds since the epoch. */
  readonly since: number;
}
