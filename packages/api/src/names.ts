// SPDX-License-Identifier: Apache-2.0

/** AlterShield's annotations and labels, the field manager, and limits that are part of the contract. */
export const ANNOTATIONS = {
  /** On a workload that is held by fields of its user: the user's own values, signed. */
  hold: 'altershield.io/hold',
  /** On a workload: who made the newest change of its template, signed. Written at admission. */
  actor: 'altershield.io/actor',
  /** On a Deployment and its ReplicaSets: which revision may have how many pods. Written by the operator. */
  release: 'altershield.io/release',
  /** On a ChangeWorkload: the operator's signature of its spec. */
  signature: 'altershield.io/signature',
} as const;

export const LABELS = {
  /** On ChangeWorkloads and ChangePods: the uid of the workload. */
  targetUid: 'altershield.io/target-uid',
  /** On ChangePods: the name of their ChangeWorkload. */
  change: 'altershield.io/change',
  /** On a namespace: `ignore` takes it out of every policy. */
  admission: 'altershield.io/admission',
} as const;

export const FIELD_MANAGER = 'altershield';

/** Namespaces that no policy matches unless its `namespaceSelector` names them. */
export const EXEMPT_NAMESPACES: readonly string[] = ['kube-system'];
