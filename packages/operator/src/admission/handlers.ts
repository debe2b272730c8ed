// SPDX-License-Identifier: Apache-2.0
import { ANNOTATIONS } from '@altershield/api';
import {
  changeName,
  PATHS,
  admitApproval,
  deny,
  editOf,
  needsApprover,
  mutateReplicaSet,
  mutateWorkload,
  quarantineKey,
  quarantineOf,
  validatePolicy,
  validateRecord,
  validateWorkload,
  isRevert,
  holdInFlight,
  POLICY_KINDS,
  adapterOf,
  groupKind,
  templateOf,
  type NewApproval,
  type PolicyScope,
  type QuarantineInfo,
  type ReviewedEdit,
  type ValidPolicy,
  type Request,
  type Review,
  type Snapshot,
  type Signing,
  type WorkloadAdapter,
  type WorkloadContext,
  type WorkloadObject,
} from '@altershield/core';
import {
  keyString,
  type AdmissionHandler,
  type AdmissionHandlers,
  type ObjectKey,
  type AdmissionRequest,
  type AdmissionResponse,
  type Scheduler,
} from '@altershield/kube';
import type { ChangeObject, ReplicaSetObject, WorkloadKubeObject } from '../objects.ts';
import type { WorkloadKey } from '../kinds/followed-kind.ts';
import type { PolicyCache } from '../caches/policy-cache.ts';
import { lastSequence } from '../caches/caches.ts';
import type { DeniedAttemptRecorder } from '../records/denied-attempts.ts';
import { hasRules, type Rules } from '../rules/rule-engine.ts';
import type { AccessReviewer } from './access-review.ts';
import type { SecretPaths } from './paths.ts';

export interface AdmissionDeps {
  readonly policyCache: PolicyCache;
  readonly deniedAttempts: DeniedAttemptRecorder;
  /** The change with this name, whoever wrote it. */
  readonly changeOf: (key: ObjectKey) => ChangeObject | undefined;
  /** The number of decisions on the change. */
  readonly storedDecisions: (change: ObjectKey, uid: string) => number;
  readonly mayApprove: AccessReviewer;
  /** Records of a workload, oldest first. */
  readonly changesOf: (workload: WorkloadKey) => readonly ChangeObject[];
  /** The workload with its related objects from the caches. */
  readonly snapshotOf: (adapter: WorkloadAdapter, object: WorkloadObject) => Snapshot;
  /** The Deployment that owns a ReplicaSet; undefined if it is not cached. */
  readonly deploymentOf: (rs: ReplicaSetObject) => WorkloadKubeObject | undefined;
  /** Called for each edit in place of a pod or a ReplicaSet, before it is stored; not for dry runs. */
  readonly onEdit: (edit: ReviewedEdit) => void;
  readonly signing: Signing;
  readonly paths: SecretPaths;
  readonly operatorNamespace: string;
  readonly scheduler: Pick<Scheduler, 'now'>;
  /** Called for each denied write, not for dry runs. */
  readonly onDenied: (denied: DeniedWrite) => void;
  readonly rules: Rules;
}

/** A write that admission denied. */
export interface DeniedWrite {
  readonly adapter: WorkloadAdapter;
  readonly request: Request<WorkloadObject>;
  readonly message: string;
}

type Json = Readonly<Record<string, unknown>>;

/** Creates the admission handlers by secret path. They answer from memory only. */
export function createHandlers(deps: AdmissionDeps): AdmissionHandlers {
  const place = (namespace: string) => ({
    namespace,
    operatorNamespace: deps.operatorNamespace,
    kinds: POLICY_KINDS,
  });
  const handlers: readonly (readonly [string, AdmissionHandler])[] = [
    [PATHS.mutateWorkload, (r) => workload(r, deps, mutateWorkload)],
    [PATHS.validateWorkload, (r) => workload(r, deps, validateWorkload)],
    [PATHS.mutateReplicaSet, (r) => answer(replicaSet(r, deps))],
    [PATHS.reviewEdit, (r) => editReview(r, deps)],
    [PATHS.validatePolicy, (r) => policyReview(r, place(r.namespace), deps)],
    [PATHS.mutateApproval, (r) => approval(r, deps)],
    [PATHS.validateRecord, (r) => answer(validateRecord(read(r), r.subResource))],
  ];
  return new Map(handlers.map(([path, handler]) => [deps.paths.secret(path), handler]));
}

/** The engine is loaded by the first policy with rules. */
function policyReview(
  admission: AdmissionRequest,
  place: PolicyScope,
  { rules }: AdmissionDeps,
): AdmissionResponse | Promise<AdmissionResponse> {
  const request = read(admission);
  const review = (): AdmissionResponse =>
    answer(validatePolicy(request, { ...place, rules: rules.engine }));
  return hasRules(request.object['spec']) ? rules.load().then(review) : review();
}

/** Asks the API server about the user only where the decision could count. */
async function approval(
  admission: AdmissionRequest,
  deps: AdmissionDeps,
): Promise<AdmissionResponse> {
  const request = read<NewApproval>(admission);
  const key = { namespace: request.namespace, name: request.object.spec.change.name };
  const change = deps.changeOf(key);
  const stored = change === undefined ? 0 : deps.storedDecisions(key, change.metadata.uid);
  const context = { change, stored, now: deps.scheduler.now(), sign: deps.signing.sign };
  const made = admitApproval(request, context);
  if (!made.allowed || !needsApprover(request.object)) return answer(made);
  const refusal = await deps.mayApprove(admission.userInfo, key);
  return answer(refusal === undefined ? made : deny('Forbidden', refusal));
}

type ReviewWorkload = (request: Request<WorkloadObject>, context: WorkloadContext) => Review;

