// SPDX-License-Identifier: Apache-2.0
import type {
  ChangePod,
  ChangePodSpec,
  ChangePodStatus,
  ChangeWorkload,
  ChangeWorkloadStatus,
} from '@altershield/api';
import type { ReleaseCap } from '../cap/annotation.ts';
import type { Bounds } from '../workload/batches.ts';
import type { Template } from '../workload/types.ts';

/** Fingerprints of the revision that a change came from, and of the one that it brings. */
interface Route {
  readonly from: string;
  readonly to: string;
}

/** What is wanted of the workload. Planning one that is reached gives no write. */
/** Since when a rollout has failed, and why. */
export interface RolloutFailure {
  readonly since: string;
  readonly message: string;
}

export type Goal =
  /** Release nothing more than is released. */
  | ({ readonly type: 'Hold' } & Route)
  | ({
      readonly type: 'Release';
      /** Pods that the new revision may have. */
      readonly target: number;
      readonly isLast: boolean;
      /** New pods find no place: stable ones may go first, as far as the user's bounds allow. */
      readonly needsRoom: boolean;
      /** The controller may have given up while no operator answered it: it is woken. */
      readonly wakes?: boolean;
      /** Until when the batch soaks: without news of its own, the rollout must not miss its progress deadline. */
      readonly soaksUntil?: number;
    } & Route)
  | ({
      readonly type: 'RollBack';
      readonly template: Template;
      /** Whose fields the template's were when it was verified. */
      readonly ownership?: string;
      /** AlterShield rolls back, not the user: pods that are not ready go at once. */
      readonly isOwn: boolean;
      readonly keepsHold: boolean;
      /** Of the rollout that AlterShield ends, for the tools that wait for it. */
      readonly failure?: RolloutFailure;
    } & Route)
  /** Nothing is released: what the template says is the revision to protect. */
  | {
      readonly type: 'Rest';
      /** True: also what is applied while no operator runs is held. */
      readonly keepsHold: boolean;
      /** A record names who wrote the template: the mark that does may go in the same write. */
      readonly forgetsActor: boolean;
    }
  /** Nothing caps the workload any more. */
  | { readonly type: 'LetGo' };

export type Trouble =
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
  readonly ended?: boolean;
  /** The worst container, when something is wrong by itself; waiting alone is not. */
  readonly trouble?: {
    readonly kind: Trouble;
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

/** A revision of the workload: a ReplicaSet, with or without pods. */
export interface RevisionView {
  readonly name: string;
  readonly uid: string;
  /** Its label `pod-template-hash`. */
  readonly hash: string;
  readonly fingerprint: string;
  /** Pods that it is to have. */
  readonly replicas: number;
  readonly ready: number;
  /** Its own copy of the annotation. */
  readonly cap?: string;
  readonly createFailure?: CreateFailure;
}

/** A workload as decisions see it. */
export interface WorkloadView {
  readonly uid: string;
  readonly fingerprint: string;
  /** The operator wrote it last: where its template is none that it knows, another admission plug-in altered it. */
  readonly isOwnWrite: boolean;
  readonly replicas: number;
  /** The user paused it. */
  readonly paused: boolean;
  readonly recreate: boolean;
  /** False while its controller has not seen the newest spec. */
  readonly settled: boolean;
  /** When we last wrote it, as far as it says; milliseconds since the epoch, 0: never. */
  readonly writtenAt: number;
  readonly cap: ReleaseCap | 'Invalid' | undefined;
  /** The user's `maxSurge` and `maxUnavailable`, resolved against `replicas`. */
  readonly user: Bounds;
  readonly minReadySeconds: number;
  readonly progressDeadlineSeconds: number;
  readonly revisions: readonly RevisionView[];
  /** Whose fields its template is made of now. */
  readonly ownership?: string | undefined;
  /** Why the ReplicaSet of the newest template cannot be created. */
  readonly createFailure?: CreateFailure;
}

/** Everything `decide` may look at, gathered once per reconcile. */
export interface Observation {
  readonly now: number;
  /** Up to when the pods are known: what did not happen since may only not have been heard. Default: now. */
  readonly heardAt?: number;
  readonly change: ChangeWorkload;
  /** The record of the batch in progress, once it exists. */
  readonly batch: ChangePod | undefined;
  readonly workload: WorkloadView | undefined;
  /** Pods of the revision that is being released; like `stable` without those that ended. */
  readonly fresh: readonly PodView[];
  /** Pods of all other revisions. */
  readonly stable: readonly PodView[];
  /** What a verdict looks at, where it differs: pods that ended, and of `stable` only the revision to go back to. */
  readonly evidence?: {
    readonly fresh: readonly PodView[];
    readonly stable: readonly PodView[];
  };
  /** Automatic rollbacks of this workload within the last hour, other changes' only. */
  readonly recentRollbacks: number;
  /** The same in the whole cluster, and how many are allowed there. Default: no limit. */
  readonly clusterRollbacks?: { readonly recent: number; readonly allowed: number };
  /** Number of the newest change of this workload. Default: this one. */
  readonly newest?: number;
  /** True when the revision was refused before and is applied again. */
  readonly refused: boolean;
  /** True when the revision to go back to was refused meanwhile. */
  readonly isBackRefused?: boolean;
  /** Since when this process looks at the change: no deadline for pods that are not made yet runs before. Default: ever since. */
  readonly since?: number;
  /** It has not written anything for this change yet. */
  readonly isFirstLook?: boolean;
  /** Why the API server denied the operator's last write for good; absent when it did not. */
  readonly denial?: string;
}

export interface BatchRecord {
  readonly index: number;
  readonly spec: Omit<ChangePodSpec, 'change' | 'target'>;
  /** Absent while there is nothing to say yet. */
  readonly status?: ChangePodStatus;
}

export interface Decision {
  readonly status: ChangeWorkloadStatus;
  readonly batch?: BatchRecord;
  readonly goal?: Goal;
  /** When to look again although nothing happened; milliseconds since the epoch. */
  readonly recheckAt?: number;
  /** It waits only because nothing was heard of the pods: reading them from the server may decide it. */
  readonly unheard?: true;
}
