// SPDX-License-Identifier: Apache-2.0
import type {
  ChangePod,
  ChangePodSpec,
  ChangePodStatus,
  ChangeWorkload,
  ChangeWorkloadStatus,
} from '@altershield/api';
import type { Bounds } from '../workload/batches.ts';
import type { Hold } from '../workload/hold.ts';
import type { Template } from '../workload/types.ts';

/** What we do to the workload. Repeating one that took effect plans no write. */
export type Action =
  | {
      readonly type: 'TakeOver';
      readonly id: string;
      readonly from: string;
      readonly to: string;
      /** What all revisions ask for together. */
      readonly pods: number;
    }
  | { readonly type: 'SetBounds'; readonly bounds: Bounds }
  | {
      readonly type: 'Pause';
      /** No more than so many stay beside the replicas. Default: what surged. */
      readonly surge?: number;
    }
  | { readonly type: 'Restore' }
  | {
      readonly type: 'RollBack';
      readonly id: string;
      readonly from: string;
      readonly template: Template;
      /** `maxUnavailable` to write so that bad pods go at once; 0: the user's own. */
      readonly widenBy: number;
    }
  | { readonly type: 'FinishRollBack' }
  | {
      /** Ready pods of superseded revisions count again, so that they are not the first to go. */
      readonly type: 'CountAgain';
      readonly minReadySeconds: number;
      readonly revisions: readonly { readonly name: string; readonly uid: string }[];
    }
  | {
      readonly type: 'Rebalance';
      readonly revisions: readonly {
        readonly name: string;
        readonly uid: string;
        /** Replicas as they are, and as they are to be. */
        readonly from: number;
        readonly to: number;
      }[];
    };

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

/** A revision of the workload that has, or had, pods. */
export interface RevisionView {
  readonly name: string;
  readonly uid: string;
  readonly fingerprint: string;
  readonly replicas: number;
  /** Its pods never count as available: a hold let them out. */
  readonly held?: boolean;
  /** Pods that are still to go: until then the Deployment controller counts them as there. */
  readonly surplus?: number;
  /** Ready pods that do not count as available yet. */
  readonly uncounted?: number;
  readonly createFailure?: CreateFailure;
}

/** A workload as decisions see it. */
export interface WorkloadView {
  readonly uid: string;
  readonly fingerprint: string;
  readonly replicas: number;
  readonly paused: boolean;
  readonly recreate: boolean;
  /** False while its controller has not seen the newest spec. */
  readonly settled: boolean;
  /** When we last wrote it, as far as it says; milliseconds since the epoch, 0: never. */
  readonly writtenAt: number;
  readonly hold: Hold;
  /** Bounds as they stand in the object. */
  readonly bounds: Bounds;
  /** The user's own bounds, resolved against `replicas`. */
  readonly user: Bounds;
  /** The user's own progress deadline. */
  readonly progressDeadlineSeconds: number;
  readonly revisions: readonly RevisionView[];
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
  readonly action?: Action;
  /** When to look again although nothing happened; milliseconds since the epoch. */
  readonly recheckAt?: number;
  /** It waits only because nothing was heard of the pods: reading them from the server may decide it. */
  readonly unheard?: true;
}