function workload(
  admission: AdmissionRequest,
  deps: AdmissionDeps,
  review: ReviewWorkload,
): AdmissionResponse | Promise<AdmissionResponse> {
  const adapter = adapterOf(admission.kind);
  // Webhooks of a version that followed more kinds may still be registered.
  if (adapter === undefined) return { allowed: true };
  const request = read<WorkloadObject>(admission);
  const key = keyOf(adapter, request);
  const { resource } = adapter.descriptor;
  const { name } = request.object.metadata;
  const policy = policyOf(request, adapter, deps);
  const { rules } = deps;
  // The policy may have come with a watch, or with the start.
  if (rules.engine === undefined && hasRules(policy?.spec)) {
    return rules.load().then(() => workload(admission, deps, review));
  }
  const made = review(request, {
    ...{ adapter, policy },
    rules: { engine: rules.engine, now: deps.scheduler.now() },
    quarantineOf: (fingerprint) => infoOf(quarantinedBy(key, fingerprint, deps)),
    isRevert: (replacement) => isRevert(deps.changesOf(key), replacement),
    snapshotOf: (object) => deps.snapshotOf(adapter, object),
    recordedHold: (object) => holdInFlight(deps.changesOf(key), object),
    // Only changes have a name; most writes are not changes.
    get nextChange() {
      return changeName(resource.kind, name, lastSequence(deps.changesOf(key)) + 1);
    },
    signing: deps.signing,
  });
  if (!made.allowed && !admission.dryRun)
    recordDenied({ adapter, request, message: made.message }, deps);
  return answer(made);
}

const quarantinedBy = (
  workload: WorkloadKey,
  revision: string,
  { changesOf, scheduler }: AdmissionDeps,
): ChangeObject | undefined => quarantineOf(changesOf(workload), revision, scheduler.now());

const infoOf = (change: ChangeObject | undefined): QuarantineInfo | undefined =>
  change && {
    change: change.metadata.name,
    why: change.status?.message ?? '',
    until: change.status?.quarantine?.until ?? '',
  };

const keyOf = (
  { descriptor }: WorkloadAdapter,
  { namespace, object }: Request<WorkloadObject>,
): WorkloadKey => ({
  kind: groupKind(descriptor.resource),
  namespace,
  name: object.metadata.name,
});

/** Also matches the old labels: a write that removes the matched label is still reviewed. */
function policyOf(
  { object, oldObject, namespace }: Request<WorkloadObject>,
  { descriptor: { resource } }: WorkloadAdapter,
  { policyCache }: AdmissionDeps,
): ValidPolicy | undefined {
  const of = ({ metadata }: WorkloadObject) => policyCache.policyFor(resource, metadata, namespace);
  return of(object) ?? (oldObject && of(oldObject));
}

function replicaSet(
  admission: AdmissionRequest,
  { deploymentOf }: Pick<AdmissionDeps, 'deploymentOf'>,
): Review {
  const request = read<ReplicaSetObject>(admission);
  const { object } = request;
  // The metadata of a new object may lack the namespace; only the request has it.
  const metadata = { ...object.metadata, namespace: request.namespace };
  const annotations = deploymentOf({ ...object, metadata })?.metadata.annotations;
  return mutateReplicaSet(request, { releaseOfDeployment: annotations?.[ANNOTATIONS.release] });
}

/** Nothing is denied: the review is for the user's name alone. */
function editReview(
  admission: AdmissionRequest,
  { onEdit }: Pick<AdmissionDeps, 'onEdit'>,
): AdmissionResponse {
  if (!admission.dryRun) onEdit(editOf(read(admission)));
  return { allowed: true };
}

function recordDenied(write: DeniedWrite, deps: AdmissionDeps): void {
  const { adapter, request } = write;
  const { namespace, object, oldObject, user, fieldManager } = request;
  const revision = quarantineKey(templateOf(adapter, object));
  const by = quarantinedBy(keyOf(adapter, request), revision, deps);
  if (by === undefined) {
    deps.onDenied(write);
    return;
  }
  const isCounted = deps.deniedAttempts.add({
    change: keyString({ namespace, name: by.metadata.name }),
    user: user.name,
    fieldManager,
    resourceVersion: oldObject?.metadata.resourceVersion ?? '',
  });
  if (isCounted) deps.onDenied(write);
}

/** The API server sends valid objects; any other input fails the review, not the process. */
function read<T = Json>(admission: AdmissionRequest): Request<T> {
  const { uid, operation, namespace, userInfo, object, oldObject, options } = admission;
  if (typeof object !== 'object' || object === null) {
    throw new Error(
      `review ${admission.kind.kind} ${namespace}/${admission.name}: no object in it`,
    );
  }
  const { fieldManager } = { fieldManager: undefined, ...Object(options) } as {
    readonly fieldManager: unknown;
  };
  return {
    id: uid,
    operation: operation === 'CREATE' ? 'CREATE' : 'UPDATE',
    namespace,
    user: {
      name: userInfo.username,
      ...(userInfo.uid === undefined ? {} : { uid: userInfo.uid }),
      ...(userInfo.groups === undefined ? {} : { groups: userInfo.groups }),
    },
    ...(typeof fieldManager === 'string' ? { fieldManager } : {}),
    object: object as T,
    ...(oldObject === null || oldObject === undefined ? {} : { oldObject: oldObject as T }),
  };
}

function answer(review: Review): AdmissionResponse {
  if (!review.allowed) {
    const code = review.reason === 'Forbidden' ? 403 : 422;
    return { allowed: false, code, reason: review.reason, message: review.message };
  }
  return {
    allowed: true,
    ...(review.patch.length > 0 ? { patch: review.patch } : {}),
    ...(review.warnings.length > 0 ? { warnings: review.warnings } : {}),
  };
}
