// SPDX-License-Identifier: Apache-2.0
import type {
  ChangePod,
  ChangePodSpec,
  ChangePodStatus,
  ChangeWorkload,
  ChangeWorkloadStatus,
} from '@altershield/api';
import type { PodView } from '../check/pod-view.ts';
import type { Goal } from '../workload/goal.ts';
import type { WorkloadView } from '../workload/view.ts';

/** Everything `decide` may look at, gathered once per reconcile. */
export interface Observation {
  readonly now: number;
  /** Up to when the pods are known: what did not happen since may only not have been heard. Default: now. */
  readonly currentAsOf?: number;
  readonly change: ChangeWorkload;
  /** The record of the batch in progress, once it exists. */
  readonly batch: ChangePod | undefined;
  readonly workload: WorkloadView | undefined;
  /** Pods of the revision that is being released; like `stable` without those that ended. */
  readonly updated: readonly PodView[];
  /** Pods of all other revisions. */
  readonly stable: readonly PodView[];
  /** What a verdict looks at, where it differs: pods that ended, and of `stable` only the revision to go back to. */
  readonly evidence?: {
    readonly updated: readonly PodView[];
    readonly stable: readonly PodView[];
  };
  /** Automatic rollbacks of this workload within the last hour, other changes' only. */
  readonly recentRollbacks: number;
  /** The same in the whole cluster, and how many are allowed there. Default: no limit. */
  readonly clusterRollbacks?: { readonly recent: number; readonly allowed: number };
  /** Number of the newest change of this workload. Default: this one. */
  readonly newest?: number;
  /** True when the revision was refused before and is applied again. */
  readonly isQuarantined: boolean;
  /** True when the revision to go back to was refused meanwhile. */
  readonly isTargetQuarantined?: boolean;
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
  readonly needsPodListing?: true;
}
