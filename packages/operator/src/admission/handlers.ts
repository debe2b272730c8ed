// SPDX-License-Identifier: Apache-2.0
import {
  PATHS,
  mutateWorkload,
  refusalFingerprint,
  stampDecision,
  validatePolicy,
  validateRecord,
  validateWorkload,
  isWayBack,
  type Deployment,
  type Request,
  type Review,
  type Sign,
  type WorkloadContext,
} from '@altershield/core';
import {
  keyString,
  type AdmissionHandler,
  type AdmissionHandlers,
  type AdmissionRequest,
  type AdmissionResponse,
  type Scheduler,
} from '@altershield/kube';
import type { ChangeObject } from '../kinds.ts';
import type { PolicyBook } from '../observe/policy-book.ts';
import type { Refusals } from '../observe/refusals.ts';
import type { DenialLedger } from './ledger.ts';
import type { SecretPaths } from './paths.ts';

export interface AdmissionDeps {
  readonly book: PolicyBook;
  readonly refusals: Refusals;
  readonly ledger: DenialLedger;
  /** Records of a Deployment by name, oldest first. */
  readonly changesOf: (namespace: string, name: string) => readonly ChangeObject[];
  /** How many pods the revisions of the Deployment with this uid ask for together. */
  readonly podsOf: (uid: string) => number | undefined;
  readonly sign: Sign;
  readonly fingerprintOf: (deployment: Deployment) => string;
  readonly paths: SecretPaths;
  readonly operatorNamespace: string;
  readonly scheduler: Pick<Scheduler, 'now'>;
  /** Called for each denied write, not for dry runs. */
  readonly onDenied: (request: Request<Deployment>, message: string) => void;
}

type Json = Readonly<Record<string, unknown>>;

/** What the API server asks us, by secret path. Every answer comes from memory. */
export function createHandlers(deps: AdmissionDeps): AdmissionHandlers {
  const place = (namespace: string) => ({ namespace, operatorNamespace: deps.operatorNamespace });
  const now = (): string => new Date(deps.scheduler.now()).toISOString();
  const handlers: readonly (readonly [string, AdmissionHandler])[] = [
    [PATHS.mutateWorkload, (r) => workload(r, deps, mutateWorkload)],
    [PATHS.validateWorkload, (r) => workload(r, deps, validateWorkload)],
    [PATHS.validatePolicy, (r) => answer(validatePolicy(read(r), place(r.namespace)))],
    [PATHS.mutateRecord, (r) => answer(stampDecision(read(r), { now: now(), sign: deps.sign }))],
    [PATHS.validateRecord, (r) => answer(validateRecord(read(r), r.subResource))],
  ];
  return new Map(handlers.map(([path, handler]) => [deps.paths.secret(path), handler]));
}

type ReviewWorkload = (request: Request<Deployment>, context: WorkloadContext) => Review;

function workload(
  admission: AdmissionRequest,
  deps: AdmissionDeps,
  review: ReviewWorkload,
): AdmissionResponse {
  const request = read<Deployment>(admission);
  const { namespace, object } = request;
  const { name } = object.metadata;
  const made = review(request, {
    policy: deps.book.governing('Deployment', object.metadata, namespace),
    refusalOf: (fingerprint) => deps.refusals.of(namespace, name, fingerprint),
    isWayBack: (replacement) => isWayBack(deps.changesOf(namespace, name), replacement),
    podsOf: deps.podsOf,
    sign: deps.sign,
    fingerprintOf: deps.fingerprintOf,
  });
  if (!made.allowed && !admission.dryRun) denied(request, made.message, deps);
  return answer(made);
}

function denied(request: Request<Deployment>, message: string, deps: AdmissionDeps): void {
  const { namespace, object, oldObject, user, fieldManager } = request;
  const by = deps.refusals.find(
    namespace,
    object.metadata.name,
    refusalFingerprint(object.spec.template),
  );
  if (by === undefined) {
    deps.onDenied(request, message);
    return;
  }
  const isCounted = deps.ledger.add({
    change: keyString({ namespace, name: by.metadata.name }),
    user: user.name,
    fieldManager,
    resourceVersion: oldObject?.metadata.resourceVersion ?? '',
  });
  if (isCounted) deps.onDenied(request, message);
}

/** The API server sends what its schema allows; what else comes fails the review, not the process. */
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
