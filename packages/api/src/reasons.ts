// SPDX-License-Identifier: Apache-2.0

/** Reasons for the phase of a change. The reference page is generated from these sentences. */
export const REASONS = {
  AwaitingRelease: 'The change is held: no pod of the new revision is released yet.',
  AwaitingApproval:
    'The policy asks for approval: no more pods are released until enough users approve.',
  PausedByUser: 'The user paused the workload; the change waits until the user resumes it.',
  BatchReleasing: 'Pods of the batch are released and checked.',
  Verified: 'Every batch passed; the revision is the new rollback target.',
  CompletedUnverified:
    'All pods are released, but not every batch passed; the revision is not a rollback target.',
  NoReplicas:
    'The workload is scaled to zero; the change stays held until there are pods to check.',
  PausedAfterStep:
    'The step passed, and the policy pauses the change after it; `altershield resume` continues.',
  CheckFailed: 'A check failed, with the evidence in the ChangePod.',
  CheckInconclusive: 'A check could neither pass nor fail; the policy suspends such changes.',
  SlowToBecomeReady:
    'A pod is unready for many times longer than stable pods needed. The change goes on by itself when it is ready, and fails at the deadline.',
  ReadyDeadlineExceeded:
    'Pods of the batch were not ready in time; the existing pods were checked.',
  RequestedByUser: 'A user requested the rollback, or the pause.',
  Rejected: 'A user rejected the change; it is rolled back.',
  RevertedByUser: 'The user applied the verified revision again; it was released at once.',
  RolledBack: 'The last verified revision runs again; the bad one is quarantined.',
  RollbackIncomplete:
    'The rollback was written, but the pods of the verified revision did not become ready.',
  NoVerifiedRevision: 'There is no verified revision to roll back to.',
  RollbackLimit:
    'Too many automatic rollbacks of this workload, or in the cluster, within an hour; a user decides.',
  WriteDenied:
    'The API server permanently denied a write of the operator; the message has its text. No further pods are released until a user decides.',
  CannotMove:
    'The workload cannot be released by its strategy; the message says why. No pods are replaced until a user decides.',
  AlteredByAdmission:
    'Another admission plug-in altered the pod template in a write of the operator; releasing it would restart the rollout each time.',
  QuarantinedRevision: 'A quarantined revision bypassed admission and is rolled back.',
  Superseded: 'A newer revision was applied before this change ended.',
  WorkloadDeleted: 'The workload was deleted, or another object has its name now.',
  NewWorkload: 'A new workload has no revision to roll back to; it is observed only.',
  RecordedOnly:
    'No controller owns the object: the change is recorded, and neither held nor judged.',
  ObserveOnly: 'The change is checked and recorded, never modified.',
} as const;

export type Reason = keyof typeof REASONS;

/** Reasons of a policy's condition `Ready`; the message of the condition has the details. */
export const POLICY_REASONS = {
  Valid: 'The policy matches workloads.',
  NoMatchingWorkloads: 'The policy is valid, but matches no workload now; the message says why.',
  Exempt: 'The namespace of the policy is exempt from every policy, so it can match no workload.',
  InvalidQuery:
    'The policy matches workloads, but its metric source does not accept a query; the message says why.',
  Invalid: 'The policy is invalid and matches nothing; the message has every error with a hint.',
} as const;

export type PolicyReason = keyof typeof POLICY_REASONS;

/** Reasons of the condition `Effective` of a ChangeApproval. */
export const APPROVAL_REASONS = {
  Counted: 'The approval counts; the change goes on when there are enough.',
  CarriedOut: 'The decision was carried out.',
  NotApplicable: 'The decision did not fit the state of the change; nothing followed.',
  Expired: 'The approval was not used in time.',
  ByAuthor: 'The user who made the change may not approve it.',
  NotInGroup: 'The user is in none of the groups that must approve.',
  Unsigned: 'Admission did not see the approval, so its author is not known.',
  NotNeeded: 'The policy asks for no approval of this change.',
  BatchFinished: 'The batch is released already.',
  UnknownBatch: 'The change has no such batch.',
  UnknownChange: 'There is no such change.',
  ChangeOver: 'The change has ended.',
} as const;

export type ApprovalReason = keyof typeof APPROVAL_REASONS;

