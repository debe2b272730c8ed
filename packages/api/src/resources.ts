// SPDX-License-Identifier: Apache-2.0
import { GROUP, VERSION } from './kind.ts';
import { ChangeApprovalKind } from './v1alpha1/change-approval.ts';
import { ChangeCheckKind } from './v1alpha1/change-check.ts';
import { ChangePodKind } from './v1alpha1/change-pod.ts';
import { ChangePolicyKind } from './v1alpha1/change-policy.ts';
import { ChangeWorkloadKind } from './v1alpha1/change-workload.ts';
import { MetricSourceKind } from './v1alpha1/metric-source.ts';

/** Every kind of AlterShield, in the order of the documentation. */
export const KINDS = [
  ChangePolicyKind,
  ChangeWorkloadKind,
  ChangePodKind,
  ChangeApprovalKind,
  ChangeCheckKind,
  MetricSourceKind,
] as const;

/** Where the API server serves a kind. */
const resourceOf = ({ kind, plural }: { readonly kind: string; readonly plural: string }) =>
  ({ group: GROUP, version: VERSION, kind, plural, namespaced: true }) as const;

export const CHANGE_POLICIES = resourceOf(ChangePolicyKind);
export const CHANGE_WORKLOADS = resourceOf(ChangeWorkloadKind);
export const CHANGE_PODS = resourceOf(ChangePodKind);
export const CHANGE_APPROVALS = resourceOf(ChangeApprovalKind);
export const CHANGE_CHECKS = resourceOf(ChangeCheckKind);
export const METRIC_SOURCES = resourceOf(MetricSourceKind);
