// SPDX-License-Identifier: Apache-2.0
/**
 * The API contract: its names, and a zod schema for each kind of `altershield.io/v1alpha1`. The
 * schema is the source of the kind's TypeScript type, CustomResourceDefinition and parser.
 */
export { API_VERSION, GROUP, VERSION, toCrd, type KindDefinition } from './kind.ts';
export { ANNOTATIONS, EXEMPT_NAMESPACES, FIELD_MANAGER, LABELS } from './names.ts';
export { OBJECT_NAMES } from './permissions.ts';
export {
  CHANGE_APPROVALS,
  CHANGE_CHECKS,
  CHANGE_PODS,
  CHANGE_POLICIES,
  CHANGE_WORKLOADS,
  KINDS,
  METRIC_SOURCES,
} from './resources.ts';
export {
  APPROVAL_REASONS,
  CHECK_REASONS,
  EVENT_REASONS,
  METRIC_SOURCE_REASONS,
  POLICY_REASONS,
  REASONS,
  type ApprovalReason,
  type CheckReason,
  type EventReason,
  type MetricSourceReason,
  type PolicyReason,
  type Reason,
} from './reasons.ts';
export {
  DECISIONS,
  VERDICTS,
  type DecisionAction,
  type DeepReadonly,
  type ObjectMeta,
  type CustomResource,
  type Verdict,
} from './v1alpha1/common.ts';
export {
  ChangePolicyKind,
  MODES,
  ON_FAIL,
  ON_INCONCLUSIVE,
  changePolicySpec,
  type ChangePolicy,
  type ChangePolicySpec,
  type ChangePolicyStatus,
} from './v1alpha1/change-policy.ts';
export {
  ChangeCheckKind,
  changeCheckSpec,
  type ChangeCheck,
  type ChangeCheckSpec,
} from './v1alpha1/change-check.ts';
export { STRATEGIES } from './v1alpha1/release.ts';
export {
  ChangeWorkloadKind,
  MAX_DECISIONS,
  MAX_EDITED_NAMES,
  MAX_EDITS,
  OPERATIONS,
  PHASES,
  changeWorkloadSpec,
  changeWorkloadStatus,
  type Actor,
  type Cause,
  type ChangeWorkload,
  type ChangeWorkloadSpec,
  type ChangeWorkloadStatus,
  type RecordedHold,
  type Difference,
  type InPlaceEdit,
  type PastDecision,
  type Phase,
} from './v1alpha1/change-workload.ts';
export {
  ChangeApprovalKind,
  changeApprovalSpec,
  type ChangeApproval,
  type ChangeApprovalSpec,
  type ChangeApprovalStatus,
} from './v1alpha1/change-approval.ts';
export {
  MetricSourceKind,
  metricSourceSpec,
  type MetricSource,
  type MetricSourceSpec,
  type MetricSourceStatus,
} from './v1alpha1/metric-source.ts';
export {
  ChangePodKind,
  MAX_CHART_POINTS,
  MAX_COMPARED,
  POD_PHASES,
  changePodSpec,
  changePodStatus,
  type ChangePod,
  type ChangePodSpec,
  type ChangePodStatus,
  type CheckResult,
  type Evidence,
  type PodPhase,
} from './v1alpha1/change-pod.ts';