/** Reasons of the condition `Ready` of a MetricSource. */
export const METRIC_SOURCE_REASONS = {
  Reachable: 'The source answers queries.',
  Unreachable: 'The source does not answer queries; the message says why.',
  Unauthorized: 'The source rejects the credentials.',
  SecretUnavailable:
    'A Secret does not exist, has no such key, or the operator may not read it; the message has the command that permits it.',
  Invalid: 'The spec is not valid; the message says why.',
} as const;

export type MetricSourceReason = keyof typeof METRIC_SOURCE_REASONS;

/** Reasons of the Events on a workload. Their messages begin with the name of the change. */
export const EVENT_REASONS = {
  ChangeStarted: 'The first pods of the new revision are released, or are being observed.',
  ChangeAwaitingApproval: 'No further pods are released until enough users approve.',
  ChangeSuspended: 'No further pods of the change are released until a user decides.',
  ChangeRollingBack: 'The change is being rolled back to the verified revision.',
  ChangeSucceeded: 'All pods of the new revision are released.',
  ChangeFailed: 'The change, or its rollback, failed.',
  ChangeRolledBack: 'The verified revision runs again.',
  ChangeSuperseded: 'A newer revision was applied before the change ended.',
  UnknownVersion:
    'The change has a value that this version of AlterShield does not know, so it is not modified.',
  EditedInPlace:
    'A pod or a ReplicaSet of the workload was edited in place: it differs from the template.',
  RevisionDenied:
    'Admission denied a write: its revision is quarantined, or a rule of the policy is false.',
} as const;

export type EventReason = keyof typeof EVENT_REASONS;

/** Reasons of checks; all others come from the kubelet, a controller or a plug-in. */
export const CHECK_REASONS = {
  NoReplicas: 'There are no pods to check.',
  AwaitingReady: 'Pods of the batch are not ready yet.',
  ReadyDeadlineExceeded: 'Pods of the batch were not ready in time, for no reported reason.',
  StepDeadlineExceeded: 'The step did not pass within its `deadlineSeconds`.',
  Soaking: 'All pods of the batch are ready and are watched for the soak time.',
  Healthy: 'All pods of the batch were ready for the soak time.',
  Accepted: 'A user accepted the pods of the batch despite their state.',
  Restarts: 'A container restarted more often than `maxRestarts` allows.',
  ReadinessFlapping: 'A pod lost readiness more often than `maxReadinessLosses` allows.',
  ReadinessLost: 'A pod lost readiness and was not ready again in time.',
  NeverReady: 'A pod did not become ready in time.',
  SlowToBecomeReady: 'A pod is unready for many times longer than stable pods needed.',
  Unschedulable: 'A pod was not scheduled in time.',
  RunSucceeded: 'The run of the revision succeeded.',
  RunFailed: 'The run of the revision failed, as its Job says.',
  RunInProgress: 'The run of the revision has not ended yet.',
  AwaitingRun: 'The revision has not run yet.',
  AwaitingPods: 'The check starts once all pods of the batch are ready.',
  Observing: 'The metric is observed; nothing is wrong so far.',
  MetricHealthy: 'The metric stayed within its limits for the observation time.',
  NoShift: 'The metric did not worsen.',
  Worsened: 'The metric of the updated pods worsened.',
  SmallEffect: 'The metric shifted by less than `minEffect`.',
  AlsoInStable: 'The metric worsened in stable pods as well, so the change is not blamed.',
  TooFewSamples: 'There are too few values of the updated pods.',
  TooLittleTraffic: 'The updated pods serve too few requests to compare them.',
  NoReference: 'There are no earlier values and no stable pods to compare with.',
  SignalAbsent: 'The metric source does not have this signal.',
  AboveMaximum: 'The metric is above its `max`.',
  BelowMinimum: 'The metric is below its `min`.',
  NoData: 'The query returned no values for the pods of the batch.',
  CheckUnusable: 'There is no such ChangeCheck, or it lacks arguments; the message says which.',
  SourceUnavailable: 'The metric source did not answer, or answered with an error.',
  InvalidQuery: 'The metric source does not accept the query.',
  PluginAsked: 'The plug-in has not answered yet.',
  PluginAnswered: 'The plug-in answered without a reason.',
  PluginUnavailable:
    'The plug-in did not answer, or its answer is not valid; the message says why.',
  RuleHolds: 'The expression of the rule is true.',
  RuleBroken: 'The expression of the rule is false.',
  RuleError: 'The rule could not be evaluated, so it neither passes nor fails.',
  QuotaExceeded: 'A quota does not allow the pods of the batch to be created.',
} as const;

export type CheckReason = keyof typeof CHECK_REASONS;
