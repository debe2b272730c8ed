// SPDX-License-Identifier: Apache-2.0

/** Why a change is in its phase. One sentence each; the reference page is made from them. */
export const REASONS = {
  AwaitingRelease: 'Held at admission; no pod of the new revision exists yet.',
  PausedByOwner: 'The owner paused the workload; the change waits until the owner resumes it.',
  BatchReleasing: 'Pods of the batch are being let out.',
  Verified: 'Every batch passed; this revision is the one to roll back to from now on.',
  Released:
    'Everything is out, though not every batch was judged healthy; not a revision to go back to.',
  NoReplicas:
    'The workload is scaled to zero: the change waits, held, until there are pods to judge.',
  CheckFailed: 'A check failed, with the evidence in the ChangePod.',
  CheckInconclusive: 'A check could neither pass nor fail; the policy suspends such changes.',
  ReadyDeadlineExceeded: 'Pods of the batch were not ready in time; what there is was judged.',
  RequestedByUser: 'A person asked for it.',
  RevertedByUser: 'The owner put the verified revision back; it was let through at once.',
  RolledBack: 'The last verified revision runs again; the refused one is quarantined.',
  RollbackIncomplete:
    'The rollback was written but the pods of the verified revision did not come back.',
  NoVerifiedRevision: 'There is no revision that was proven good, so nothing to roll back to.',
  RollbackLimit:
    'Too many automatic rollbacks of this workload, or in the cluster, within an hour; a person decides.',
  WriteDenied:
    'The API server denied a write of the operator, and repeating it does not help; the message has its text. Nothing more is released until a user decides.',
  AlteredByAdmission:
    'Another admission plug-in altered the pod template in a write of the operator; releasing it would start over for ever.',
  QuarantinedRevision: 'A refused revision was applied past admission and is taken back.',
  Superseded: 'A newer revision took over.',
  WorkloadDeleted: 'The workload was deleted, or another object has its name now.',
  NewWorkload: 'A new workload has no revision to go back to; it is judged and left alone.',
  Observing: 'The change is recorded and judged, nothing is touched.',
} as const;

export type Reason = keyof typeof REASONS;

/** Why a policy is ready, or not: reasons of its condition `Ready`. Its message says the rest. */
export const POLICY_REASONS = {
  Valid: 'The policy governs workloads.',
  GovernsNothing: 'The policy is right, but governs nothing now; the message says why.',
  Exempt: 'What the policy asks for is exempt from every policy, so that it can govern nothing.',
  Invalid: 'The policy is wrong and governs nothing; the message has every problem with its cure.',
} as const;

export type PolicyReason = keyof typeof POLICY_REASONS;
