// SPDX-License-Identifier: Apache-2.0
import type {
  ChangeApproval,
  ChangePod,
  ChangePolicy,
  ChangeWorkload,
  ChangeCheck,
  MetricSource,
} from '@altershield/api';
import type { HttpRoute, Pod, ReplicaSet, Service } from '@altershield/core';
import type { KubeObject, LabelSelector } from '@altershield/kube';

export type PolicyObject = KubeObject & ChangePolicy;
export type ChangeObject = KubeObject & ChangeWorkload;
export type ApprovalObject = KubeObject & ChangeApproval;
export type CheckObject = KubeObject & ChangeCheck;
export type MetricSourceObject = KubeObject & MetricSource;
export type ChangePodObject = KubeObject & ChangePod;
/** An object of a kind that AlterShield follows. */
export type WorkloadKubeObject = KubeObject & {
  readonly spec: { readonly selector?: LabelSelector };
  /** The field managers of its template: see `ownershipOf`. In memory only. */
  readonly ownership?: string;
};
export type ReplicaSetObject = KubeObject & ReplicaSet;
export type ServiceObject = KubeObject & Service;
export type HttpRouteObject = KubeObject & HttpRoute;
export type PodObject = KubeObject &
  Pod & {
    /** Its images, resources and ephemeral containers: see `editableText`. In memory only. */
    readonly editable?: string;
  };
