// SPDX-License-Identifier: Apache-2.0
/**
 * The decisions: synchronous functions over plain data. In the life of a change, `mutateWorkload`
 * holds it, `detect` records it, `decide` chooses the next goal, and the adapter's `plan` returns
 * the writes for that goal. Nothing here reads a clock, waits or does I/O.
 */
export { allow, deny, type Request, type Review } from './admission/review.ts';
export {
  admitApproval,
  needsApprover,
  type ApprovalContext,
  type NewApproval,
} from './admission/approval-validation.ts';
export { withVerifiedAuthor } from './admission/approval-signature.ts';
export { unknownChange, isAnswered } from './change/approval-answer.ts';
export {
  readActorAnnotation,
  writeActorAnnotation,
  type ActorAnnotation,
} from './hold/actor-annotation.ts';
export { validatePolicy, validateRecord } from './admission/record-validation.ts';
export {
  PATHS,
  isSameConfiguration,
  webhooksFor,
  type WebhookOptions,
  type WebhookTarget,
} from './admission/webhook-configuration.ts';
export { editOf, templateText, type ReviewedEdit } from './admission/in-place-edit.ts';
export { mutateReplicaSet } from './admission/replica-set.ts';
export {
  mutateWorkload,
  validateWorkload,
  type QuarantineInfo,
  type WorkloadContext,
} from './admission/workload.ts';
export {
  AT_REST,
  HELD,
  formatReleaseCap,
  isInFlight,
  parseReleaseCap,
  type ReleaseCap,
} from './workload/deployment/cap/annotation.ts';
export { clampReplicas, type ReplicaSetWrite } from './workload/deployment/cap/clamp.ts';
export {
  nativePolicies,
  type NativeKind,
  type NativePolicy,
} from './workload/deployment/cap/native-policies.ts';
export { templateOf } from './workload/adapter.ts';
export { decide } from './change/decide.ts';
export { eventOf, unknownVersionEvent, type ChangeEvent } from './change/event.ts';
export { isQuarantined, isTargetQuarantined, quarantineOf } from './change/quarantine.ts';
export { expiredRecords } from './change/retention.ts';
export { recentRollbacks, windowEndsAt } from './change/rollback-limit.ts';
export { mergePatch } from './json/merge-patch.ts';
export { countWorkloads, summarizeMismatches } from './policy/mismatch-summary.ts';
export { detect, type DetectInput, type LastObserved } from './change/detect.ts';
export type { ApprovalAnswer, BatchRecord, Decision, Observation } from './change/observation.ts';
export type { Goal } from './workload/goal.ts';
export { expand } from './check/metric-query.ts';
export type { PodView } from './check/pod-view.ts';
export type { RevisionView, WorkloadView } from './workload/view.ts';
export {
  differenceText,
  editDiff,
  editText,
  editorText,
  newEdits,
  withEdit,
  type SeenEdit,
} from './change/in-place-edit.ts';
export { editorFromManagedFields, editorsOf } from './hold/actor.ts';
export { editableText, subresourceOfEdit } from './revision/editable.ts';
export { lacksPods } from './change/batch.ts';
export { bareFingerprint, recordBare } from './change/bare-object.ts';
export { RECORDED_KINDS } from './workload/recorded-kinds.ts';
export { batchName, changeName } from './change/name.ts';
export { isEnforced, isHeld, strategyOf } from './change/enforcement.ts';
export { contentOf } from './revision/content.ts';
export { TRAFFIC_RESOURCES } from './workload/traffic/restore.ts';
export type { Service } from './workload/traffic/service.ts';
export { HTTP_ROUTE, type HttpRoute } from './workload/traffic/http-route.ts';
export { strategyFor, usesSteps, type Strategy } from './policy/strategy.ts';
export { batchConditionsOf, conditionsOf, isOver, phaseOf, statusOf } from './change/status.ts';
export { isOfUnknownVersion } from './change/unknown-version.ts';
export { holdInFlight, recordedHold } from './change/recorded-hold.ts';
export {
  currentRecord,
  byEffectiveOrder,
  isRevert,
  wasVerified,
  type Replacement,
} from './change/history.ts';
export type {
  Answer,
  CheckRequest,
  QueryAnswer,
  QueryRead,
  RangeQuery,
  Reading,
  Readings,
  TimeSeries,
  WebhookRead,
} from './check/request.ts';
export { parseWebhookAnswer, type WebhookAnswer } from './check/webhook-answer.ts';
export { withUsedChecks } from './check/used-checks.ts';
export { judgePods, type CheckOutcome, type PodHealthInput } from './check/pod-health.ts';
export {
  becameReady,
  hasConfigError,
  isTerminating,
  lostReadiness,
  activePods,
  viewPod,
  type PodObservations,
} from './check/observe-pod.ts';
export { countRestarts, hasRestartRules, type RestartCounts } from './check/restart-rules.ts';
export { explainErrors, type FieldError } from './policy/field.ts';
export {
  exemptionReason,
  policyFor,
  mismatch,
  selects,
  type Candidate,
  type ValidPolicy,
  matchesKind,
} from './policy/match.ts';
export { parsePolicy, type ParsedPolicy, type PolicyScope } from './policy/validate.ts';
export {
  explainProblem,
  type Rule,
  type RuleEngine,
  type RuleProblem,
  type RuleResult,
} from './policy/rule-engine.ts';
export { diffTemplates, type Diff } from './revision/diff.ts';
export {
  POD_TEMPLATE_HASH,
  fingerprint,
  isSameTemplate,
  quarantineKey,
  withoutTemplateHash,
} from './revision/fingerprint.ts';
export { canonicalJson, shortHash } from './json/canonical.ts';
export { sign, signWith, verify, type Signer } from './hold/signature.ts';
export { batchesOf, canaryPods, stepsFor, type Step } from './policy/steps.ts';
export { userBounds, type Bounds } from './workload/deployment/bounds.ts';
export {
  DESIRED_REPLICAS,
  viewDeployment,
  type DeploymentView,
} from './workload/deployment/observe.ts';
export { candidateKind } from './workload/adapter.ts';
export type {
  APIResource,
  KindDescriptor,
  PatchWrite,
  RelatedObject,
  Snapshot,
  Subject,
  Signing,
  WorkloadAdapter,
  Write,
} from './workload/adapter.ts';
export {
  ADAPTERS,
  POLICY_KINDS,
  adapterNamed,
  adapterOf,
  adapterOfTarget,
  groupKind,
  groupOf,
  withoutOptional,
} from './workload/registry.ts';
export {
  BASE_RULES,
  OPERATOR_RULES,
  OWN_NAMESPACE_RULES,
  rulesOf,
  type PolicyRule,
} from './workload/permissions.ts';
export { valueAt } from './json/patch.ts';
export { revisionOf } from './workload/view.ts';
export type { WorkloadObject } from './json/objects.ts';
export { STATEFUL_SET } from './workload/stateful-set/descriptor.ts';
export { REVISION_LABEL } from './workload/stateful-set/observe.ts';
export { isRestored, ownershipOf, restoreOwnership } from './workload/ownership.ts';
export type { PatchOp } from './json/patch.ts';
export { restGoal } from './change/rest.ts';
export { imagesOf } from './revision/images.ts';
export { type ContainerRules, type ContainerStatus, type Pod } from './check/pod.ts';
export { type Deployment, type ReplicaSet } from './workload/deployment/objects.ts';
export { type Template } from './json/objects.ts';
export { comparison } from './detect/comparison.ts';
export type { Detection, Detector, DetectorInput, Series } from './detect/detector.ts';
export {
  CORRECTED,
  ORIGINAL,
  monitorCheck,
  type MonitorCheckAnswer,
  type MonitorCheckDefects,
} from './detect/monitor-check/monitor-check.ts';
export { kSigma } from './detect/k-sigma.ts';
export { kayenta, kayentaScore } from './detect/kayenta/kayenta.ts';
export { blame, type Blame, type BlameInput, type OtherChange } from './detect/blame.ts';
export { neverReady, type NeverReady } from './detect/never-ready.ts';
export { monitorCheckDetector } from './detect/monitor-check/detector.ts';
