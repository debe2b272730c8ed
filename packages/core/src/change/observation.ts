// SPDX-License-Identifier: Apache-2.0
import type {
  ApprovalReason,
  ChangeApproval,
  ChangePod,
  ChangePodSpec,
  ChangePodStatus,
  ChangeWorkload,
  ChangeWorkloadStatus,
} from '@altershield/api';
import type { PodView } from '../check/pod-view.ts';
import type { CheckRequest, Readings } from '../check/request.ts';
import type { RuleEngine } from '../policy/rule-engine.ts';
import type { Goal } from '../workload/goal.ts';
import type { WorkloadView } from '../workload/view.ts';

/** The input of `decide`, gathered once per reconcile. */
export interface Observation {
  readonly now: number;
  /**
   * The pod cache is current up to this time; later events may not have arrived yet. Default: now.
   */
  readonly currentAsOf?: number;
  readonly change: ChangeWorkload;
  /** The record of the batch in progress, once it exists. */
  readonly batch: ChangePod | undefined;
  /** Decisions of users on the change; those whose author is not proven have none. */
  readonly approvals?: readonly ChangeApproval[];
  readonly workload: WorkloadView | undefined;
  /** Active pods of the revision being released. */
  readonly updated: readonly PodView[];
  /** Active pods of all other revisions. */
  readonly stable: readonly PodView[];
  /**
   * Pods for the verdict, where they differ: including terminated ones, and in `stable` only those
   * of the rollback target.
   */
  readonly evidence?: {
    readonly updated: readonly PodView[];
    readonly stable: readonly PodView[];
  };
  /** Automatic rollbacks of this workload within the last hour, excluding this change. */
  readonly recentRollbacks: number;
  /** Automatic rollbacks in the whole cluster, and the limit. Default: no limit. */
  readonly clusterRollbacks?: { readonly recent: number; readonly allowed: number };
  /** Sequence number of the newest change of this workload. Default: this one. */
  readonly newest?: number;
  /** True when the revision is quarantined and was applied again. */
  readonly isQuarantined: boolean;
  /** True when the rollback target has been quarantined since. */
  readonly isTargetQuarantined?: boolean;
  /**
   * When this process started to observe the change: deadlines for missing pods start no earlier.
   * Default: always observed.
   */
  readonly since?: number;
  /**
   * Since when this process has seen that pods are missing which the controller may create. Default:
   * since the batch was released.
   */
  readonly missingSince?: number;
  /**
   * Since when this process has seen that the workload's controller has observed the newest spec.
   * Default: always.
   */
  readonly observedSince?: number;
  /** This process has not written anything for the change yet. */
  readonly isFirstLook?: boolean;
  /** There is a default MetricSource for the workload's namespace. Default: no. */
  readonly hasDefaultSource?: boolean;
  /** What was read from outside for the checks of the batch in progress. Default: nothing. */
  readonly readings?: Readings;
  /** The workload itself, for rules. */
  readonly object?: unknown;
  /** Evaluates the rules of the policy; absent: it has none. */
  readonly ruleEngine?: RuleEngine | undefined;
  /** Why the API server permanently denied the operator's last write; absent: it did not. */
  readonly denial?: string;
}

export interface BatchRecord {
  readonly index: number;
  readonly spec: Omit<ChangePodSpec, 'change' | 'target'>;
  /** Absent until there is a verdict. */
  readonly status?: ChangePodStatus;
}

/** What the operator says in the status of a ChangeApproval: its condition `Effective`. */
export interface ApprovalAnswer {
  readonly approval: ChangeApproval;
  readonly status: 'True' | 'False';
  readonly reason: ApprovalReason;
  readonly message: string;
}

export interface Decision {
  readonly status: ChangeWorkloadStatus;
  readonly batch?: BatchRecord;
  readonly goal?: Goal;
  /** Answers to users' decisions, written after the status. */
  readonly answers?: readonly ApprovalAnswer[];
  /** When to reconcile again without an event; milliseconds since the epoch. */
  readonly recheckAt?: number;
  /** The verdict waits only for newer pod data: listing the pods from the server may settle it. */
  readonly needsPodListing?: true;
  /** What the checks need from outside; the decision is made again when it has been read. */
  readonly requests?: readonly CheckRequest[];
}
