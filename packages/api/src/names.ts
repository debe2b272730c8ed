// SPDX-License-Identifier: Apache-2.0

/** Names and limits that are part of the API contract. */
export const ANNOTATIONS = {
  /** On a workload held through borrowed fields: the user's fields, signed. */
  hold: 'altershield.io/hold',
  /** On a workload: the user of the newest template change, signed. Written at admission. */
  actor: 'altershield.io/actor',
  /** On a Deployment and its ReplicaSets: pods allowed per revision. Written by the operator. */
  release: 'altershield.io/release',
  /** On a Service: the only revision that it selects until its change ends, by its hash. */
  traffic: 'altershield.io/traffic',
  /** On a trial Job of a CronJob: the change that it tries, signed. */
  trial: 'altershield.io/trial',
  /** On a ChangeWorkload: the operator's signature of its spec. */
  signature: 'altershield.io/signature',
} as const;

export const LABELS = {
  /** On ChangeWorkloads and ChangePods: the uid of the workload. */
  targetUid: 'altershield.io/target-uid',
  /** On ChangePods: the name of their ChangeWorkload. */
  change: 'altershield.io/change',
  /** On a namespace: `ignore` excludes it from every policy. */
  admission: 'altershield.io/admission',
} as const;

export const FIELD_MANAGER = 'altershield';

/** Namespaces that no policy matches unless its `namespaceSelector` names them. */
export const EXEMPT_NAMESPACES: readonly string[] = ['kube-system'];
