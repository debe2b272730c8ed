// SPDX-License-Identifier: Apache-2.0
/**
 * The decisions: synchronous functions of plain data. Seen from a change's life:
 * `mutateWorkload` holds it, `detect` records it, `decide` says what follows, `planDeployment` says
 * which writes that takes. Nothing here reads a clock, waits, or talks to anybody.
 */
export { allow, deny, type Request, type Review } from './admission/review.ts';
export { withProvenDecision } from './admission/person.ts';
export { readStamp, writeStamp, type Stamp } from './admission/stamp.ts';
export { stampDecision, validatePolicy, validateRecord } from './admission/records.ts';
export {
  PATHS,
  isSameConfiguration,
  webhooksFor,
  type WebhookOptions,
  type WebhookPlace,
} from './admission/webhook-configuration.ts';
export { mutateReplicaSet } from './admission/replica-set.ts';
export {
  mutateWorkload,
  validateWorkload,
  type Refusal,
  type WorkloadContext,
} from './admission/workload.ts';
export {
  AT_REST,
  HELD,
  formatReleaseCap,
  isInFlight,
  parseReleaseCap,
  type ReleaseCap,
} from './cap/annotation.ts';
export { clampReplicas, type ReplicaSetWrite } from './cap/clamp.ts';
export { nativePolicies, type NativeKind, type NativePolicy } from './cap/native-policies.ts';
export { decide } from './change/decide.ts';
export { detect, type DetectInput, type Seen } from './change/detect.ts';
export type {
  BatchRecord,
  Decision,
  Goal,
  Observation,
  PodView,
  RevisionView,
  WorkloadView,
} from './change/model.ts';
export { changeName } from './change/name.ts';
export { conditionsOf, isOver, statusOf } from './change/status.ts';
export { isOfUnknownVersion } from './change/unknown-version.ts';
export {
  accountingFor,
  byTurn,
  isWayBack,
  wasVerified,
  type Replacement,
} from './change/verified.ts';
export { judgePods, type Finding, type PodHealthInput } from './check/pod-health.ts';
export {
  becameReady,
  hasConfigError,
  isLeaving,
  lostReadiness,
  running,
  viewPod,
  type PodSights,
} from './check/pod-view.ts';
export { countRestarts, hasRestartRules, type RestartCounts } from './check/restart-rules.ts';
export { explainErrors, type FieldError } from './policy/field.ts';
export {
  futility,
  governing,
  mismatch,
  selects,
  type Candidate,
  type GoodPolicy,
} from './policy/match.ts';
export { parsePolicy, type ParsedPolicy, type PolicyPlace } from './policy/validate.ts';
export { diffTemplates, type Diff } from './revision/diff.ts';
export {
  bare,
  canonical,
  digest,
  fingerprint,
  refusalFingerprint,
} from './revision/fingerprint.ts';
export { seal, signWith, unseal, type Sign } from './revision/seal.ts';
export { batchTargets, userBounds, type Bounds } from './workload/batches.ts';
export {
  POD_TEMPLATE_HASH,
  heldFrom,
  revisionOf,
  viewDeployment,
  type Tools,
} from './workload/observe.ts';
export { legacyRestore } from './workload/legacy-hold.ts';
export { isRestored, ownershipOf, restoreOwnership } from './workload/ownership.ts';
export type { PatchOp, Write } from './workload/patch.ts';
export { planDeployment } from './workload/plan.ts';
export { restGoal } from './workload/rest.ts';
export {
  imagesOf,
  type ContainerRules,
  type ContainerStatus,
  type Deployment,
  type Pod,
  type ReplicaSet,
  type Template,
} from './workload/types.ts';
