// SPDX-License-Identifier: Apache-2.0
import {
  ChangePodKind,
  ChangePolicyKind,
  ChangeWorkloadKind,
  GROUP,
  VERSION,
  type ChangePod,
  type ChangePolicy,
  type ChangeWorkload,
} from '@altershield/api';
import type { Pod, ReplicaSet } from '@altershield/core';
import type { KubeObject, LabelSelector, APIResource } from '@altershield/kube';

const ours = ({
  kind,
  plural,
}: {
  readonly kind: string;
  readonly plural: string;
}): APIResource => ({
  group: GROUP,
  version: VERSION,
  kind,
  plural,
  namespaced: true,
});

export const CHANGE_POLICIES = ours(ChangePolicyKind);
export const CHANGE_WORKLOADS = ours(ChangeWorkloadKind);
export const CHANGE_PODS = ours(ChangePodKind);

export type PolicyObject = KubeObject & ChangePolicy;
export type ChangeObject = KubeObject & ChangeWorkload;
export type ChangePodObject = KubeObject & ChangePod;
/** An object of a kind that AlterShield follows. */
export type WorkloadKubeObject = KubeObject & {
  readonly spec: { readonly selector?: LabelSelector };
  /** The field managers of its template: see `ownershipOf`. In memory only. */
  readonly ownership?: string;
};
export type ReplicaSetObject = KubeObject & ReplicaSet;
export type PodObject = KubeObject & Pod;
